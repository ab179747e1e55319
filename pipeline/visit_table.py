"""The table of visits: serial measurements, one row a patient and visit, and what makes it wrong."""

from __future__ import annotations

import numpy as np
import pandas as pd

KEYS = ("patient", "visit", "planned", "months")
DAY = 1 / 30.4375


def visit_faults(visits: pd.DataFrame, observed: pd.DataFrame) -> list[str]:
    """Return every way in which `visits` cannot belong to the patients of `observed`.

    `visits` needs `patient`, `visit` (number, 0 before treatment), `planned` and `months` from the start of
    treatment; all other columns are measurements. Months must not be negative, rise within a patient, and
    end with the patient's `os_months`.
    """
    missing = [c for c in KEYS if c not in visits]
    if missing:
        return [f"visits: column {c!r} is missing" for c in missing]
    faults = [
        f"visits: column {c!r} must hold numbers. Got {visits[c].dtype} instead"
        for c in visits
        if c != "patient" and not pd.api.types.is_numeric_dtype(visits[c])
    ]
    if faults:
        return faults
    row = observed.index.get_indexer(pd.Index(visits["patient"]))
    months = visits["months"].to_numpy(dtype=float)
    unknown = int((row < 0).sum())
    if unknown:
        faults.append(f"visits: {unknown} rows are of patients who are not in the cohort")
    negative = int((~(months >= 0)).sum())
    if negative:
        faults.append(f"visits: {negative} months are negative or missing")
    same = row[1:] == row[:-1]
    if (same & ~(np.diff(months) > 0)).any() or (len(row) and (~same).sum() + 1 > len(np.unique(row))):
        faults.append("visits: rows must stand together by patient, months rising")
    if "os_months" in observed and not unknown:
        last = observed["os_months"].to_numpy(dtype=float)[row]
        after = int((months > last + DAY / 2).sum())
        if after:
            faults.append(f"visits: {after} rows lie after death or the end of follow-up (os_months)")
    return faults
