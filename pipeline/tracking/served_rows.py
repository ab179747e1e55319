"""What a served model accepts: horizons and rows looked at before it predicts, and every fault named."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import pandas as pd

from pipeline.artifacts import column_from_json, write_json
from pipeline.schema import Column, Floats, InputError

MOST_HORIZONS: Final = 500
MOST_FAULTS: Final = 20  # spelt out in one answer; the rest is counted


@dataclass(frozen=True)
class Served:
    """What training patients were like: the columns they had, and how long they were followed.

    Attributes
    ----------
    columns : tuple of Column
        Baseline columns and arm, with their limits and categories.
    arms : tuple of str
        Those that were trained on; empty when the cohort has none.
    longest_months : float
        Longest follow-up; no survival is known beyond.
    """

    columns: tuple[Column, ...]
    arms: tuple[str, ...]
    longest_months: float

    @classmethod
    def of(cls, cohort: Mapping[str, Any], endpoint: str) -> Self:
        """Return what the facts of the training cohort say (`pipeline.artifacts.describe_cohort`)."""
        columns = tuple(column_from_json(c) for c in cohort["columns"])
        used = tuple(c for c in columns if c.role in ("baseline", "arm"))
        return cls(used, tuple(cohort["arms"]), float(cohort["longest_months"][endpoint]))

    @classmethod
    def read(cls, file: Path) -> Self:
        """Return what `write` wrote."""
        stored = json.loads(file.read_text(encoding="utf-8"))
        columns = tuple(column_from_json(c) for c in stored["columns"])
        return cls(columns, tuple(stored["arms"]), float(stored["longest_months"]))

    def write(self, file: Path) -> Path:
        """Write it as JSON."""
        write_json(file, asdict(self))
        return file

    def months(self, asked: Any) -> Floats:
        """Return the horizons asked for as they were given, or an InputError saying what is wrong."""
        months = np.atleast_1d(np.asarray(asked, dtype=float))
        names = [f"{m:g}" for m in months]
        faults = []
        if not 1 <= len(months) <= MOST_HORIZONS:
            faults.append(f"give 1 to {MOST_HORIZONS} horizons. Got {len(months)} instead")
        wrong = [m for m in months if not 0 < m <= self.longest_months]
        if wrong:
            listed = ", ".join(f"{m:g}" for m in wrong[:MOST_FAULTS])
            faults.append(
                f"each must be above 0 and at most {self.longest_months:g}, the longest follow-up of the "
                f"training patients. Got {listed} instead"
            )
        if twice := sorted({n for n in names if names.count(n) > 1}):
            faults.append(f"{', '.join(twice)} is asked for more than once")
        if faults:
            raise InputError("params: months: " + "; ".join(faults))
        return months

    def rows(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the patients with every column in its kind, or raise an InputError naming every fault.

        Rows are counted from 1. A missing value is none, except of the arm; a row in which nothing but the
        arm is known is one, for a prediction from it would be about nobody.
        """
        if not len(table):
            columns = ", ".join(c.name for c in self.columns)
            raise InputError(f"there is no row: give at least one patient, with the columns {columns}")
        table = table.reset_index(drop=True).rename_axis("patient")
        if twice := sorted(set(table.columns[table.columns.duplicated()].astype(str))):
            raise InputError(f"columns {', '.join(map(repr, twice))} are there more than once")
        if absent := [c.name for c in self.columns if c.name not in table]:
            raise InputError(f"columns {', '.join(map(repr, absent))} are missing")
        faults: list[tuple[int, str]] = []
        made: dict[str, pd.Series[Any]] = {}
        for column in self.columns:
            made[column.name], found = self._values(table[column.name], column)
            faults += found
        patients = pd.DataFrame(made, index=table.index)
        measured = [c.name for c in self.columns if c.role == "baseline"]
        empty = patients[measured].isna().all(axis=1).to_numpy()
        faults += [(int(row), "no baseline value is given") for row in np.flatnonzero(empty)]
        if faults:
            raise InputError(_told(faults, len(table)))
        return patients

    def _values(self, values: pd.Series[Any], column: Column) -> tuple[pd.Series[Any], list[tuple[int, str]]]:
        if column.kind == "category":
            return self._levels(values, column)
        numbers = pd.to_numeric(values, errors="coerce").astype(float)
        wrong = [
            (row, f"{column.name} must be a number. Got {str(values.iloc[row])[:40]!r} instead")
            for row in np.flatnonzero((numbers.isna() & values.notna()).to_numpy())
        ]
        given = numbers.to_numpy()
        low, high = (0.0, 1.0) if column.kind == "boolean" else (column.low, column.high)
        bad = (given < low) | (given > high) | np.isinf(given)
        if column.kind == "boolean":
            bad |= ~np.isnan(given) & (given != 0) & (given != 1)
            wanted = "0 or 1 (no or yes)"
        else:
            wanted = f"{_limits(low, high)}{f' {column.unit}' if column.unit else ''}"
        wrong += [
            (row, f"{column.name} must be {wanted}. Got {given[row]:g} instead")
            for row in np.flatnonzero(bad)
        ]
        return numbers, [(int(row), fault) for row, fault in wrong]

    def _levels(self, values: pd.Series[Any], column: Column) -> tuple[pd.Series[Any], list[tuple[int, str]]]:
        text = values.astype(object).where(values.notna(), None)
        known = self.arms if column.role == "arm" else column.categories
        faults = []
        for row, value in enumerate(text):
            if value is None and column.role == "arm":
                faults.append((row, f"{column.name} is missing; known are {', '.join(known)}"))
            elif value is not None and known and str(value) not in known:
                got = repr(str(value)[:40])
                faults.append((row, f"{column.name} must be one of {', '.join(known)}. Got {got} instead"))
        return text, faults


def _limits(low: float, high: float) -> str:
    if math.isinf(low) and math.isinf(high):
        return "a finite number"
    if math.isinf(high):
        return f"a finite number of at least {low:g}"
    return f"a number at most {high:g}" if math.isinf(low) else f"from {low:g} to {high:g}"


def _told(faults: Sequence[tuple[int, str]], rows: int) -> str:
    ordered = sorted(faults, key=lambda fault: fault[0])
    lines = [f"row {row + 1}: {what}" for row, what in ordered[:MOST_FAULTS]]
    more = len(ordered) - len(lines)
    bad = len({row for row, _ in ordered})
    head = f"{bad} of {rows} rows cannot be predicted from, so none was:"
    return "\n  ".join([head, *lines, *([f"and {more} faults more"] if more else [])])
