"""A trial's population curves: through its figures, with shapes that also give its hazard ratios."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from pipeline.schema import Floats
from synthetic_data.evidence import Arm, TrialSpec
from synthetic_data.published_figures import (
    ENDPOINT_LABELS,
    Figure,
    PublishedRatio,
    choose_figures,
    treatment_ratios,
)
from synthetic_data.survival_curves import SurvivalCurve, cox_hazard_ratio, curve_through

# Standard deviation of the log of a curve's shape around its prior: wide enough for the crossing
# curves of second-line trials, narrow enough that a hazard ratio alone cannot bend a curve out of form.
SHAPE_SPREAD = 0.35


@dataclass(frozen=True)
class TrialCurves:
    """The curves of a trial and what they rest on.

    Attributes
    ----------
    curves : mapping
        (arm, endpoint) to curve; all curves of an arm have the same knots.
    shapes : mapping
        (arm, endpoint) to the shape that was settled on.
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


def prior_shape(trial: TrialSpec, arm: Arm, endpoint: str) -> float:
    """Weibull shape expected of an arm's curve before any of its figures are seen.

    Few patients of a trial die in its first weeks, so hazards of death rise at first; progression
    is seen at the first scans, and after a checkpoint inhibitor alone those who respond stay free
    of it for long. Extensive-stage small-cell disease responds to chemotherapy and then relapses.
    """
    small_cell = trial.histology == "sclc"
    chemotherapy = "chemotherapy" in arm.classes
    if endpoint == "os":
        return 1.5 if small_cell else 1.2 if chemotherapy else 1.05
    if small_cell:
        return 1.6
    return 1.25 if chemotherapy else 0.95


def trial_curves(trial: TrialSpec, arms: Sequence[str], accrual_months: float) -> TrialCurves:
    """Put a curve through the figures of every arm and endpoint of `trial`.

    Figures fix a curve where they lie. Its shape before the first and beyond the last is the one
    that makes Cox's hazard ratio at each readout's follow-up come closest to the published one,
    in units of its standard error, without leaving the prior shape by more than it is worth
    (SHAPE_SPREAD): a least-squares problem over the arms of one endpoint at a time.
    """
    figures = {(a, e): choose_figures(trial, e, a) for e in ENDPOINT_LABELS for a in arms}
    sizes = {a: trial.arm(a).patients or 1 for a in arms}
    shapes: dict[tuple[str, str], float] = {}
    all_ratios: list[PublishedRatio] = []
    notes: list[str] = []
    for endpoint in ENDPOINT_LABELS:
        ratios = treatment_ratios(trial, endpoint, arms, accrual_months)
        points = {a: built_points(figures[a, endpoint]) for a in arms}
        prior = {a: prior_shape(trial, trial.arm(a), endpoint) for a in arms}
        shapes |= {(a, endpoint): s for a, s in _fit_shapes(points, prior, ratios, sizes).items()}
        all_ratios += ratios
        notes += [
            f"{ENDPOINT_LABELS[endpoint]} of {a} is read from population {population!r}, "
            f"not from the main one, {trial.main_population!r}"
            for a in arms
            if (population := figures[a, endpoint][0].population) != trial.main_population
        ]
    curves = {}
    for arm in arms:
        knots = [m for e in ENDPOINT_LABELS for m, _ in built_points(figures[arm, e])]
        os, pfs = (
            curve_through(built_points(figures[arm, e]), shapes[arm, e], knots) for e in ENDPOINT_LABELS
        )
        curves[arm, "os"] = os
        # Progression or death cannot come later than death, also where only one of them has a figure.
        raised = np.maximum(pfs.cumulative_hazard, os.cumulative_hazard)
        curves[arm, "pfs"] = SurvivalCurve(pfs.months, raised)
        largest = float(np.max(np.exp(-pfs.cumulative_hazard) - np.exp(-raised)))
        if largest > 0.005:
            notes.append(f"PFS of {arm} was lowered by up to {largest:.1%} to stay below OS")
    return TrialCurves(
        curves, shapes, tuple(f for group in figures.values() for f in group), tuple(all_ratios), tuple(notes)
    )


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
    points: Mapping[str, list[tuple[float, float]]],
    prior: Mapping[str, float],
    ratios: Sequence[PublishedRatio],
    sizes: Mapping[str, int],
) -> dict[str, float]:
    arms = list(points)
    if not ratios:
        return dict(prior)

    def residuals(log_steps: Floats) -> Floats:
        shape = {a: prior[a] * math.exp(step) for a, step in zip(arms, log_steps, strict=True)}
        curve = {a: curve_through(points[a], shape[a]) for a in arms}
        misses = [
            math.log(expected_ratio(r, curve[r.experimental], curve[r.control], sizes) / r.estimate)
            / r.standard_error
            for r in ratios
        ]
        return np.concatenate([misses, log_steps / SHAPE_SPREAD])

    start = np.zeros(len(arms))
    fitted = least_squares(residuals, start, bounds=(-1.2, 1.2), diff_step=[1e-3], xtol=1e-6)
    return {a: prior[a] * math.exp(step) for a, step in zip(arms, fitted.x, strict=True)}
