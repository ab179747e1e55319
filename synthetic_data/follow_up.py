"""When patients enrol and leave, and what the trial database shows on the day it is cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd

from pipeline.schema import Floats
from synthetic_data.scans import ScanDays

DAYS_PER_MONTH = 30.4375
SCAN_SHIFT: Final = "scan_shift_months"  # column of a patient's scans, early or late
UNTREATED_MONTHS: Final = 1.0  # within which those withdraw who were never treated (assumed)

AccrualPattern = Literal["even", "rising"]


@dataclass(frozen=True)
class Accrual:
    """When patients enrol, over `months`: evenly, or at a rate that rises in proportion to time.

    Sites that open evenly and then enrol steadily give the rising one (Anisimov and Fedorov 2007,
    doi 10.1002/sim.2956).
    """

    months: float
    pattern: AccrualPattern = "even"

    def enrolled(self, uniforms: Floats) -> Floats:
        """Return calendar months of enrolment from numbers in [0, 1), shape (n,)."""
        return np.asarray((uniforms if self.pattern == "even" else np.sqrt(uniforms)) * self.months)

    def cut_month(self, follow_up_months: float) -> float:
        """Calendar month at which the median patient has been followed for `follow_up_months`."""
        return follow_up_months + float(self.enrolled(np.array([0.5]))[0])


def follow_up(uniforms: Floats, accrual: Accrual, dropout_per_month: float | Floats) -> tuple[Floats, Floats]:
    """Return the month of enrolment and the months to drop-out (exponential), both shape (n,).

    Parameters
    ----------
    uniforms : array, shape (n, 2)
        In [0, 1).
    accrual : Accrual
    dropout_per_month : float or array, shape (n,)
        Rate at which patients are lost; at 0 nobody is.
    """
    with np.errstate(divide="ignore"):
        dropout = -np.log1p(-uniforms[:, 1]) / np.asarray(dropout_per_month)
    return accrual.enrolled(uniforms[:, 0]), np.where(np.isnan(dropout), np.inf, dropout)


def withdrawn(dropout: Floats, untreated_share: float, uniforms: Floats) -> Floats:
    """Return months to drop-out, shape (n,), where a share of an arm is never treated and withdraws at once.

    Parameters
    ----------
    uniforms : array, shape (n, 2)
        Who is not treated, and when within UNTREATED_MONTHS he or she withdraws.
    """
    leaves = uniforms[:, 0] < untreated_share
    return np.where(leaves, np.minimum(dropout, uniforms[:, 1] * UNTREATED_MONTHS), dropout)


def observe(patients: pd.DataFrame, month: float, schedule: Floats | None = None) -> pd.DataFrame:
    """Outcomes as the database shows them at calendar `month`.

    Parameters
    ----------
    patients : DataFrame
        `enrolled_month`, `dropout_months`, `os_event_months`, `pfs_event_months`, the last three
        counted from enrolment.
    month : float
        Patients enrolled later are not in the result.
    schedule : array, optional
        Months of the scans due, where a trial states them; `patients` then holds SCAN_SHIFT, and who
        neither progressed nor died is censored for progression at the last scan, or on the first day.

    Returns
    -------
    DataFrame
        `os_months`, `died`, `pfs_months`, `progressed_or_died`; times are whole days, rounded up,
        in months, so that none is zero and ties occur as they do in real data.
    """
    wanted = ["enrolled_month", "dropout_months", "os_event_months", "pfs_event_months"]
    enrolled = patients[wanted if schedule is None else [*wanted, SCAN_SHIFT]]
    enrolled = enrolled[(enrolled["enrolled_month"] < month).to_numpy()]
    watched = np.asarray(np.minimum(enrolled["dropout_months"], month - enrolled["enrolled_month"]))
    out = pd.DataFrame(index=enrolled.index)
    for months, event, column in (
        ("os_months", "died", "os_event_months"),
        ("pfs_months", "progressed_or_died", "pfs_event_months"),
    ):
        happens = np.asarray(enrolled[column], dtype=float)
        out[event] = happens <= watched
        until = watched
        if schedule is not None and event == "progressed_or_died":
            last = ScanDays(schedule, enrolled[SCAN_SHIFT].to_numpy(dtype=float)).last_by(watched)
            until = np.minimum(np.maximum(last, 1 / DAYS_PER_MONTH), watched)
        seen = np.where(out[event], happens, until)
        out[months] = np.ceil(seen * DAYS_PER_MONTH) / DAYS_PER_MONTH
    return out
