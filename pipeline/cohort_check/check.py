"""The cohort check: every finding about a cohort's outcomes, arms and columns."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from typing import Any, Final

import numpy as np
import pandas as pd

from pipeline.cohort_check.findings import Finding, counted, first_positions
from pipeline.cohort_check.leakage import leakage_findings
from pipeline.cohort_check.outcomes import outcome_findings
from pipeline.schema import Cohort, Column, InputError, check_table

MOSTLY_MISSING: Final = 0.5
IMPUTED_SHARE: Final = 0.20  # one value in so many rows of a continuous marker is not a measurement
IMPUTED_DISTINCT: Final = 20  # a column with fewer distinct values is a count or a score
SMALL_ARM: Final = 20


def check_cohort(cohort: Cohort, confirmed: Collection[str] = ()) -> list[Finding]:
    """Return what is wrong or odd about `cohort`, faults first.

    Parameters
    ----------
    cohort : Cohort
        Real or simulated; both get the same checks.
    confirmed : collection of str
        Checks somebody has looked into: their faults become warnings. A cohort read from a file
        brings its map's list in ``manifest["confirmed"]``.
    """
    confirmed = {*confirmed, *cohort.manifest.get("confirmed", ())}
    frame = cohort.observed
    try:
        check_table(frame, cohort.columns, cohort.name)
    except InputError as error:
        return [Finding("fault", "declaration", "", len(frame), str(error), "correct the table")]
    if frame.empty:
        return [Finding("fault", "no_patients", "", 0, "the cohort has no patients", "check the file")]
    found = outcome_findings(frame, confirmed)
    if not cohort.endpoints():
        found.append(Finding("fault", "no_endpoint", "", len(frame), "no endpoint has both of its columns",
                             "give os_months and died, or pfs_months and progressed_or_died"))  # fmt: skip
    found += _response(frame)
    found += _arms(cohort)
    found += _spellings(cohort)
    found += _twins(cohort)
    for column in cohort.columns:
        if column.role == "baseline":
            found += _baseline(frame[column.name], column)
    found += leakage_findings(cohort)
    return sorted(found, key=lambda f: ("fault", "warning", "note").index(f.severity))


def _response(frame: pd.DataFrame) -> Iterator[Finding]:
    if "best_response" not in frame:
        return
    response = frame["best_response"]
    if (n := int(response.isna().sum())) > 0:
        yield Finding(
            "note", "missing", "best_response", n, f"best response unknown in {counted(n, 'patient')}"
        )
    if {"pfs_months", "progressed_or_died"} <= set(frame):
        without = response.eq("PD").to_numpy() & ~frame["progressed_or_died"].to_numpy(dtype=bool)
        if (n := int(without.sum())) > 0:
            yield Finding(
                "warning", "response_contradicts_pfs", "best_response", n,
                f"{counted(n, 'patient')} with progression as best response but no PFS event",
                "check the flag and the response of these patients", first_positions(without),
            )  # fmt: skip


def _arms(cohort: Cohort) -> Iterator[Finding]:
    if "arm" not in cohort.observed:
        return
    arm = cohort.observed["arm"]
    if (missing := int(arm.isna().sum())) > 0:
        yield Finding("fault", "arm_missing", "arm", missing, f"{counted(missing, 'patient')} without an arm",
                      "give the arm or leave them out", first_positions(arm.isna().to_numpy()))  # fmt: skip
    sizes = arm.value_counts()
    if cohort.control_arm is not None and cohort.control_arm not in sizes.index:
        yield Finding("fault", "control_arm", "arm", 0,
                      f"no patient is in the control arm {cohort.control_arm!r}; arms are "
                      f"{', '.join(map(repr, sizes.index))}", "name one of these as control")  # fmt: skip
    for name, size in sizes.items():
        if size < SMALL_ARM:
            yield Finding("warning", "small_arm", "arm", int(size),
                          f"arm {name!r} has only {counted(int(size), 'patient')}",
                          "do not interpret its results on their own")  # fmt: skip


def _spellings(cohort: Cohort) -> Iterator[Finding]:
    for column in cohort.columns:
        if column.kind != "category" or column.role == "outcome":
            continue
        values = cohort.observed[column.name].dropna().astype(str)
        levels: dict[str, list[str]] = {}
        for value in values.unique():
            levels.setdefault(" ".join(value.casefold().split()), []).append(value)
        for same in (names for names in levels.values() if len(names) > 1):
            count = int(values.isin(same).sum())
            yield Finding("warning", "spelt_differently", column.name, count,
                          f"{' and '.join(map(repr, same))} differ only in how they are written",
                          "name both under `recode`, with one meaning")  # fmt: skip


def _twins(cohort: Cohort) -> Iterator[Finding]:
    names = [*cohort.names("baseline"), *cohort.names("outcome")]
    if not cohort.names("baseline"):
        yield Finding("fault", "no_baseline", "", 0, "no baseline column: nothing to predict from",
                      "map at least one baseline column")  # fmt: skip
    elif (twins := cohort.observed.duplicated(names).to_numpy()).any():
        yield Finding(
            "warning", "identical_patients", "", int(twins.sum()),
            f"{counted(int(twins.sum()), 'row')} equal to another in every column",
            "the same patient under two ids?",
            first_positions(twins),
        )  # fmt: skip


def _baseline(values: pd.Series[Any], column: Column) -> Iterator[Finding]:
    present = values.dropna()
    missing = len(values) - len(present)
    if not len(present):
        yield Finding("warning", "empty_column", column.name, missing, "every value is missing",
                      "leave the column out")  # fmt: skip
        return
    if missing:
        share = missing / len(values)
        yield Finding(
            "warning" if share > MOSTLY_MISSING else "note", "missing", column.name, missing,
            f"{missing} of {len(values)} values are missing ({share:.0%})",
            "what is imputed outweighs what is measured" if share > MOSTLY_MISSING else "",
        )  # fmt: skip
    counts = present.value_counts()
    if len(counts) == 1:
        yield Finding("warning", "constant", column.name, len(present),
                      f"every known value is {_shown(counts.index[0])}",
                      "it carries no information")  # fmt: skip
    elif column.kind == "number":
        yield from _number(present, column, counts)
    elif column.kind == "category" and len(counts) > max(12, len(present) // 4):
        yield Finding("warning", "many_levels", column.name, len(counts),
                      f"{len(counts)} different categories in {counted(len(present), 'patient')}",
                      "free text or an identifier? group the levels with `recode`")  # fmt: skip


def _number(present: pd.Series[Any], column: Column, counts: pd.Series[Any]) -> Iterator[Finding]:
    infinite = int((~np.isfinite(present.to_numpy(dtype=float))).sum())
    if infinite:
        yield Finding("fault", "infinite", column.name, infinite, f"{counted(infinite, 'infinite value')}",
                      "give them as missing or at the assay's limit")  # fmt: skip
        return
    commonest, times = float(counts.index[0]), int(counts.iloc[0])
    edges = (present.min(), present.max(), column.low, column.high)
    if len(counts) >= IMPUTED_DISTINCT and times / len(present) >= IMPUTED_SHARE:
        if any(math.isclose(commonest, edge) for edge in edges):
            yield Finding("note", "limit", column.name, times,
                          f"{counted(times, 'value')} at the limit {commonest:g}")  # fmt: skip
        else:
            yield Finding("warning", "imputed", column.name, times,
                          f"{times} of {len(present)} values are exactly {commonest:g}: filled in?",
                          "give values that were not measured as missing")  # fmt: skip
    if column.positive and (n := int((present < 0).sum())):
        yield Finding("fault", "negative", column.name, n, f"{counted(n, 'negative value')} on a ratio scale",
                      "check the unit, or declare the column without `positive`")  # fmt: skip


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
