"""Serial measurements in a user's file: one row a visit, beside the patients or in the same table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.cohort_check import counted
from pipeline.real_cohort.cohort_map import CohortMap, VisitsMap
from pipeline.real_cohort.conversion import Faults, months, numbers
from pipeline.real_cohort.table_file import SHOWN, TableFile, read_table
from pipeline.schema import InputError


def split_visits(
    cohort_map: CohortMap, file: TableFile, data: Path, faults: Faults
) -> tuple[TableFile, TableFile | None]:
    """Return the table of patients and the table of visits; None when the map knows no visits.

    Where both stand in one table, a patient's first row is kept for all that is not measured again; what
    differs between a patient's rows although it should not is a fault.
    """
    spec = cohort_map.visits
    if spec is None:
        return file, None
    if spec.file is not None:
        return file, _with_headers(read_table(data.with_name(spec.file)), spec, cohort_map, data)
    visits = _with_headers(file, spec, cohort_map, data)
    ids = pd.Series(file.text(cohort_map.patient), dtype=object)
    for header, target in cohort_map.headers().items():
        if header == cohort_map.patient or header not in file.cells:
            continue
        kinds = (
            pd.Series(file.text(header, cohort_map.missing), dtype=object).groupby(ids).nunique(dropna=False)
        )
        varying = kinds.index[kinds > 1]
        if len(varying):
            faults.add(
                header, target,
                f"differs between the rows of {counted(len(varying), 'patient')}, first "
                f"{', '.join(map(str, varying[:SHOWN]))}; what is measured again is for visits.columns",
            )  # fmt: skip
    first = (~ids.duplicated()).to_numpy()
    patients = replace(file, cells=file.cells[first].reset_index(drop=True), rows=file.rows[first])
    return patients, visits


def _with_headers(file: TableFile, spec: VisitsMap, cohort_map: CohortMap, data: Path) -> TableFile:
    wanted = [spec.patient or cohort_map.patient, *spec.headers()]
    gone = [h for h in dict.fromkeys(wanted) if h not in file.cells]
    if gone:
        raise InputError(
            f"{data}: the table of visits ({file.name}) has no column {', '.join(map(repr, gone))}; "
            f"it has {', '.join(map(str, file.cells))}"
        )
    return file


def read_visits(
    cohort_map: CohortMap, spec: VisitsMap, file: TableFile, observed: pd.DataFrame, faults: Faults
) -> tuple[pd.DataFrame, list[str]]:
    """Return the visits of the patients in `observed`, and warnings on what was set right.

    Of measurements before treatment the last one counts, as month 0. Measurements after the end of overall
    survival's follow-up are left out, and so are rows of patients who are not in the cohort.

    Returns
    -------
    DataFrame
        `patient`, `visit`, `planned`, `months` and the columns of the map.
    """
    header = spec.patient or cohort_map.patient
    table = pd.DataFrame({"patient": file.text(header)}, dtype=object)
    table["months"] = months(
        file, "visits.months", spec.months, faults, cohort_map.missing, cohort_map.decimal
    )
    for name, column in spec.columns.items():
        text = file.text(column.column, cohort_map.missing)
        raw = numbers(file, text, column.column, f"visits.{name}", faults,
                      decimal=cohort_map.decimal, recode=column.recode)  # fmt: skip
        table[name] = raw / column.divide
        negative = int((table[name] < 0).sum())
        if negative:
            faults.add(column.column, f"visits.{name}", f"{counted(negative, 'negative value')}; none can be")
    warnings: list[str] = []

    def leave_out(gone: pd.Series[bool], why: str) -> None:
        nonlocal table
        if gone.any():
            warnings.append(f"visits: {counted(int(gone.sum()), 'row')} {why}")
            table = table[~gone]

    leave_out(table["months"].isna(), "without a time left out")
    leave_out(~table["patient"].isin(observed.index), "of patients who are not in the cohort left out")
    table = table.sort_values("months", kind="stable")
    early = table["months"] <= 0
    leave_out(early & table[early].duplicated("patient", keep="last").reindex(table.index, fill_value=False),
              "before a patient's last one before treatment left out")  # fmt: skip
    table["months"] = table["months"].clip(lower=0.0)
    if "os_months" in observed:
        last = observed["os_months"].reindex(table["patient"]).to_numpy(dtype=float)
        leave_out(table["months"] > last, "after the end of follow-up left out")
    twice = table.duplicated(["patient", "months"], keep=False)
    if twice.any():
        faults.add(spec.months.column, "visits.months",
                   f"{counted(int(twice.sum()), 'row')} of one patient at one time; keep one")  # fmt: skip
    place = pd.Series(np.arange(len(observed)), index=observed.index)
    table = table.iloc[np.lexsort((table["months"], place.reindex(table["patient"])))].reset_index(drop=True)
    table.insert(1, "visit", table.groupby("patient", sort=False).cumcount())
    table.insert(2, "planned", True)
    return table, warnings
