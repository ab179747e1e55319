"""Text of a file's columns into numbers, facts and categories, and what stands in the way."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.cohort_check import counted
from pipeline.real_cohort.column_map import MONTHS_PER, ColumnMap, EventMap, Recode, TimeMap, token
from pipeline.real_cohort.table_file import SHOWN, TableFile

NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
DECIMAL_COMMA: Final = re.compile(r"[+-]?\d+,\d+")
THOUSANDS: Final = re.compile(r"[1-9]\d{0,2}(,\d{3})+")
DATE: Final = re.compile(r"(\d{1,2}[./-]\d{1,2}[./-](\d{4}|\d{2})|\d{4}-\d{2}-\d{2})([ T].*)?")
PERCENT: Final = re.compile(r".*\d\s*%")
FACTS: Final = {
    "1": True, "true": True, "t": True, "yes": True, "y": True,
    "0": False, "false": False, "f": False, "no": False, "n": False,
}  # fmt: skip
LONGEST_SHOWN: Final = 20
VALUES_SHOWN: Final = 6
FACTORS: Final = (10.0, 100.0, 1000.0, 0.1, 0.01, 0.001)

Text = Sequence[str | None]


@dataclass
class Faults:
    """Faults gathered while a file is read, each with its column."""

    listed: list[str] = field(default_factory=list)
    targets: set[str] = field(default_factory=set)
    entries: list[tuple[str, str, str, int]] = field(default_factory=list)

    def add(self, header: str, target: str, text: str, count: int = 0) -> None:
        """Add one fault of the file's column `header`, which becomes `target`, in `count` rows."""
        self.targets.add(target)
        self.entries.append((header, target, text, count))
        name = f"column {header!r}" + (f" ({target})" if target and target != header else "")
        self.listed.append(f"{name}: {text}")


def in_rows(file: TableFile, positions: Sequence[int], count: int | None = None) -> str:
    """Name the first rows concerned, of `count` in all."""
    rows = ", ".join(str(file.rows[i]) for i in positions[:SHOWN])
    first = "first " if (count or len(positions)) > SHOWN else ""
    return f"{first}in row{'s' if len(positions) > 1 else ''} {rows}"


def _where(file: TableFile, bad: Sequence[int], text: Text) -> str:
    """Name what stands in the rows concerned, the most frequent first, and the first of the rows.

    Values are cut short so that no free text is printed.
    """
    counts = Counter(str(text[i]) for i in bad).most_common()
    shown = []
    most = VALUES_SHOWN if len(counts) <= 2 * VALUES_SHOWN else SHOWN  # of codes all, of measurements a few
    for value, n in counts[:most]:
        cut = value if len(value) <= LONGEST_SHOWN else value[: LONGEST_SHOWN - 1] + "…"
        shown.append(repr(cut) + (f" ({n} times)" if n > 1 else ""))
    more = len(counts) - most
    rest = f" and {more} other{'s' if more > 1 else ''}" if more > 0 else ""
    return f"{', '.join(shown)}{rest}, {in_rows(file, bad)}"


def _remedy(bad: Sequence[str]) -> str:
    """Return what to do about texts in a number column, by what most of them look like."""

    def most(pattern: re.Pattern[str]) -> bool:
        return sum(pattern.fullmatch(value) is not None for value in bad) > len(bad) / 2

    if most(THOUSANDS):
        return "set `decimal: ','` in the map if these are decimals, or take out the commas of thousands"
    if most(DECIMAL_COMMA):
        return "set `decimal: ','` in the map"
    if most(DATE):
        return (
            "these are dates, and dates are not read: put in the days from the start of treatment to each, "
            "and `unit: days`"
        )
    if most(PERCENT):
        return "set `suffix: \"%\"` for this column, and say under `recode` for which number each text stands"
    return "correct them, list them under `missing`, or give their number under `recode`"


def numbers(
    file: TableFile,
    text: Text,
    header: str,
    target: str,
    faults: Faults,
    *,
    decimal: str,
    recode: Recode | None = None,
    suffix: str = "",
) -> NDArray[np.float64]:
    """Return a column's text as numbers, NaN where missing; the texts among them are one fault."""
    recode = recode or {}
    out = np.full(len(text), np.nan)
    bad = []
    for i, value in enumerate(text):
        if value is None:
            continue
        bare = value.removesuffix(suffix).strip() if suffix else value
        known = recode.get(token(value), recode.get(token(bare)))
        if known is not None:
            out[i] = float(known)
            continue
        bare = bare.replace(",", ".") if decimal == "," else bare
        if NUMBER.fullmatch(bare) and math.isfinite(float(bare)):
            out[i] = float(bare)
        else:
            bad.append(i)
    if bad:
        faults.add(
            header, target,
            f"{counted(len(bad), 'text')} in a number column, {_where(file, bad, text)}; "
            f"{_remedy([str(text[i]) for i in bad])}",
            len(bad),
        )  # fmt: skip
    return out


def baseline(
    file: TableFile, target: str, column: ColumnMap, faults: Faults, missing: Sequence[str], decimal: str
) -> pd.Series[Any]:
    """Return one baseline column in the type its kind asks for; NaN, NA or None where missing."""
    text = file.text(column.column, missing)
    if column.only_where is not None:
        other = file.text(column.only_where.column)
        holds = [v is not None and token(v) in column.only_where.equals for v in other]
        text = [value if kept else None for value, kept in zip(text, holds, strict=True)]
    if column.kind == "number":
        raw = numbers(
            file, text, column.column, target, faults,
            decimal=decimal, recode=column.recode, suffix=column.suffix,
        )  # fmt: skip
        values = raw / column.divide
        _check_range(file, target, column, values, faults)
        return pd.Series(values, dtype=float)
    if column.kind == "boolean":
        facts = _facts(file, target, column, text, faults)
        return pd.Series(facts, dtype="boolean" if None in facts else bool)
    return pd.Series(_levels(file, target, column.column, column.recode, text, faults), dtype=object)


def _check_range(
    file: TableFile, target: str, column: ColumnMap, values: NDArray[np.float64], faults: Faults
) -> None:
    outside = (values < column.low) | (values > column.high)
    if not outside.any():
        return
    present = values[~np.isnan(values)]
    hint = ""
    if outside.sum() > len(present) / 2:
        fits = {f: np.mean((present / f >= column.low) & (present / f <= column.high)) for f in FACTORS}
        best = max(FACTORS, key=lambda f: fits[f])
        if fits[best] > 0.95:
            hint = f"; another unit? `divide: {column.divide * best:g}` would bring {fits[best]:.0%} inside"
    unit = f" {column.unit}" if column.unit else ""
    bad = np.flatnonzero(outside).tolist()
    shown = [f"{v:g}" for v in values]
    faults.add(
        column.column, target,
        f"{counted(len(bad), 'value')} outside {column.low:g} to {column.high:g}{unit}, "
        f"{_where(file, bad, shown)}{hint or '; correct them or widen low and high'}",
        len(bad),
    )  # fmt: skip


def _facts(file: TableFile, target: str, column: ColumnMap, text: Text, faults: Faults) -> list[bool | None]:
    recode = {raw: bool(value) for raw, value in column.recode.items()}

    def fact(value: str | None) -> bool | None:
        if value is None:
            return None
        return recode.get(token(value)) if recode else FACTS.get(token(value).lower())

    facts = [fact(v) for v in text]
    bad = [i for i, (v, f) in enumerate(zip(text, facts, strict=True)) if v is not None and f is None]
    if bad:
        what = "not named under `recode`" if recode else "neither yes nor no"
        faults.add(
            column.column, target,
            f"{counted(len(bad), 'value')} {what}, {_where(file, bad, text)}; "
            "say under `recode` what each means, or list them under `missing`",
            len(bad),
        )  # fmt: skip
    return facts


def _levels(
    file: TableFile, target: str, header: str, recode: Mapping[str, object], text: Text, faults: Faults
) -> list[str | None]:
    if not recode:
        return list(text)
    named = {raw: f"{v:g}" if isinstance(v, float) else str(v) for raw, v in recode.items()}
    levels = [None if v is None else named.get(token(v)) for v in text]
    bad = [
        i for i, (v, level) in enumerate(zip(text, levels, strict=True)) if v is not None and level is None
    ]
    if bad:
        faults.add(
            header, target,
            f"{counted(len(bad), 'value')} not named under `recode`, {_where(file, bad, text)}; "
            "name them there, or list them under `missing`",
            len(bad),
        )  # fmt: skip
    return levels


def labels(
    file: TableFile,
    header: str,
    target: str,
    recode: Mapping[str, str],
    faults: Faults,
    missing: Sequence[str],
) -> list[str | None]:
    """Return a column of names (arms, sites, responses), recoded where the map says so."""
    return _levels(file, target, header, recode, file.text(header, missing), faults)


def months(
    file: TableFile, target: str, part: TimeMap, faults: Faults, missing: Sequence[str], decimal: str
) -> NDArray[np.float64]:
    """Return a time in months, whatever its unit in the file."""
    text = file.text(part.column, missing)
    values = numbers(file, text, part.column, target, faults, decimal=decimal)
    return values * MONTHS_PER[part.unit]


def events(
    file: TableFile, target: str, part: EventMap, faults: Faults, missing: Sequence[str]
) -> list[bool | None]:
    """Return an event column as facts; a value that is neither event nor its absence is a fault.

    With only one side named, all other values stand for the other side, of which there may be one.
    """
    text = file.text(part.column, missing)
    tokens = [None if v is None else token(v) for v in text]
    event, censored = set(part.event_value), set(part.censored_value)
    rest = {t for t in tokens if t is not None} - event - censored
    if len(rest) == 1 and not (event and censored):
        (censored if event else event).update(rest)
    elif rest:
        bad = [i for i, t in enumerate(tokens) if t in rest]
        faults.add(
            part.column, target,
            f"{counted(len(bad), 'value')} ({len(rest)} different) named neither under event_value nor under "
            f"censored_value, {_where(file, bad, text)}; name every value, or list them under `missing`",
            len(bad),
        )  # fmt: skip
    return [t in event if t in event | censored else None for t in tokens]
