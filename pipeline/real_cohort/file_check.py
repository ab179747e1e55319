"""Everything wrong or odd about a file under its map, whether or not a cohort can be made of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from pipeline.cohort_check import Finding, check_cohort, counted, findings_table
from pipeline.cohort_check.findings import first_positions
from pipeline.cohort_check.leakage import AFTER_BASELINE
from pipeline.cohort_check.timing import timing_findings
from pipeline.real_cohort.cohort_map import CohortMap
from pipeline.real_cohort.conversion import Faults, in_rows
from pipeline.real_cohort.reading import WITHOUT_EVENTS, build_cohort, lenient_frame, outcome_faults
from pipeline.real_cohort.settling import HALF_A_DAY_MONTHS
from pipeline.real_cohort.table_file import TableFile, kept_rows, read_table
from pipeline.schema import InputError

SEVERITY_NAMES: Final = {"fault": "error", "warning": "warning", "note": "note"}
# Median OS is one to four times median PFS in trials of lung cancer; a unit is wrong by 4.3, 12 or 30.
OS_OVER_PFS: Final = (0.7, 12.0)
MOSTLY_AFTER: Final = 0.25  # share of patients with PFS after OS beyond which it is no error of dates
ENOUGH_KNOWN: Final = 0.5  # with fewer outcomes that can be read, what they say would not be of the file
FAR_OUT: Final = 4.0  # times the 90th percentile: a few rows in another unit


def check_file(cohort_map: CohortMap, data_path: Path | str) -> list[Finding]:
    """Return every finding about a file, errors first; columns are named as the file names them.

    What keeps the file from being read is found together with what is odd about the rest: values that
    cannot be read are taken as missing, patients without an outcome are left out, and all checks of a
    cohort are made of what remains.

    Raises
    ------
    InputError
        When there is no table in the file at all.
    """
    file, notes = kept_rows(read_table(data_path, cohort_map.sheet), cohort_map.rows)
    faults = Faults()
    frame = lenient_frame(cohort_map, file, faults)
    found = [Finding("note", "rows_kept", "", len(file.cells), "; ".join(notes), "")] if notes else []
    found += [_of_reading(entry) for entry in faults.entries]
    headers = {name: header for header, name in cohort_map.headers().items()}
    headers |= {name: column.column for name, column in cohort_map.columns.items()}
    headers |= {name: part.column for name, part in cohort_map.outcomes.parts()}
    times = [n for n in ("os_months", "pfs_months", "died", "progressed_or_died") if n in frame]
    known = frame.dropna(subset=times)
    enough = len(known) >= ENOUGH_KNOWN * len(frame) > 0
    of_outcomes = outcome_faults(cohort_map, frame)
    found += [_with_rows(f, file, i) for f, i in of_outcomes if enough or f.check in WITHOUT_EVENTS]
    if enough:
        plain = known.assign(**{n: known[n].astype(bool) for n in times if not n.endswith("months")})
        found += [_with_rows(f, file, plain.index) for f in _units(plain, cohort_map)]
        found += [_with_rows(f, file, file.cells.index) for f in _repeated(file, cohort_map)]
        found += _of_cohort(cohort_map, file, plain)
    found += list(_named_like_outcomes(cohort_map, len(file.cells)))
    named = [replace(f, column=headers.get(f.column, f.column)) for f in found]
    unique = {(f.check, f.column): f for f in reversed(named)}
    kept = [f for f in named if unique[f.check, f.column] is f]
    return sorted(kept, key=lambda f: list(SEVERITY_NAMES).index(f.severity))


def check_table_of(findings: list[Finding]) -> pd.DataFrame:
    """Return findings as a table with severities error, warning and note."""
    table = findings_table(findings)
    return table.assign(severity=table["severity"].map(SEVERITY_NAMES))


def _with_rows(f: Finding, file: TableFile, index: pd.Index) -> Finding:
    """Return the finding with the rows of the file in which it was made; `index` counts these from zero."""
    if not f.positions:
        return f
    rows = in_rows(file, [int(index[i]) for i in f.positions], f.count)
    return replace(f, message=f"{f.message} ({rows})")


def _of_reading(entry: tuple[str, str, str, int]) -> Finding:
    header, target, text, count = entry
    message, _, remedy = text.partition("; ")
    checks = {
        "outside": "out_of_range", "more than one row": "duplicate_patient", "missing for": "missing_outcome",
        "is missing": "missing_column", "named": "unknown_value", "neither yes": "unknown_value",
        "number column": "text_in_numbers", "control arm": "control_arm",
    }  # fmt: skip
    check = next((name for words, name in checks.items() if words in text), "reading")
    return Finding("fault", check, header, count, f"{target}: {message}", remedy)


def _units(frame: pd.DataFrame, cohort_map: CohortMap) -> Iterator[Finding]:
    """Find endpoints in different units, and single rows in another unit than the rest."""
    for name in ("os_months", "pfs_months"):
        if name in frame:
            months = frame[name].to_numpy(dtype=float)
            far = months > max(180.0, FAR_OUT * float(np.quantile(months, 0.9)))
            if far.any() and far.mean() < 0.05:
                yield Finding(
                    "fault", "time_outlier", name, int(far.sum()),
                    f"{counted(int(far.sum()), 'time')} of {months[far].min():.0f}"
                    " months and more, far off the "
                    f"others (nine in ten below {np.quantile(months, 0.9):.0f}): days among months?",
                    "correct the unit of these rows", first_positions(far),
                )  # fmt: skip
    if {"os_months", "pfs_months"} <= set(frame):
        ratio = float(frame["os_months"].median() / max(frame["pfs_months"].median(), HALF_A_DAY_MONTHS))
        low, high = OS_OVER_PFS
        after = float((frame["pfs_months"] > frame["os_months"]).mean())
        if not low <= ratio <= high or after > MOSTLY_AFTER:
            wrong, other = ("os_months", "PFS") if ratio > high else ("pfs_months", "OS")
            severity: Any = "warning" if "time_unit" in cohort_map.confirmed else "fault"
            yield Finding(
                severity, "unit_against_other_endpoint", wrong, len(frame),
                f"median OS is {ratio:.2g} times median PFS, and PFS is longer in {after:.0%}: another "
                f"unit than {other}",
                "state the `unit` of each time, or list time_unit under `confirmed`",
            )  # fmt: skip


def _repeated(file: TableFile, cohort_map: CohortMap) -> Iterator[Finding]:
    columns = [c for c in cohort_map.headers() if c != cohort_map.patient and c in file.cells]
    again = file.cells[columns].astype(str).duplicated().to_numpy()
    if again.any():
        yield Finding(
            "warning", "identical_rows", cohort_map.patient, int(again.sum()),
            f"{counted(int(again.sum()), 'row')} equal to another in all but the patient: entered twice?",
            "keep one row a patient", first_positions(again),
        )  # fmt: skip


def _of_cohort(cohort_map: CohortMap, file: TableFile, known: pd.DataFrame) -> list[Finding]:
    """Make all checks of a cohort on what can be read, with impossible values taken as missing."""
    frame = known[~known["patient"].duplicated() & (known["patient"] != "")].copy()
    if "arm" in frame:
        frame = frame[frame["arm"].notna()]
    for name in ("os_months", "pfs_months"):
        if name in frame:
            frame[name] = frame[name].clip(lower=HALF_A_DAY_MONTHS)
    for name, column in cohort_map.columns.items():
        if column.kind == "number":
            frame[name] = frame[name].where(frame[name].between(column.low, column.high))
    if frame.empty:
        return []
    try:
        cohort = build_cohort(cohort_map, file, frame, [])
    except InputError as error:
        return [Finding("fault", "declaration", "", len(frame), str(error), "correct the map")]
    outcomes = {"os_months", "pfs_months", "died", "progressed_or_died"}
    found = [
        f for f in check_cohort(cohort)
        if f.column not in outcomes and f.check not in ("named_like_an_outcome", "identical_patients")
    ]  # fmt: skip
    found = [_with_rows(f, file, frame.index) for f in (*found, *timing_findings(cohort))]
    return [*found, *_not_mapped(cohort_map, file, frame)]


def _not_mapped(cohort_map: CohortMap, file: TableFile, frame: pd.DataFrame) -> Iterator[Finding]:
    unused = [h for h in file.cells if h not in cohort_map.headers() and h not in cohort_map.ignore]
    if unused:
        shown = ", ".join(map(str, unused[:8])) + ("…" if len(unused) > 8 else "")
        yield Finding("note", "not_mapped", "", len(unused),
                      f"{counted(len(unused), 'column')} not used: {shown}",
                      "map them, or list them under `ignore`")  # fmt: skip


def _named_like_outcomes(cohort_map: CohortMap, patients: int) -> Iterator[Finding]:
    for name, column in cohort_map.columns.items():
        words = re.sub(r"[^A-Za-z0-9]+", "_", column.column)
        if AFTER_BASELINE.search(name) or AFTER_BASELINE.search(words):
            yield Finding(
                "warning", "named_like_an_outcome", name, patients,
                f"{column.column!r} is the name of something known only later",
                "leave it out unless it was known at baseline",
            )  # fmt: skip
