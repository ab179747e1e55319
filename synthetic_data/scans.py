"""Progression is seen at scans: progression-free survival that falls when patients are assessed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from pipeline.schema import Floats
from synthetic_data.evidence.trials import Assessments
from synthetic_data.survival_curves import LAST_MONTH, SurvivalCurve

WEEKS_PER_MONTH: Final = 365.25 / 12 / 7
WINDOW_WEEKS: Final = 1.0  # before and after its day, within which a scan is made (assumed)
BETWEEN_SCANS: Final = 0.15  # of progressions, found without a scan being due (assumed)


def scan_months(assessments: Assessments) -> Floats:
    """Months at which patients are scanned, from the first to LAST_MONTH."""
    end = LAST_MONTH * WEEKS_PER_MONTH
    change = min(assessments.until_week or end, end)
    first = np.arange(assessments.every_weeks, change + 1e-9, assessments.every_weeks)
    rarer = assessments.then_every_weeks or assessments.every_weeks
    return np.concatenate([first, np.arange(first[-1] + rarer, end + rarer, rarer)]) / WEEKS_PER_MONTH


def seen_at_scans(
    pfs: SurvivalCurve, os: SurvivalCurve, assessments: Assessments, figures: Sequence[float]
) -> SurvivalCurve:
    """Move the progressions of a smooth curve to the scans at which they are seen.

    Progression-free survival ends by death at any time, and by progression when it is seen. The hazard of
    death, that of `os`, is left as it is; all but BETWEEN_SCANS of the rest comes within days of a scan: to
    each scan falls what the smooth curve has between the midpoints to its neighbours. Between two scans with
    a published figure the parting is at the figure instead, and within a scan's days the curve passes through
    the figure, so that every figure is met as before.

    Parameters
    ----------
    pfs, os : SurvivalCurve
        With the same knots.
    assessments : Assessments
    figures : sequence of float
        Months of the figures the curve was put through.

    Returns
    -------
    SurvivalCurve
        With the knots of `pfs` and those of the scans.
    """
    centre = scan_months(assessments)
    width = WINDOW_WEEKS / WEEKS_PER_MONTH
    opens, closes = centre - width, centre + width
    parting = [*((centre[1:] + centre[:-1]) / 2), LAST_MONTH]
    shown, true = [0.0], [0.0]  # a month of the new curve, and the month of the smooth one it shows
    for open_, close, following, middle in zip(opens, closes, [*opens[1:], LAST_MONTH], parting, strict=True):
        if len(shown) == 1:
            shown += (early := sorted(f for f in figures if f <= open_))
            true += early
        shown.append(float(open_))
        true.append(true[-1])
        inside = sorted(f for f in figures if open_ < f < close)
        between = sorted(f for f in figures if close <= f <= following)
        shown += [*inside, float(close), *between]
        true += [*inside, between[0] if between else float(middle), *between]
    months = np.unique(np.concatenate([pfs.months, np.array(shown)]))
    months = months[months <= LAST_MONTH]
    progression = np.maximum.accumulate(pfs.cumulative_hazard - os.hazard_to(pfs.months))
    at_scans = np.interp(np.interp(months, shown, true), pfs.months, progression)
    smooth = np.interp(months, pfs.months, progression)
    seen = (1 - BETWEEN_SCANS) * at_scans + BETWEEN_SCANS * smooth
    return SurvivalCurve(months, os.hazard_to(months) + seen)
