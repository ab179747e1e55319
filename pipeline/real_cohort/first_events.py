"""Each patient's first adverse event in a user's file, as the table of dated adverse events."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.cohort_check import counted
from pipeline.real_cohort.cohort_map import AdverseEventMap, CohortMap
from pipeline.real_cohort.column_map import DAYS_PER_MONTH, token
from pipeline.real_cohort.conversion import Faults, months, numbers
from pipeline.real_cohort.table_file import TableFile

UNSPECIFIED = "unspecified"


def read_first_events(
    cohort_map: CohortMap, spec: AdverseEventMap, file: TableFile, frame: pd.DataFrame, faults: Faults
) -> tuple[pd.DataFrame, list[str]]:
    """Return the first adverse events of the patients in `frame`, and warnings on what was set right.

    Onsets before or on the day treatment began become half a day; those after the end of follow-up are
    left out. Grades and organs that are not recorded stay missing and unspecified.

    Parameters
    ----------
    cohort_map, spec, file, faults
        The map and its part, the file, and where faults are gathered.
    frame : DataFrame
        `patient` and `os_months` (or `pfs_months`), indexed by the row of the file.
    """
    missing, warnings = cohort_map.missing, list[str]()
    onset = months(file, "adverse_events.onset", spec.onset, faults, missing, cohort_map.decimal)
    grade = np.full(len(onset), np.nan)
    if spec.grade is not None:
        text = file.text(spec.grade, missing)
        grade = numbers(file, text, spec.grade, "adverse_events.grade", faults, decimal=cohort_map.decimal)
        odd = np.flatnonzero(~np.isnan(grade) & ~np.isin(grade, [1, 2, 3, 4, 5]))
        if len(odd):
            faults.add(spec.grade, "adverse_events.grade", f"{counted(len(odd), 'value')} other than 1 to 5")
    organ = [UNSPECIFIED] * len(onset)
    if spec.organ is not None:
        organ = [UNSPECIFIED if v is None else spec.organs.get(token(v), UNSPECIFIED)
                 for v in file.text(spec.organ, missing)]  # fmt: skip
    rows = frame.index.to_numpy()
    last = frame["os_months" if "os_months" in frame else "pfs_months"].to_numpy(dtype=float)
    table = pd.DataFrame(
        {
            "patient": frame["patient"].to_numpy(),
            "event": spec.event,
            "organ": np.array(organ, dtype=object)[rows],
            "immune_mediated": spec.immune_mediated,
            "grade": grade[rows],
            "onset_months": onset[rows],
            "duration_months": np.nan,
            "resolved": False,
        }
    )
    table, last = table[table["onset_months"].notna()], last[table["onset_months"].notna().to_numpy()]
    late = table["onset_months"].to_numpy() > last
    if late.any():
        warnings.append(
            f"adverse_events: {counted(int(late.sum()), 'event')} after the end of follow-up left out"
        )
    early = table["onset_months"] <= 0
    if early.any():
        warnings.append(
            f"adverse_events: {counted(int(early.sum()), 'event')} on or before the first day set to half a "
            "day"
        )
        table.loc[early, "onset_months"] = np.minimum(0.5 / DAYS_PER_MONTH, last[early.to_numpy()])
    return table[~late].reset_index(drop=True), warnings
