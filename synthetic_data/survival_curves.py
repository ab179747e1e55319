"""A survival curve through published figures, and baseline hazards whose population average it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.optimize import brentq

from pipeline.schema import Floats

GRID_MONTHS = 0.25  # spacing of knots: finer than any visit schedule, coarse enough to solve in milliseconds
LAST_MONTH = 180.0  # curves are drawn to here; no trial of the register follows patients that long
LEAST_SURVIVAL = 1e-300  # a steep curve's survival at LAST_MONTH is no number a hazard could be solved for
ATOMS = 72  # side of the grid of relative hazards that a large population is condensed to


@dataclass(frozen=True)
class SurvivalCurve:
    """A survival curve as its cumulative hazard, linear between knots.

    Attributes
    ----------
    months : array, shape (k,)
        Increasing from 0.
    cumulative_hazard : array, shape (k,)
        Minus the log of survival; never falling, 0 at 0.
    """

    months: Floats
    cumulative_hazard: Floats

    def hazard_to(self, months: Floats | float) -> Floats:
        """Cumulative hazard at `months`, the last slope carried on."""
        return extend(self.months, self.cumulative_hazard, np.asarray(months, dtype=float))

    def survival(self, months: Floats | float) -> Floats:
        """Probability of being event-free past `months`."""
        return np.asarray(np.exp(-self.hazard_to(months)))

    def median(self) -> float:
        """Month at which half have had the event."""
        return float(inverse(self.months, self.cumulative_hazard, np.array([math.log(2.0)]))[0])


def extend(knots: Floats, values: Floats, months: Floats) -> Floats:
    """Linear interpolation of `values` over `knots`, the last slope carried on."""
    slope = (values[-1] - values[-2]) / (knots[-1] - knots[-2])
    return np.asarray(np.interp(months, knots, values) + np.maximum(months - knots[-1], 0.0) * slope)


def inverse(knots: Floats, values: Floats, target: Floats) -> Floats:
    """Earliest month at which the non-falling `values` reach `target`; infinite if they never do."""
    upper = np.clip(np.searchsorted(values, target, side="left"), 1, len(values) - 1)
    low, high = values[upper - 1], values[upper]
    start, width = knots[upper - 1], knots[upper] - knots[upper - 1]
    with np.errstate(divide="ignore", invalid="ignore"):  # a last slope of 0 is never left again
        months = start + width * (target - low) / (high - low)
    return np.asarray(np.where(target <= values[0], knots[0], months))


def curve_knots(
    points: Sequence[tuple[float, float]], months: Sequence[float] = ()
) -> tuple[Floats, Floats, Floats]:
    """Knots of a curve through `points`, and the points' months and cumulative hazards.

    Raises
    ------
    ValueError
        When the points are not those of a falling survival curve.
    """
    at_months = np.array([m for m, _ in points], dtype=float)
    hazard = -np.log(np.array([s for _, s in points], dtype=float))
    if not points or at_months[0] <= 0 or (np.diff(at_months) <= 0).any() or (np.diff(hazard) <= 0).any():
        raise ValueError(f"points must rise in months and fall in survival. Got {list(points)} instead")
    grid = np.arange(0.0, LAST_MONTH + GRID_MONTHS / 2, GRID_MONTHS)
    knots = np.unique(np.concatenate([grid, at_months, np.asarray(months, dtype=float)]))
    return knots, at_months, hazard


def curve_through(
    points: Sequence[tuple[float, float]], shape: float, months: Sequence[float] = ()
) -> SurvivalCurve:
    """Smooth survival curve through published points.

    Monotone cubic interpolation (Fritsch and Carlson 1980) of the cumulative hazard over months to the
    power `shape`. One point therefore gives a Weibull curve with that shape; several points are met
    exactly, with a hazard of that shape before the first and beyond the last, where it continues from
    the slope between the last two.

    Parameters
    ----------
    points : sequence of (months, survival)
        Increasing in months, falling in survival, all inside (0, 1).
    shape : float
        Above 1: few early events; below 1: many early events and a long tail.
    months : sequence of float
        Further knots wanted, beside the points and a grid of GRID_MONTHS.
    """
    knots, at_months, hazard = curve_knots(points, months)
    warped, at = at_months**shape, knots**shape
    anchors_x, anchors_y = np.concatenate([[0.0], warped]), np.concatenate([[0.0], hazard])
    if len(points) == 1:
        values = hazard[0] * at / warped[0]
    else:
        values = np.asarray(PchipInterpolator(anchors_x, anchors_y)(np.minimum(at, warped[-1])))
        slope = (anchors_y[-1] - anchors_y[-2]) / (anchors_x[-1] - anchors_x[-2])
        values = values + np.maximum(at - warped[-1], 0.0) * slope
    return SurvivalCurve(knots, np.maximum.accumulate(values))


def with_late_slope(curve: SurvivalCurve, last: tuple[float, float], slope: float) -> SurvivalCurve:
    """Let cumulative hazard beyond the last published figure grow as time to the power `slope`."""
    month, survival = last
    later = -math.log(survival) * (np.maximum(curve.months, month) / month) ** slope
    return SurvivalCurve(curve.months, np.where(curve.months > month, later, curve.cumulative_hazard))


def follow_up_distribution(median_months: float, accrual_months: float) -> tuple[float, float]:
    """Earliest and latest potential follow-up of a trial with uniform accrual, cut once.

    Follow-up is uniform between the two and has the given median; a trial read out before accrual
    could have ended is taken to have accrued from the first day.
    """
    half = min(accrual_months / 2, median_months)
    return median_months - half, median_months + half


def cox_hazard_ratio(
    experimental: SurvivalCurve, control: SurvivalCurve, share: float, follow_up: tuple[float, float]
) -> float:
    """Hazard ratio to which Cox's estimate tends when such a trial is repeated without end.

    Solves the population score equation (Struthers and Kalbfleisch 1986) for two arms whose
    patients are followed for a uniform time; under proportional hazards that is the ratio itself,
    otherwise an average weighted by who is at risk and by the censoring.

    Parameters
    ----------
    experimental, control : SurvivalCurve
        Population curves of the two arms.
    share : float
        Fraction of patients in the experimental arm.
    follow_up : (float, float)
        Earliest and latest potential follow-up in months.
    """
    edges = np.linspace(0.0, follow_up[1], 1201)
    low, high = follow_up
    middle = (edges[1:] + edges[:-1]) / 2
    watched = np.clip((high - middle) / max(high - low, 1e-9), 0.0, 1.0)
    events_e = share * watched * -np.diff(experimental.survival(edges))
    events_c = (1 - share) * watched * -np.diff(control.survival(edges))
    risk_e = share * experimental.survival(middle)
    risk_c = (1 - share) * control.survival(middle)

    def score(log_ratio: float) -> float:
        weight = risk_e * math.exp(log_ratio)
        return float(np.sum(events_e - (events_e + events_c) * weight / (weight + risk_c)))

    return math.exp(float(brentq(score, -6.0, 6.0, xtol=1e-10)))


@dataclass(frozen=True)
class Atoms:
    """Relative hazards of death and of progression, condensed to weighted atoms.

    Up to ATOMS² patients are kept one by one. Larger populations are cut into equal groups by
    progression hazard and, within each, by hazard of death; a group is represented by its means,
    which moves a population average by less than 1e-4.
    """

    death: Floats
    progression: Floats
    weight: Floats

    @classmethod
    def of(cls, death: Floats, progression: Floats) -> Atoms:
        """Condense the relative hazards of a drawn population, both of shape (n,)."""
        n = len(death)
        if n <= ATOMS * ATOMS:
            return cls(death, progression, np.full(n, 1.0 / n))
        outer = np.array_split(np.argsort(progression, kind="stable"), ATOMS)
        groups = [
            part
            for rows in outer
            for part in np.array_split(rows[np.argsort(death[rows], kind="stable")], ATOMS)
        ]
        sizes = np.array([len(g) for g in groups])
        order, starts = np.concatenate(groups), np.concatenate([[0], np.cumsum(sizes)[:-1]])
        means = [np.add.reduceat(x[order], starts) / sizes for x in (death, progression)]
        return cls(means[0], means[1], sizes / n)


def baseline_hazard(
    target: SurvivalCurve,
    rate: Floats,
    weight: Floats,
    other: Floats | None = None,
    association: float = 1.0,
) -> Floats:
    """Cumulative baseline hazard at the curve's knots whose population average is the curve.

    Solves, at each knot, mean(exp(-((Λ rate)^θ + other^θ)^(1/θ))) = target for Λ, with θ the
    `association`; θ = 1 is the product of two independent survivals. In Λ^θ the log of that mean is
    convex and falling, so Newton's method from below never passes the root.

    Parameters
    ----------
    target : SurvivalCurve
        With k knots.
    rate, weight : array, shape (p,)
        Relative hazards of the atoms and their shares (sum 1).
    other : array, shape (k, p), optional
        Cumulative hazard of other causes at each knot.
    association : float
        Parameter of the Gumbel-Hougaard survival copula that joins the two causes, at least 1.

    Returns
    -------
    array, shape (k,)
        Never falling. Where the target falls more slowly than `other` allows, the hazard stands still
        and the average stays below the target.
    """
    survival = np.maximum(target.survival(target.months), LEAST_SURVIVAL)
    powered = rate**association
    solved = np.zeros(len(survival))
    solution = 0.0
    for knot, wanted in enumerate(survival):
        fixed = np.zeros_like(rate) if other is None else other[knot] ** association
        solution = _solve(powered, fixed, weight, 1.0 / association, float(wanted), solution)
        solved[knot] = solution
    return np.asarray(solved ** (1.0 / association))


def _solve(
    powered: Floats, fixed: Floats, weight: Floats, exponent: float, wanted: float, start: float
) -> float:
    """Solution x of sum(weight · exp(-(x powered + fixed)^exponent)) = wanted that is not below `start`."""
    x = start
    for _ in range(200):
        inner = x * powered + fixed
        terms = weight * np.exp(-(inner**exponent))
        mean = float(terms.sum())
        if mean <= wanted * (1 + 1e-12):
            return x
        if exponent != 1.0:
            terms = terms * exponent * np.maximum(inner, 1e-12) ** (exponent - 1.0)
        x += math.log(mean / wanted) * mean / float((terms * powered).sum())
    return x
