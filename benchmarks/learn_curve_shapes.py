"""Learn configs/evidence/curve_shapes.yaml: `python -m benchmarks.learn_curve_shapes` writes it anew.

Slopes come from the register's own figures. How patients die, how much the kind of regimen counts and
whether the limits of medians are followed are chosen from a grid: for a trial left out, what makes the mean
of the largest gaps of the other trials' arms to their digitised curves the smallest, each drawn from what
was published at its data cut. Nothing of the choice for a trial looks at its own curves.

What was settled before with all 14 curves in view: the illness-death form, the grid, and the criterion, which
is the one reported. The command prints what other criteria would have given.
"""

from __future__ import annotations

import itertools

import numpy as np
import yaml
from joblib import Parallel, delayed

from benchmarks.bench_curves import FILE
from synthetic_data.curve_shapes import SHAPES_FILE, CurveShapes, Dying, Slope, kind_of
from synthetic_data.digitised_curves import Digitised, Gap, by_trial, digitised_curves, gap
from synthetic_data.evidence import Register, TrialSpec, load_register
from synthetic_data.published_figures import (
    ACCRUAL_MONTHS,
    ENDPOINT_LABELS,
    as_of,
    choose_figures,
    drawable_arms,
    population_of,
)
from synthetic_data.trial_curves import built_points, trial_curves

SHORTEST_STRETCH = 0.4  # of log time between the first and the last figure, for a slope to say anything
SMALLEST_SLOPE = 0.2  # a plateau's slope has no log
SOURCE = (
    "Slopes: the figures of the register. Dying: summary of 14 digitised curves, "
    "Bomze et al., JAMA Netw Open 2020, 10.1001/jamanetworkopen.2020.17675"
)
DIRECT_DEATHS = (0.010, 0.015, 0.022)
AFTER_PROGRESSION = (0.7, 0.85, 1.0, 1.2, 1.4)
LATE_WEIGHTS = (0.0, 0.5, 1.0)
SPREADS = (0.35, 0.7)  # at 0.7, one standard deviation doubles a power; more is no shape
KIND_WEIGHTS = (0.0, 0.5, 1.0)
CRITERIA = {
    "mean largest gap": lambda g: abs(g.largest),
    "mean square gap": lambda g: g.mean_square,
    "mean absolute gap": lambda g: g.mean,
}


def published_slopes(register: Register) -> tuple[Slope, ...]:
    """Slope of log cumulative hazard on log months of every lung arm with figures far enough apart.

    Pooled analyses are left out: they would bring a left-out trial's patients back in.
    """
    slopes = []
    for trial in register.trials.values():
        if trial.pooled or not trial.lung:
            continue
        for arm in trial.arms:
            for endpoint in ENDPOINT_LABELS:
                if population_of(trial, endpoint, arm.id) is None:
                    continue
                points = built_points(choose_figures(trial, endpoint, arm.id))
                log_months = np.log([m for m, _ in points])
                if len(points) < 2 or log_months[-1] - log_months[0] < SHORTEST_STRETCH:
                    continue
                log_hazard = np.log(-np.log([s for _, s in points]))
                slope = max(float(np.polyfit(log_months, log_hazard, 1)[0]), SMALLEST_SLOPE)
                slopes.append(
                    Slope(
                        trial=trial.id,
                        arm=arm.id,
                        endpoint=endpoint,
                        kind=kind_of(arm),
                        small_cell=trial.histology == "sclc",
                        slope=round(slope, 3),
                    )
                )
    return tuple(slopes)


def gaps(trial: TrialSpec, arms: list[Digitised], shapes: CurveShapes) -> list[Gap]:
    """Gaps of the trial's curves, drawn as of the digitised cut, to the digitised ones."""
    until = arms[0].until_follow_up_months
    drawn = trial_curves(trial, drawable_arms(as_of(trial, until)), ACCRUAL_MONTHS, until, shapes)
    return [gap(drawn.curves[a.arm, "os"], a) for a in arms]


def learn(register: Register, curves: list[Digitised], jobs: int = -1) -> CurveShapes:
    """Learn all shapes; the choice without a trial is the best for the others' arms."""
    slopes = published_slopes(register)
    groups = by_trial(curves, register)
    candidates = [
        Dying(
            direct_deaths=d, after_progression=a, late_weight=w, spread=s, kind_weight=k, median_limits=limits
        )
        for d, a, w, s, k, limits in itertools.product(
            DIRECT_DEATHS, AFTER_PROGRESSION, LATE_WEIGHTS, SPREADS, KIND_WEIGHTS, (False, True)
        )
    ]

    def row(candidate: Dying) -> list[list[Gap]]:
        shapes = CurveShapes(source=SOURCE, dying=candidate, dying_without={}, slopes=slopes)
        return [gaps(register.trial(trial), arms, shapes) for trial, arms in groups.items()]

    found = Parallel(n_jobs=jobs)(delayed(row)(c) for c in candidates)
    picks = {}
    for name, criterion in CRITERIA.items():
        scores = np.array([[np.mean([criterion(g) for g in trial]) for trial in one] for one in found])
        without = [
            int(np.argmin(np.delete(scores, column, axis=1).mean(axis=1))) for column in range(len(groups))
        ]
        picks[name] = (without, int(np.argmin(scores.mean(axis=1))))
        left_out = [g for column, pick in enumerate(without) for g in found[pick][column]]
        largest = np.abs([g.largest for g in left_out])
        print(
            f"left out, chosen by the {name + ':':20} largest gaps mean {largest.mean():.4f}, worst "
            f"{largest.max():.4f}; mean absolute {np.mean([g.mean for g in left_out]):.4f}"
        )
    without, best = picks["mean largest gap"]
    left_out_choice = {trial: candidates[pick] for trial, pick in zip(groups, without, strict=True)}
    return CurveShapes(source=SOURCE, dying=candidates[best], dying_without=left_out_choice, slopes=slopes)


def as_yaml(shapes: CurveShapes) -> str:
    """Return the file's text: one slope a line."""
    head = yaml.safe_dump(shapes.model_dump(exclude={"slopes"}), sort_keys=False, width=110)
    lines = [
        yaml.safe_dump(s.model_dump(), default_flow_style=True, width=200, sort_keys=False)
        for s in shapes.slopes
    ]
    return head + "slopes:\n" + "".join(f"- {line}" for line in lines)


def main() -> None:
    """Learn from the digitised curves and write the file."""
    register = load_register()
    shapes = learn(register, digitised_curves(FILE, register))
    SHAPES_FILE.write_text(as_yaml(shapes), encoding="utf-8")
    print(f"written: {SHAPES_FILE.name}")


if __name__ == "__main__":
    main()
