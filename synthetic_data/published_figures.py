"""Which published figures of a trial a cohort is built on, which are left out, and why."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from pipeline.schema import InputError
from synthetic_data.evidence import Readout, TrialSpec
from synthetic_data.survival_curves import follow_up_distribution

ENDPOINT_LABELS = {"os": "OS", "pfs": "PFS"}
# An older figure is refused when it asks for a jump of the hazard between neighbouring intervals of
# more than this factor, beyond what a hazard changing in proportion to time would show.
LARGEST_KINK = 2.5
ACCRUAL_MONTHS = 18.0  # assumed where a cohort file does not say


@dataclass(frozen=True)
class Figure:
    """One published point of a survival curve.

    `survival` is 0.5 for a median. `reason` says why the figure was not built on.
    """

    arm: str
    endpoint: str
    kind: str  # "median" or "landmark"
    months: float
    survival: float
    low: float | None
    high: float | None
    follow_up_months: float
    population: str
    source: str
    readout: int
    reason: str = ""

    @property
    def built_on(self) -> bool:
        """Whether the curve passes through it."""
        return not self.reason


@dataclass(frozen=True)
class PublishedRatio:
    """A published treatment hazard ratio between two arms."""

    endpoint: str
    experimental: str
    control: str
    estimate: float
    low: float | None
    high: float | None
    level: float | None
    standard_error: float
    follow_up: tuple[float, float]
    follow_up_months: float
    population: str
    source: str


def follow_up_months(trial: TrialSpec, readout: Readout) -> float:
    """Follow-up of a readout; where it is not stated, that of the same cut, or what the figures need."""
    if readout.follow_up is not None:
        return readout.follow_up.months
    cut = [r for r in trial.readouts if r is readout or (r.data_cut and r.data_cut == readout.data_cut)]
    stated = [r.follow_up.months for r in cut if r.follow_up is not None]
    if stated:
        return max(stated)
    figures = [f for r in cut for f in r.arms.values()]
    months = [m.months for f in figures for m in f.landmarks]
    months += [1.2 * f.median.months for f in figures if f.median and f.median.months]
    return max(months, default=12.0)


def as_of(trial: TrialSpec, months: float) -> TrialSpec:
    """Return the trial as known at an earlier cut: readouts with no more than `months` of follow-up."""
    known = tuple(r for r in trial.readouts if follow_up_months(trial, r) <= months)
    return trial.model_copy(update={"readouts": known})


def recency(trial: TrialSpec, readout: Readout) -> tuple[float, int]:
    """Sort key: the later data cut, which has the longer follow-up, is the larger."""
    return follow_up_months(trial, readout), readout.source.year or 0


def population_of(trial: TrialSpec, endpoint: str, arm: str) -> str | None:
    """Return the population an arm's curve is read from: the main one, else all randomised."""
    label = ENDPOINT_LABELS[endpoint]
    for population in _populations(trial):
        if any(
            r.endpoint == label and r.population == population and _points(r, arm) for r in trial.readouts
        ):
            return population
    return None


def _populations(trial: TrialSpec) -> list[str]:
    return [p for p in dict.fromkeys((trial.main_population, "ITT")) if p]


def _points(readout: Readout, arm: str) -> list[tuple[str, float, float, float | None, float | None]]:
    """Kind, months, survival and interval of an arm's figures in one readout."""
    figures = readout.arms.get(arm)
    if figures is None or readout.approximate:
        return []
    points: list[tuple[str, float, float, float | None, float | None]] = []
    if figures.median is not None and figures.median.months is not None:
        low, high = figures.median.interval or (None, None)
        points.append(("median", figures.median.months, 0.5, low, high))
    for mark in figures.landmarks:
        low, high = mark.interval or (None, None)
        if 0 < mark.rate < 1:
            points.append(("landmark", mark.months, mark.rate, low, high))
    return points


def choose_figures(trial: TrialSpec, endpoint: str, arm: str) -> list[Figure]:
    """Every figure of an arm's curve, those built on first and in order of time.

    Later data cuts win. A figure of an earlier cut is built on as well when a later one does not
    give it and the curve stays a plausible one: falling, and without a jump of the hazard
    (LARGEST_KINK). Figures of one and the same cut are never set against each other.
    """
    population = population_of(trial, endpoint, arm)
    readouts = [
        (i, r)
        for i, r in enumerate(trial.readouts)
        if r.endpoint == ENDPOINT_LABELS[endpoint] and r.population == population
    ]
    chosen: list[Figure] = []
    refused: list[Figure] = []
    for i, readout in sorted(readouts, key=lambda ir: recency(trial, ir[1]), reverse=True):
        for kind, months, survival, low, high in _points(readout, arm):
            figure = Figure(
                arm, endpoint, kind, months, survival, low, high,
                follow_up_months(trial, readout), readout.population, readout.source.cite(), i,
            )  # fmt: skip
            reason = _objection(figure, chosen)
            if reason:
                refused.append(Figure(**{**figure.__dict__, "reason": reason}))
            else:
                chosen.append(figure)
    return sorted(chosen, key=lambda f: f.months) + refused


def _objection(figure: Figure, chosen: list[Figure]) -> str:
    """Why `figure` cannot join the later figures `chosen`; empty when it can."""
    later = [c for c in chosen if c.readout != figure.readout]
    for other in chosen:
        same = (figure.kind, figure.kind == "median" or figure.months) == (
            other.kind, other.kind == "median" or other.months,
        )  # fmt: skip
        if same or other.months == figure.months:
            return f"a later cut gives {_words(other)}"
    for other in chosen:
        if (figure.months - other.months) * (figure.survival - other.survival) >= 0:
            return f"survival would rise beside {_words(other)}"
    if later and _has_kink(figure, chosen):
        return "the hazard would jump beside the figures of a later cut"
    return ""


def _words(figure: Figure) -> str:
    if figure.kind == "median":
        return f"a median of {figure.months:g} months"
    return f"{figure.survival:.1%} at {figure.months:g} months"


def _has_kink(figure: Figure, chosen: Iterable[Figure]) -> bool:
    points = sorted([(0.0, 1.0), *((f.months, f.survival) for f in (*chosen, figure))])
    at = points.index((figure.months, figure.survival))
    steps = [
        ((t0 + t1) / 2, math.log(s0 / s1) / (t1 - t0)) for (t0, s0), (t1, s1) in pairwise(points)
    ]  # middle and hazard of each interval
    for left, right in pairwise(steps[max(at - 2, 0) : at + 2]):
        allowed = math.log(LARGEST_KINK) + math.log(right[0] / left[0])
        if abs(math.log(right[1] / left[1])) > allowed:
            return True
    return False


def treatment_ratios(
    trial: TrialSpec, endpoint: str, arms: Iterable[str], accrual_months: float
) -> list[PublishedRatio]:
    """Return the treatment hazard ratios between `arms`, in the population their curves come from."""
    arms = set(arms)
    ratios = []
    for readout in sorted(trial.readouts, key=lambda r: recency(trial, r)):
        contrast, ratio = readout.contrast, readout.hazard_ratio
        if (
            readout.endpoint != ENDPOINT_LABELS[endpoint]
            or contrast is None
            or ratio is None
            or contrast.kind != "treatment"
            or not {contrast.experimental, contrast.control} <= arms
            or readout.population != population_of(trial, endpoint, contrast.experimental)
        ):
            continue
        low, high = ratio.interval or (None, None)
        ratios.append(
            PublishedRatio(
                endpoint, contrast.experimental, contrast.control, ratio.estimate, low, high, ratio.level,
                ratio.standard_error or 0.15, potential_follow_up(trial, readout, accrual_months),
                follow_up_months(trial, readout), readout.population, readout.source.cite(),
            )
        )  # fmt: skip
    return ratios


def potential_follow_up(trial: TrialSpec, readout: Readout, accrual_months: float) -> tuple[float, float]:
    """Earliest and latest potential follow-up of a readout's patients; uniform between the two."""
    months = follow_up_months(trial, readout)
    if readout.follow_up is not None and readout.follow_up.kind == "minimum":
        return months, months + accrual_months
    return follow_up_distribution(months, accrual_months)


def drawable_arms(trial: TrialSpec) -> tuple[str, ...]:
    """Arms with figures for both overall and progression-free survival, control first.

    Raises
    ------
    InputError
        When fewer than one such arm exists; says what is missing for each arm.
    """
    missing = {
        arm.id: [ENDPOINT_LABELS[e] for e in ENDPOINT_LABELS if population_of(trial, e, arm.id) is None]
        for arm in trial.arms
    }
    complete = [a for a in trial.arms if not missing[a.id]]
    if not complete:
        lines = [
            f"arm {arm!r}: no median or landmark rate for {' and '.join(endpoints)} "
            f"in population {' or '.join(map(repr, _populations(trial)))}"
            for arm, endpoints in missing.items()
        ]
        raise InputError(
            f"trial {trial.id} cannot be drawn: no arm has published figures for both OS and PFS\n  "
            + "\n  ".join(lines)
        )
    return tuple(a.id for a in sorted(complete, key=lambda a: a.role != "control"))
