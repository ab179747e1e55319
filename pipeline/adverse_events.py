"""The table of dated adverse events a cohort may have, and what would make one impossible."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

# A row an event, months from enrolment. An event that is not resolved lasts until follow-up ends.
EVENT_COLUMNS: Final[Mapping[str, str]] = {
    "patient": "whose event it is",
    "event": "what happened",
    "organ": "where",
    "immune_mediated": "whether it was coded as immune-mediated",
    "grade": "worst CTCAE grade, 1 to 5; missing where not recorded",
    "onset_months": "months from enrolment to onset",
    "duration_months": "months from onset to resolution or the end of follow-up; missing where not recorded",
    "resolved": "whether it ended while the patient was followed",
}
ROUNDING_MONTHS: Final = 1e-9


def event_faults(events: pd.DataFrame, follow_up_months: pd.Series[Any]) -> list[str]:
    """Return every way in which `events` cannot be adverse events of patients followed for so long.

    Parameters
    ----------
    events : DataFrame
        With EVENT_COLUMNS.
    follow_up_months : Series
        By patient.
    """
    missing = [c for c in EVENT_COLUMNS if c not in events]
    if missing:
        return [f"column {c!r} is missing" for c in missing]
    rows = follow_up_months.index.get_indexer(pd.Index(events["patient"]))
    known = rows >= 0
    last = np.where(known, follow_up_months.to_numpy(dtype=float)[rows], np.inf) + ROUNDING_MONTHS
    onset, duration = (events[c].to_numpy(dtype=float) for c in ("onset_months", "duration_months"))
    bad = {
        "of unknown patients": ~known,
        "of a grade other than 1 to 5": ~(
            events["grade"].isin([1, 2, 3, 4, 5]) | events["grade"].isna()
        ).to_numpy(),
        "with an onset outside the patient's follow-up": ~((onset > 0) & (onset <= last)),
        "with a duration below 0 or past the follow-up": (duration < 0) | (onset + duration > last),
    }
    return [f"{int(wrong.sum())} events {what}" for what, wrong in bad.items() if wrong.any()]
