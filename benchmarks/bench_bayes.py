"""What published evidence is worth to a small cohort: Bayesian updating beside a Cox model from scratch.

Coverage of intervals is a property of a model whose prior is true, so truths are drawn from the prior, in two
kinds of worlds:

* `published`: drawn from the published evidence within its intervals, and nothing else differs. The prior is
  true with heterogeneity 0; the default, which allows for more, must cover too much here.
* `unlike`: patients differ from the published ones besides, each coefficient by a Normal draw with standard
  deviation tau, and tau from the model's own prior on it: the default is true. Worlds take tau at evenly
  spaced quantiles of that prior, which leaves the mean over worlds as it is and makes its error smaller.

What is covered is the coefficient of Cox's model in the world's whole population, estimated in TRUTH_PATIENTS
of it; intervals are widened by that estimate's own standard error. The prior is made of worlds of its own.
"""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from pipeline.models.coefficient_prior import CoefficientPrior
    from pipeline.schema import Cohort, Floats

COHORT: Final = "poplar_simulated"
COLUMNS: Final = (
    "age_years", "male", "ecog_ps", "squamous", "liver_metastases", "pdl1_tps_percent", "nlr", "ldh_u_per_l",
    "albumin_g_per_dl", "tmb_mutations_per_mb", "stk11_mutant", "target_lesions_mm",
)  # fmt: skip
SIZES: Final = (40, 80, 160)
WORLDS: Final = 100
PRIOR_DRAWS, PRIOR_PATIENTS = 80, 10_000  # estimation is to be small beside what the evidence leaves open
TEST_PATIENTS, TRUTH_PATIENTS = 1_000, 50_000
SHIFT_STEPS: Final = 2  # of finding the patients' own shift that moves the population's coefficients as drawn
HORIZON: Final = 12.0
LEVEL: Final = 0.9
SCORES: Final = (("uno_c", None), ("brier", HORIZON), ("ici", HORIZON))
KINDS: Final[dict[str, dict[str, Any]]] = {"published": {"heterogeneity": (0.0,)}, "unlike": {}}


class World(NamedTuple):
    """One world: patients beyond counting, those judged on, and the small cohorts learnt from."""

    whole: Cohort
    test: Cohort
    small: list[Cohort]


class Truth(NamedTuple):
    """Coefficients in a world's population, and the standard errors they are known with; both (p,)."""

    beta: Floats
    error: Floats


def make_prior(path: Path) -> None:
    """Write the prior: drawn worlds that no test world is among."""
    from rich.console import Console

    from experiments.prior_command import make_prior as made

    quiet = Console(quiet=True)
    made(COHORT, "os", None, list(COLUMNS), None, None, PRIOR_DRAWS, PRIOR_PATIENTS, 11, path, quiet)


def true_coefficients(cohort: Cohort, prior: CoefficientPrior) -> Truth:
    """Fit Cox's model to a whole population."""
    from pipeline.models.coefficient_prior import FAINT_PENALTY
    from pipeline.models.partial_likelihood import RiskSets, ridge_fit
    from pipeline.schema import outcome

    x = prior.features.transform(cohort.observed).to_numpy() - prior.feature_means
    y = outcome(cohort.observed, "os")
    sets = RiskSets.of(x, y["time"], y["event"])
    beta = ridge_fit(sets, FAINT_PENALTY * len(x), prior.mean)
    curvature = sets.information(beta) + FAINT_PENALTY * len(x) * np.eye(len(beta))
    return Truth(beta, np.sqrt(np.diag(np.linalg.inv(curvature))))


def shifted(cohort: Cohort, prior: CoefficientPrior, shift: Floats, cut_month: float) -> Cohort:
    """Return the same patients, their log hazards of death moved by `shift` per unit of a feature.

    With Λ their arm's cumulative hazard and T the month of death, death now comes at Λ⁻¹(Λ(T) exp(-shift x)).
    """
    from synthetic_data.follow_up import observe

    truth = cohort.truth
    assert truth is not None  # noqa: S101 - it was drawn
    known = truth.patients.loc[cohort.observed.index]
    moved = (prior.features.transform(cohort.observed).to_numpy() - prior.feature_means) @ shift
    death = known["os_event_months"].to_numpy().copy()
    for arm in truth.arms:
        rows = (known["arm"] == arm).to_numpy()
        table = truth.hazards[truth.hazards["arm"] == arm]
        far = np.append(table["months"].to_numpy(), 1e4)
        hazard = truth.cumulative_hazard(arm, "os", far)
        reached = truth.cumulative_hazard(arm, "os", np.minimum(death[rows], 1e4))
        death[rows] = np.interp(reached * np.exp(-moved[rows]), hazard, far)
    outcomes = observe(known.assign(os_event_months=death), cut_month)[["os_months", "died"]]
    return replace(cohort, observed=cohort.observed.assign(**{c: outcomes[c] for c in outcomes}))


def drawn_tau(world: int) -> float:
    """Return the heterogeneity of a world: a quantile of the model's default prior on it."""
    from pipeline.models.bayes_cox import BayesCoxOptions

    options = BayesCoxOptions()
    taus = np.array(options.heterogeneity)
    weight = np.exp(-0.5 * (taus / options.heterogeneity_scale) ** 2)
    up_to = np.cumsum(weight / weight.sum())
    return float(taus[np.searchsorted(up_to, (world + 0.5) / WORLDS)])


def unlike(world: World, truth: Truth, move: Floats, prior: CoefficientPrior, cut_month: float) -> World:
    """Return the world with its population's coefficients moved by `move`.

    A patient's own log hazard has to be moved by more: what nobody measures weakens effects in a population.
    """
    shift = move
    for _ in range(SHIFT_STEPS):
        moved = true_coefficients(shifted(world.whole, prior, shift, cut_month), prior)
        shift = shift + truth.beta + move - moved.beta
    return World(
        shifted(world.whole, prior, shift, cut_month),
        shifted(world.test, prior, shift, cut_month),
        [shifted(cohort, prior, shift, cut_month) for cohort in world.small],
    )


def one_world(task: tuple[int, str]) -> list[dict[str, Any]]:
    """Draw a world from the evidence, one unlike it, small cohorts of both, and judge both models there."""
    from experiments.cohorts import resolve_simulated
    from pipeline.models.coefficient_prior import read_prior
    from synthetic_data.cohort import population_of, simulate_cohort

    number, path = task
    rng = np.random.default_rng([2, number])
    spec = resolve_simulated(COHORT, 10).spec.model_copy(update={"evidence_draw": "sample"})
    population = population_of(spec, None, rng)
    sizes = (TRUTH_PATIENTS, TEST_PATIENTS, *SIZES)
    *children, move_rng = rng.spawn(len(sizes) + 1)
    whole, test, *small = (
        simulate_cohort(population, n, child, workers=1) for n, child in zip(sizes, children, strict=True)
    )
    prior = read_prior(Path(path))
    world = World(whole, test, small)
    truth = true_coefficients(whole, prior)
    rows = judged(world, truth, prior, path, "published")
    tau = drawn_tau(number)
    if tau > 0:
        world = unlike(world, truth, tau * move_rng.normal(size=len(truth.beta)), prior, population.cut_month)
        truth = true_coefficients(world.whole, prior)
    rows += judged(world, truth, prior, path, "unlike")
    return [{"world": number, "tau": tau, **row} for row in rows]


def judged(world: World, truth: Truth, prior: CoefficientPrior, path: str, kind: str) -> list[dict[str, Any]]:
    """Fit both models to every small cohort; return their scores, and what their intervals cover."""
    from pipeline.metrics import METRICS
    from pipeline.models import ModelContext, build_model, null_prediction
    from pipeline.schema import outcome

    everybody = outcome(world.whole.observed, "os")
    context = ModelContext(
        tuple(prior.features.columns), "os", (HORIZON,), float(everybody["time"].max()),
        control_arm=world.whole.control_arm,
    )  # fmt: skip
    y_test = outcome(world.test.observed, "os")
    null = null_prediction(everybody["time"], everybody["event"], len(y_test), np.array([HORIZON]))
    rows = []
    for train in world.small:
        y_train = outcome(train.observed, "os")
        models: dict[str, Any] = {
            "bayes_cox": build_model("bayes_cox", context, {"prior": path, **KINDS[kind]}),
            "default": build_model("bayes_cox", context, {"prior": path}),
            "cox": build_model("cox", context),
        }
        row: dict[str, Any] = {"kind": kind, "patients": len(train), "events": int(y_train["event"].sum())}
        for name, model in models.items():
            model.fit(train.observed, y_train, np.random.default_rng(0))
            prediction = model.predict(world.test.observed, np.array([HORIZON]))
            for metric, horizon in SCORES:
                row[f"{metric} {name}"] = float(METRICS[metric](y_test, prediction, null, horizon)[0])
        for name in ("bayes_cox", "default"):
            row[f"covered {name}"] = float(np.mean(covered(models[name].intervals(LEVEL), truth)))
        rows.append(row)
    return rows


def covered(table: pd.DataFrame, truth: Truth) -> Any:
    """Return whether each interval, widened by the error of the truth, holds it; shape (p,)."""
    wider = np.sqrt(1 + (truth.error / table["sd"]) ** 2)
    low = table["mean"] - (table["mean"] - table["low"]) * wider
    high = table["mean"] + (table["high"] - table["mean"]) * wider
    return (low <= truth.beta) & (truth.beta <= high)


def with_error(values: pd.Series[float], form: str) -> str:
    """Return the mean over worlds and, in brackets, its Monte-Carlo error."""
    mean, error = values.mean(), values.std(ddof=1) / np.sqrt(len(values))
    return f"{format(mean, form)} ({format(error, form.lstrip('+'))})"


def summary(found: pd.DataFrame) -> pd.DataFrame:
    """Return mean scores by kind of world and size, paired differences, and coverage."""
    rows = []
    for (kind, size), part in found.groupby(["kind", "patients"], sort=False):
        for metric, _ in SCORES:
            ours, theirs = part[f"{metric} bayes_cox"], part[f"{metric} cox"]
            rows.append(
                {
                    "worlds": kind,
                    "patients": size,
                    "events": round(part["events"].mean()),
                    "score": metric,
                    "bayes_cox": f"{ours.mean():.3f}",
                    "cox": f"{theirs.mean():.3f}",
                    "difference": with_error(ours - theirs, "+.4f"),
                    "coverage": with_error(part["covered bayes_cox"], ".1%"),
                    "by default": f"{part['covered default'].mean():.1%}",
                }
            )
    return pd.DataFrame(rows)


def main() -> None:
    """Print mean scores of both models, their paired difference and the coverage of coefficients."""
    with TemporaryDirectory() as folder, ProcessPoolExecutor(os.cpu_count()) as pool:
        path = Path(folder) / "prior.json"
        make_prior(path)
        found = [row for rows in pool.map(one_world, [(k, str(path)) for k in range(WORLDS)]) for row in rows]
    print(f"{WORLDS} worlds of each kind; {len(COLUMNS)} columns; Monte-Carlo errors in brackets")
    print("bayes_cox: with the heterogeneity of its kind of world; by default: coverage with the default")
    print(f"coverage: of {LEVEL:.0%} intervals for the coefficients")
    print(summary(pd.DataFrame(found)).to_string(index=False))


if __name__ == "__main__":
    main()
