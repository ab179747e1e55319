"""What the limits of a published median's interval say of the curve that the median lies on."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from synthetic_data.evidence import TrialSpec
from synthetic_data.published_figures import Figure, potential_follow_up

FEWEST_AT_RISK = 20  # beyond, a Kaplan-Meier curve of a trial is noise
LEAST_STEP = 0.02  # of survival, from a figure to a limit of a median that still adds something to it


def median_limits(
    trial: TrialSpec, figures: list[Figure], accrual_months: float
) -> list[tuple[float, float]]:
    """Months and survival that the interval of an arm's median tells of, beside the figures built on.

    The interval of a median holds the months at which half alive is not refuted (Brookmeyer and Crowley,
    Biometrics 1982;38:29-41). So at its limits the Kaplan-Meier curve lies as far from one half as its own
    confidence reaches there: log cumulative hazard is log(log 2) -/+ z times its standard error. That error
    follows by Greenwood's formula from the size of the arm, a hazard constant up to the limit and uniform
    follow-up. Left out: limits where fewer than FEWEST_AT_RISK are expected to be at risk, limits nearer to
    a figure built on than LEAST_STEP, and those that would let survival rise beside one.

    Parameters
    ----------
    trial : TrialSpec
    figures : list of Figure
        Of one arm and endpoint, as of `choose_figures`.
    accrual_months : float
    """
    built = [f for f in figures if f.built_on]
    found: list[tuple[float, float]] = []
    for figure in built:
        readout = trial.readouts[figure.readout]
        arm = readout.arms.get(figure.arm)
        size = (arm.patients if arm else None) or trial.arm(figure.arm).patients
        if figure.kind != "median" or arm is None or arm.median is None or size is None:
            continue
        z = NormalDist().inv_cdf((1 + arm.median.level) / 2)
        follow_up = potential_follow_up(trial, readout, accrual_months)
        for months, side in ((figure.low, -z), (figure.high, z)):
            survival = None if months is None else _survival_at_limit(months, side, size, follow_up)
            others = [*((f.months, f.survival) for f in built), *found]
            if months is not None and survival is not None and all(
                (months - m) * (survival - s) < 0 and abs(survival - s) >= LEAST_STEP for m, s in others
            ):  # fmt: skip
                found.append((months, survival))
    return sorted(found)


def _survival_at_limit(
    months: float, side: float, size: int, follow_up: tuple[float, float]
) -> float | None:
    """Survival at one limit of a median's interval; None where too few are at risk to tell."""
    edges = np.linspace(0.0, months, 201)
    middle = (edges[1:] + edges[:-1]) / 2
    earliest, latest = follow_up
    watched = np.clip((latest - middle) / max(latest - earliest, 1e-9), 0.0, 1.0)
    hazard = math.log(2)  # cumulative, at the limit
    for _ in range(20):
        at_risk = size * watched * np.exp(-hazard * middle / months)
        if at_risk[-1] < FEWEST_AT_RISK:
            return None
        variance = float((hazard / len(middle) / at_risk).sum())
        hazard = math.log(2) * math.exp(side * math.sqrt(variance) / hazard)
    return math.exp(-hazard)
