"""Whether the median, the landmark rates and the hazard ratio of a readout can all be true."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist

from synthetic_data.evidence.trials import Readout, SurvivalFigures
from synthetic_data.evidence.values import Landmark, Median

# A published rate is rounded to a whole per cent at worst, and a median is read off steps of the curve.
ROUNDING = 0.011
# Beyond chance, medians and landmarks may differ from the hazard ratio because they look at a part of
# the curve: with no effect until half of the events have happened and a ratio h afterwards, the average
# log ratio is log(h) / 2, so a single time is off by as much. A factor of 1.6 covers late ratios down to
# 0.4, stronger than any checkpoint inhibitor's.
NON_PROPORTIONALITY = math.log(1.6)
STANDARD_ERRORS = 2.0


@dataclass(frozen=True)
class Implied:
    """A log hazard ratio that figures other than the ratio imply under proportional hazards."""

    origin: str
    log_ratio: float
    standard_error: float


def landmark_faults(landmarks: tuple[Landmark, ...]) -> Iterator[str]:
    """Say where survival rises with time, or a time stands twice."""
    ordered = sorted(landmarks, key=lambda x: x.months)
    for earlier, later in pairwise(ordered):
        if earlier.months == later.months:
            yield f"has two rates at {later.months:g} months: {earlier.rate:g} and {later.rate:g}"
        elif later.rate > earlier.rate:
            yield (
                f"rates rise with time: {earlier.rate:g} at {earlier.months:g} months, "
                f"{later.rate:g} at {later.months:g} months"
            )


def median_faults(figures: SurvivalFigures) -> Iterator[str]:
    """Say where an arm's median contradicts its landmark rates, allowing for rounding."""
    median = figures.median
    if median is None:
        return
    for landmark in figures.landmarks:
        at = f"rate {landmark.rate:g} at {landmark.months:g} months"
        if median.months is None:
            continue
        if landmark.months > median.months and landmark.rate > 0.5 + ROUNDING:
            yield f"median {median.months:g} months, yet {at}: more than half are still free of the event"
        elif landmark.months < median.months and landmark.rate < 0.5 - ROUNDING:
            yield f"median {median.months:g} months, yet {at}: more than half have already had the event"


def unreached_median_doubts(figures: SurvivalFigures, follow_up_months: float | None) -> Iterator[str]:
    """Say where a median is called not reached although a rate within follow-up lies well below a half."""
    if figures.median is None or figures.median.reached or follow_up_months is None:
        return
    for landmark in figures.landmarks:
        if landmark.months <= follow_up_months and landmark.rate < 0.5 - ROUNDING:
            yield (
                f"median not reached, yet rate {landmark.rate:g} at {landmark.months:g} months "
                f"with {follow_up_months:g} months of follow-up"
            )


def implied_log_ratios(readout: Readout) -> Iterator[Implied]:
    """Return the log hazard ratios that medians and landmark rates imply under proportional hazards.

    Medians imply ``log(control / experimental)`` when hazards are constant; rates at one time imply
    ``log(log S1 / log S0)`` whatever the shape.
    """
    if readout.contrast is None:
        return
    sides = readout.arms or readout.groups
    first, second = sides.get(readout.contrast.experimental), sides.get(readout.contrast.control)
    if first is None or second is None:
        return
    a, b = first.median, second.median
    if a is not None and b is not None and a.months is not None and b.months is not None:
        yield Implied(
            f"medians {a.months:g} v {b.months:g} months",
            math.log(b.months / a.months),
            math.hypot(_median_error(a, first.patients), _median_error(b, second.patients)),
        )
    other = {x.months: x for x in second.landmarks}
    for x in first.landmarks:
        y = other.get(x.months)
        if y is None or not (0 < x.rate < 1 and 0 < y.rate < 1):
            continue
        yield Implied(
            f"rates {x.rate:g} v {y.rate:g} at {x.months:g} months",
            math.log(math.log(x.rate) / math.log(y.rate)),
            math.hypot(_rate_error(x, first.patients), _rate_error(y, second.patients)),
        )


def ratio_doubts(readout: Readout) -> Iterator[str]:
    """Say where the hazard ratio differs from the other figures more than chance and late effects allow."""
    ratio = readout.hazard_ratio
    if ratio is None:
        return
    own_error = ratio.standard_error or 0.15
    for implied in implied_log_ratios(readout):
        gap = abs(ratio.log_estimate - implied.log_ratio)
        allowed = STANDARD_ERRORS * math.hypot(own_error, implied.standard_error) + NON_PROPORTIONALITY
        if gap > allowed:
            yield (
                f"hazard ratio {ratio.estimate:g}, but {implied.origin} imply "
                f"{math.exp(implied.log_ratio):.2f} under proportional hazards: apart by a factor of "
                f"{math.exp(gap):.2f}, {math.exp(allowed):.2f} allowed"
            )


def asymmetry(estimate: float, low: float, high: float) -> float:
    """How far an estimate lies from the middle of its interval, on the log scale, in half widths.

    Rounding is given away: the smallest value over estimates and bounds that print the same is returned.
    """
    half_units = [_half_unit(x) for x in (estimate, low, high)]
    middle = math.log(low * high) / 2
    half_width = math.log(high / low) / 2
    slack = half_units[0] / estimate + (half_units[1] / max(low, 1e-9) + half_units[2] / high) / 2
    return max(0.0, abs(math.log(estimate) - middle) - slack) / half_width


def _half_unit(value: float) -> float:
    text = f"{value!r}"
    decimals = len(text.split(".")[1]) if "." in text and "e" not in text else 0
    # YAML drops trailing zeros: a figure with one decimal or none was printed with two.
    return 0.5 * 10.0 ** -max(decimals, 2)


def _median_error(median: Median, patients: int | None) -> float:
    if median.interval is not None and median.months is not None:
        low, high = median.interval
        if low is not None and high is not None and low > 0:
            return math.log(high / low) / (2 * NormalDist().inv_cdf(0.5 + median.level / 2))
    # Exponential times: half of the patients have had the event, and log(time) has error 1/sqrt(events).
    return math.sqrt(2 / patients) if patients else 0.15


def _rate_error(landmark: Landmark, patients: int | None) -> float:
    log_rate = abs(math.log(landmark.rate))
    if landmark.interval is not None:
        low, high = landmark.interval
        if low is not None and high is not None and low > 0 and high < 1:
            z = NormalDist().inv_cdf(0.5 + landmark.level / 2)
            return abs(math.log(math.log(low) / math.log(high))) / (2 * z)
    n = patients or 150
    return math.sqrt((1 - landmark.rate) / (landmark.rate * n)) / log_rate
