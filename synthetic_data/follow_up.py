"""When patients enrol and leave, and what the trial database shows on the day it is cut."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.schema import Floats

DAYS_PER_MONTH = 30.4375


def follow_up(
    uniforms: Floats, accrual_months: float, dropout_per_month: float | Floats
) -> tuple[Floats, Floats]:
    """Return the month of enrolment (uniform) and the months to drop-out (exponential), both shape (n,).

    Parameters
    ----------
    uniforms : array, shape (n, 2)
        In [0, 1).
    accrual_months : float
    dropout_per_month : float or array, shape (n,)
        Rate at which patients are lost; at 0 nobody is.
    """
    with np.errstate(divide="ignore"):
        dropout = -np.log1p(-uniforms[:, 1]) / np.asarray(dropout_per_month)
    return uniforms[:, 0] * accrual_months, np.where(np.isnan(dropout), np.inf, dropout)


def cut_month(follow_up_months: float, accrual_months: float) -> float:
    """Calendar month at which the median patient has been followed for `follow_up_months`."""
    return follow_up_months + accrual_months / 2


def observe(patients: pd.DataFrame, month: float) -> pd.DataFrame:
    """Outcomes as the database shows them at calendar `month`.

    Parameters
    ----------
    patients : DataFrame
        `enrolled_month`, `dropout_months`, `os_event_months`, `pfs_event_months`, the last three
        counted from enrolment.
    month : float
        Patients enrolled later are not in the result.

    Returns
    -------
    DataFrame
        `os_months`, `died`, `pfs_months`, `progressed_or_died`; times are whole days, rounded up,
        in months, so that none is zero and ties occur as they do in real data.
    """
    enrolled = patients[["enrolled_month", "dropout_months", "os_event_months", "pfs_event_months"]]
    enrolled = enrolled[(enrolled["enrolled_month"] < month).to_numpy()]
    watched = np.asarray(np.minimum(enrolled["dropout_months"], month - enrolled["enrolled_month"]))
    out = pd.DataFrame(index=enrolled.index)
    for months, event, column in (
        ("os_months", "died", "os_event_months"),
        ("pfs_months", "progressed_or_died", "pfs_event_months"),
    ):
        happens = np.asarray(enrolled[column], dtype=float)
        out[months] = np.ceil(np.minimum(happens, watched) * DAYS_PER_MONTH) / DAYS_PER_MONTH
        out[event] = happens <= watched
    return out
