"""Small changes that make the times of a file agree with each other, each of them stated."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.cohort_check import counted
from pipeline.real_cohort.cohort_map import CohortMap
from pipeline.real_cohort.column_map import DAYS_PER_MONTH

# Dates rounded to months differ by less than two days: not a contradiction.
ROUNDING_MONTHS: Final = 0.05
# A time of zero leaves a patient in no risk set. Half a day keeps the event and its order.
HALF_A_DAY_MONTHS: Final = 0.5 / DAYS_PER_MONTH


def settle(cohort_map: CohortMap, frame: pd.DataFrame, warnings: list[str]) -> pd.DataFrame:
    """Return the rows with rounding of PFS, zero times and deaths as events of PFS settled.

    Parameters
    ----------
    cohort_map : CohortMap
    frame : DataFrame
        Outcomes as read, times in months.
    warnings : list of str
        What was changed, and in how many patients, is added.
    """
    frame = frame.copy()
    if rounded := round_pfs(frame):
        warnings.append(
            f"pfs_months: {counted(rounded, 'time')} that exceeded overall survival by at "
            f"most {ROUNDING_MONTHS} months (rounding) set to it"
        )
    for name in ("os_months", "pfs_months"):
        if name in frame and (zero := frame[name] == 0).any():
            frame.loc[zero, name] = HALF_A_DAY_MONTHS
            warnings.append(f"{name}: {counted(int(zero.sum()), 'time')} of zero set to half a day")
    round_pfs(frame)  # half a day may now exceed an overall survival of a few hours
    if deaths := count_deaths(cohort_map, frame):
        warnings.append(
            f"progressed_or_died: {counted(deaths, 'death')} at the end of "
            "progression-free survival counted as its event"
        )
    return frame


def round_pfs(frame: pd.DataFrame) -> int:
    """Set times of PFS that exceed overall survival by no more than rounding to it; return how many."""
    if not {"os_months", "pfs_months"} <= set(frame):
        return 0
    excess = frame["pfs_months"] - frame["os_months"]
    rounded = (excess > 0) & (excess <= ROUNDING_MONTHS)
    frame.loc[rounded, "pfs_months"] = frame.loc[rounded, "os_months"]
    return int(rounded.sum())


def count_deaths(cohort_map: CohortMap, frame: pd.DataFrame) -> int:
    """Count deaths at the end of PFS as its events where the map asks for it; return how many."""
    both = {"os_months", "pfs_months"} <= set(frame)
    if not both or "death_is_pfs_event" not in cohort_map.corrections:
        return 0
    uncounted = _true(frame["died"]) & ~_true(frame["progressed_or_died"])
    uncounted &= (frame["pfs_months"] == frame["os_months"]).to_numpy()
    frame.loc[uncounted, "progressed_or_died"] = True
    return int(uncounted.sum())


def _true(values: pd.Series[Any]) -> NDArray[np.bool_]:
    return np.asarray(values.fillna(False).to_numpy(dtype=bool))
