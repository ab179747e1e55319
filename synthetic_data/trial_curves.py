"""A trial's population curves: through its figures, with shapes that also give its hazard ratios."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from pipeline.schema import Floats
from synthetic_data.curve_shapes import CurveShapes, curve_like, expected_death, load_curve_shapes
from synthetic_data.evidence import Arm, TrialSpec
from synthetic_data.median_limits import median_limits
from synthetic_data.published_figures import (
    ENDPOINT_LABELS,
    Figure,
    PublishedRatio,
    as_of,
    choose_figures,
    treatment_ratios,
)
from synthetic_data.scans import seen_at_scans
from synthetic_data.survival_curves import (
    SurvivalCurve,
    cox_hazard_ratio,
    curve_through,
    with_late_slope,
)

# Standard deviation of the log of a progression-free curve's shape around its prior: wide enough for the
# crossing curves of second-line trials, narrow enough that a hazard ratio alone cannot bend one out of form.
SHAPE_SPREAD = 0.35

# A curve of one arm with further knots, for a given shape.
Drawing = Callable[[float, Sequence[float]], SurvivalCurve]


@dataclass(frozen=True)
class TrialCurves:
    """The curves of a trial and what they rest on.

    Attributes
    ----------
    curves : mapping
        (arm, endpoint) to curve; all curves of an arm have the same knots.
    shapes : mapping
        (arm, endpoint) to the shape that was settled on: of progression-free survival the Weibull
        shape, of overall survival the power of the cumulative hazard expected (1: as expected).
    figures : tuple of Figure
        Built on and left out.
    ratios : tuple of PublishedRatio
    notes : tuple of str
        What was assumed or could not be met.
    """

    curves: Mapping[tuple[str, str], SurvivalCurve]
    shapes: Mapping[tuple[str, str], float]
    figures: tuple[Figure, ...]
    ratios: tuple[PublishedRatio, ...]
    notes: tuple[str, ...]


def prior_shape(trial: TrialSpec, arm: Arm) -> float:
    """Weibull shape expected of an arm's progression-free survival before any of its figures are seen.

    Progression is seen at the first scans, and after a checkpoint inhibitor alone those who respond
    stay free of it for long. Extensive-stage small-cell disease responds to chemotherapy and then
    relapses.
    """
    if trial.histology == "sclc":
        return 1.6
    return 1.25 if "chemotherapy" in arm.classes else 0.95


def trial_curves(
    trial: TrialSpec,
    arms: Sequence[str],
    accrual_months: float,
    until_follow_up_months: float | None = None,
    learnt: CurveShapes | None = None,
) -> TrialCurves:
    """Put a curve through the figures of every arm and endpoint of `trial`.

    Figures fix a curve where they lie, and the limits of medians' intervals where they tell of it
    (`median_limits`; overall survival only, as progression is seen at scans). Elsewhere overall survival
    follows what the arm's progression and the curves of other trials lead one to expect (`curve_shapes`),
    progression-free survival a prior shape. Both are bent so that Cox's hazard ratio at each readout's
    follow-up comes closest to the published one, in units of its standard error, without leaving what is
    expected by more than that is worth: a least-squares problem over the arms of one endpoint at a time.

    With `until_follow_up_months` only readouts with no longer follow-up are used: the trial as it was
    known at an earlier data cut. `learnt` replaces the shipped shapes.
    """
    learnt = learnt or load_curve_shapes()
    if until_follow_up_months is not None:
        trial = as_of(trial, until_follow_up_months)
    figures = {(a, e): choose_figures(trial, e, a) for e in ENDPOINT_LABELS for a in arms}
    points = {key: built_points(group) for key, group in figures.items()}
    if learnt.dying_for(trial).median_limits:
        for arm in arms:
            limits = median_limits(trial, figures[arm, "os"], accrual_months)
            points[arm, "os"] = sorted([*points[arm, "os"], *limits])
    sizes = {a: trial.arm(a).patients or 1 for a in arms}
    ratios = {e: treatment_ratios(trial, e, arms, accrual_months) for e in ENDPOINT_LABELS}
    notes = [
        f"{ENDPOINT_LABELS[e]} of {a} is read from population {population!r}, "
        f"not from the main one, {trial.main_population!r}"
        for e in ENDPOINT_LABELS
        for a in arms
        if (population := figures[a, e][0].population) != trial.main_population
    ]
    pfs_prior = {a: prior_shape(trial, trial.arm(a)) for a in arms}
    pfs_drawings = {a: _progression(trial, trial.arm(a), points, learnt) for a in arms}
    pfs_shapes = _fit_shapes(pfs_drawings, pfs_prior, ratios["pfs"], sizes, SHAPE_SPREAD)
    os_drawings = {a: _overall(trial, trial.arm(a), points, learnt) for a in arms}
    os_prior = {a: learnt.usual_power(trial, trial.arm(a)) for a in arms}
    spread = learnt.dying_for(trial).spread
    os_shapes = _fit_shapes(os_drawings, os_prior, ratios["os"], sizes, spread)
    curves = {}
    for arm in arms:
        knots = [m for e in ENDPOINT_LABELS for m, _ in points[arm, e]]
        os = os_drawings[arm](os_shapes[arm], knots)
        pfs = pfs_drawings[arm](pfs_shapes[arm], knots)
        # Progression or death cannot come later than death, also where only one of them has a figure.
        raised = np.maximum(pfs.cumulative_hazard, os.cumulative_hazard)
        smooth = SurvivalCurve(pfs.months, raised)
        if trial.assessments is not None:
            smooth = seen_at_scans(smooth, os, trial.assessments, [m for m, _ in points[arm, "pfs"]])
        curves[arm, "pfs"] = smooth
        curves[arm, "os"] = SurvivalCurve(smooth.months, os.hazard_to(smooth.months))
        largest = float(np.max(np.exp(-pfs.cumulative_hazard) - np.exp(-raised)))
        if largest > 0.005:
            notes.append(f"PFS of {arm} was lowered by up to {largest:.1%} to stay below OS")
    return TrialCurves(
        curves,
        {(a, "os"): s for a, s in os_shapes.items()} | {(a, "pfs"): s for a, s in pfs_shapes.items()},
        tuple(f for group in figures.values() for f in group),
        tuple(r for group in ratios.values() for r in group),
        tuple(notes),
    )


def _progression(
    trial: TrialSpec,
    arm: Arm,
    points: Mapping[tuple[str, str], list[tuple[float, float]]],
    learnt: CurveShapes,
) -> Drawing:
    """Progression-free survival of an arm, for a shape; beyond the last figure as other trials' arms."""
    late = learnt.slope_for(trial, arm, "pfs") / prior_shape(trial, arm)

    def drawing(shape: float, months: Sequence[float] = ()) -> SurvivalCurve:
        return with_late_slope(
            curve_through(points[arm.id, "pfs"], shape, months), points[arm.id, "pfs"][-1], late * shape
        )

    return drawing


def _overall(
    trial: TrialSpec,
    arm: Arm,
    points: Mapping[tuple[str, str], list[tuple[float, float]]],
    learnt: CurveShapes,
) -> Drawing:
    """Overall survival of an arm, for a power by which what is expected of it is bent."""
    dying = learnt.dying_for(trial)
    # Progression as it leads to death is given the learnt shape, not the one bent to PFS hazard ratios.
    progression = curve_through(points[arm.id, "pfs"], learnt.slope_for(trial, arm, "pfs"))
    expected = expected_death(progression, points[arm.id, "os"], dying)
    late = learnt.slope_for(trial, arm, "os")

    def drawing(power: float, months: Sequence[float] = ()) -> SurvivalCurve:
        return curve_like(expected, points[arm.id, "os"], power, late, dying.late_weight, months)

    return drawing


def built_points(figures: Sequence[Figure]) -> list[tuple[float, float]]:
    """Months and survival of the figures built on, in order of time."""
    return sorted((f.months, f.survival) for f in figures if f.built_on)


def expected_ratio(
    ratio: PublishedRatio, experimental: SurvivalCurve, control: SurvivalCurve, sizes: Mapping[str, int]
) -> float:
    """Return the hazard ratio two population curves give at the published one's follow-up."""
    share = sizes[ratio.experimental] / (sizes[ratio.experimental] + sizes[ratio.control])
    return cox_hazard_ratio(experimental, control, share, ratio.follow_up)


def _fit_shapes(
    drawings: Mapping[str, Drawing],
    prior: Mapping[str, float],
    ratios: Sequence[PublishedRatio],
    sizes: Mapping[str, int],
    spread: float,
) -> dict[str, float]:
    arms = list(drawings)
    if not ratios:
        return dict(prior)

    def residuals(log_steps: Floats) -> Floats:
        curve = {
            a: drawings[a](prior[a] * math.exp(step), ()) for a, step in zip(arms, log_steps, strict=True)
        }
        misses = [
            math.log(expected_ratio(r, curve[r.experimental], curve[r.control], sizes) / r.estimate)
            / r.standard_error
            for r in ratios
        ]
        return np.concatenate([misses, log_steps / spread])

    start = np.zeros(len(arms))
    fitted = least_squares(residuals, start, bounds=(-1.2, 1.2), diff_step=[1e-3], xtol=1e-6)
    return {a: prior[a] * math.exp(step) for a, step in zip(arms, fitted.x, strict=True)}
