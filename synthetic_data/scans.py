"""Patients are scanned on a schedule: when progression is seen, who is evaluable, when all was last well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from pipeline.schema import Floats
from synthetic_data.evidence.trials import Assessments
from synthetic_data.survival_curves import LAST_MONTH, SurvivalCurve

WEEKS_PER_MONTH: Final = 365.25 / 12 / 7
# Before and after its day, within which a scan is made, the likelier the nearer (a triangle, standard
# deviation 2.9 days): lesions of Study1 and Study3 of the open table, doi 10.1371/journal.pcbi.1009822,
# were measured with one of 2.9 to 3.5 days about weeks 6, 12 and 18.
WINDOW_WEEKS: Final = 1.0
WINDOW_PARTS: Final = 8  # straight pieces that the triangle's distribution is drawn with
WINDOW_MONTHS: Final = WINDOW_WEEKS / WEEKS_PER_MONTH
BETWEEN_SCANS: Final = 0.15  # of progressions, found without a scan being due (assumed)


def scan_months(assessments: Assessments) -> Floats:
    """Months at which patients are scanned, from the first to LAST_MONTH."""
    end = LAST_MONTH * WEEKS_PER_MONTH
    change = min(assessments.until_week or end, end)
    first = np.arange(assessments.every_weeks, change + 1e-9, assessments.every_weeks)
    rarer = assessments.then_every_weeks or assessments.every_weeks
    return np.concatenate([first, np.arange(first[-1] + rarer, end + rarer, rarer)]) / WEEKS_PER_MONTH


@dataclass(frozen=True)
class ScanDays:
    """When each patient is scanned: on the schedule, early or late by the same days every time.

    Attributes
    ----------
    schedule : array, shape (k,)
        Months of the scans that are due.
    shift_months : array, shape (n,)
        Of each patient, within WINDOW_WEEKS of 0.
    """

    schedule: Floats
    shift_months: Floats

    @classmethod
    def drawn(cls, assessments: Assessments, uniforms: Floats) -> ScanDays:
        """Draw the patients' shifts from `uniforms` in [0, 1), shape (n,)."""
        lower = uniforms < 0.5
        tail = np.sqrt(2 * np.where(lower, uniforms, 1 - uniforms))
        return cls(scan_months(assessments), np.where(lower, tail - 1, 1 - tail) * WINDOW_MONTHS)

    def last_by(self, months: Floats) -> Floats:
        """Return each patient's last scan up to `months`, shape (n,); 0 where there is none."""
        count = np.searchsorted(self.schedule, months - self.shift_months, side="right")
        last = self.schedule[np.maximum(count - 1, 0)] + self.shift_months
        return np.where(count > 0, last, 0.0)

    def last_clear(self, pfs: Floats, os: Floats, watched: Floats) -> Floats:
        """Return each patient's last scan without progression, shape (n,); 0 where there is none.

        A progression within the window of a scan is what that scan showed.
        """
        seen = np.where(pfs < os, pfs - WINDOW_MONTHS + self.shift_months, pfs)
        return self.last_by(np.minimum(seen, watched))


def _within_window(x: Floats) -> Floats:
    """Share of scans made by `x`, in half widths of the window after its middle (-1 to 1)."""
    x = np.clip(x, -1, 1)
    return np.where(x < 0, (1 + x) ** 2 / 2, 1 - (1 - x) ** 2 / 2)


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
    opens, closes = centre - WINDOW_MONTHS, centre + WINDOW_MONTHS
    parting = [*((centre[1:] + centre[:-1]) / 2), LAST_MONTH]
    shown, true = [0.0], [0.0]  # a month of the new curve, and the month of the smooth one it shows
    for open_, close, following, middle in zip(opens, closes, [*opens[1:], LAST_MONTH], parting, strict=True):
        if len(shown) == 1:
            shown += (early := sorted(f for f in figures if f <= open_))
            true += early
        inside = sorted(f for f in figures if open_ < f < close)
        between = sorted(f for f in figures if close <= f <= following)
        fixed = np.array([open_, *inside, close])
        at_fixed = np.array([true[-1], *inside, between[0] if between else middle])
        due = np.union1d(np.linspace(open_, close, WINDOW_PARTS + 1), fixed)
        made, made_by = (_within_window((x - open_) / WINDOW_MONTHS - 1) for x in (due, fixed))
        shown += [*due.tolist(), *between]
        true += [*np.interp(made, made_by, at_fixed).tolist(), *between]
    months = np.unique(np.concatenate([pfs.months, np.array(shown)]))
    months = months[months <= LAST_MONTH]
    progression = np.maximum.accumulate(pfs.cumulative_hazard - os.hazard_to(pfs.months))
    at_scans = np.interp(np.interp(months, shown, true), pfs.months, progression)
    smooth = np.interp(months, pfs.months, progression)
    seen = (1 - BETWEEN_SCANS) * at_scans + BETWEEN_SCANS * smooth
    return SurvivalCurve(months, os.hazard_to(months) + seen)
