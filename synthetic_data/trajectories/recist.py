"""Response and progression by RECIST 1.1, read off sums of target lesions and new lesions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.schema import Floats
from synthetic_data.follow_up import DAYS_PER_MONTH
from synthetic_data.response import FIRST_ASSESSMENT_MONTHS

RESPONSE_RATIO: Final = 0.7  # partial response: the sum is down by 30 % from baseline
PROGRESSION_RATIO: Final = 1.2  # progression: up by 20 % from the smallest sum so far, and
PROGRESSION_MM: Final = 5.0  # by 5 mm
# How long disease must have been stable to count as that: the rule that best responses are drawn by,
# to the whole day that progression is dated with.
STABLE_DAYS: Final = np.ceil(1.5 * FIRST_ASSESSMENT_MONTHS * DAYS_PER_MONTH)


@dataclass(frozen=True)
class FirstProgression:
    """Where progression is first seen.

    Attributes
    ----------
    column : int array, shape (n,)
        Column of the scan; m where there is none.
    months : array, shape (n,)
        Its month; infinite where there is none.
    """

    column: NDArray[np.intp]
    months: Floats


def progression_threshold(smallest_mm: Floats) -> Floats:
    """Return the sum in mm from which growth is progression, given the smallest sum so far."""
    return np.asarray(np.maximum(PROGRESSION_RATIO * smallest_mm, smallest_mm + PROGRESSION_MM))


def first_progression(sum_mm: Floats, months: Floats, new_lesion: NDArray[np.bool_]) -> FirstProgression:
    """Find each patient's first scan with progression.

    Parameters
    ----------
    sum_mm : array, shape (n, m)
        Sums of target lesions in order of time, baseline first; NaN where there was no scan.
    months : array, shape (n, m)
    new_lesion : bool array, shape (n, m)
    """
    smallest = np.fmin.accumulate(sum_mm, axis=1)[:, :-1]
    with np.errstate(invalid="ignore"):
        grown = sum_mm[:, 1:] >= progression_threshold(smallest)
    shown = np.zeros(sum_mm.shape, dtype=bool)
    shown[:, 1:] = grown | (new_lesion[:, 1:] & np.isfinite(sum_mm[:, 1:]))
    column = np.where(shown.any(axis=1), shown.argmax(axis=1), sum_mm.shape[1])
    last = np.minimum(column, sum_mm.shape[1] - 1)
    at = np.take_along_axis(months, last[:, None], axis=1)[:, 0]
    return FirstProgression(column, np.where(column < sum_mm.shape[1], at, np.inf))


def best_response(
    sum_mm: Floats, months: Floats, new_lesion: NDArray[np.bool_], death_months: Floats
) -> NDArray[np.str_]:
    """Return the best overall response, shape (n,), without a second scan to confirm it.

    CR: no target lesion visible, before progression. PR: the sum at most 70 % of baseline. PD: progression
    or death before disease was stable for nine weeks. SD: none of these. NE: no scan after baseline.

    Parameters
    ----------
    sum_mm, months, new_lesion
        As `first_progression` takes them.
    death_months : array, shape (n,)
        Infinite where not seen.
    """
    progression = first_progression(sum_mm, months, new_lesion)
    before = np.arange(sum_mm.shape[1]) < progression.column[:, None]
    after_baseline = before & (np.arange(sum_mm.shape[1]) > 0)
    with np.errstate(invalid="ignore"):
        complete = (after_baseline & (sum_mm == 0)).any(axis=1)
        partial = (after_baseline & (sum_mm <= RESPONSE_RATIO * sum_mm[:, :1])).any(axis=1)
    failed_days = np.ceil(np.minimum(progression.months, death_months) * DAYS_PER_MONTH - 1e-6)
    scanned = np.isfinite(sum_mm[:, 1:]).any(axis=1)
    return np.select(
        [complete, partial, ~scanned, failed_days <= STABLE_DAYS], ["CR", "PR", "NE", "PD"], default="SD"
    )
