"""Doors of data files: delimited, Parquet and workbooks, each with a map that is to read it."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from benchmarks.fuzz_changes import as_yaml, changed, damaged

WRITTEN = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
CELLS = (
    "", " ", "NA", ".", "-1", "0", "-0.0", "1e400", "1e-320", "nan", "inf", "-inf", "12,5", "1.234,5", "0x1F",
    "1_000", "=1+1", "'", '"', 'a"b', "a,b", "a;b", "a\nb", "\r", "\x00", "\x1b[31m", "TRUE", "yes", "CR",
    "2020-01-01", "2020-13-45", "9" * 400, "x" * 5000, "\u0661\u0662", "\u00bd", "\u202e", "\U0001f642",
    "<1", ">100",
    "10%", "1.0", "01", "+1", "1 2", "None", "[bold]", "{0}", "%s",
)  # fmt: skip
MAP: dict[str, Any] = {
    "kind": "file",
    "name": "fuzzed",
    "citation": "none",
    "patient": "ID",
    "missing": ["NA"],
    "arm": {"column": "ARM", "recode": {"A": "drug", "B": "control"}, "control": "control"},
    "site": {"column": "SITE"},
    "outcomes": {
        "os_months": {"column": "OS", "unit": "days"},
        "died": {"column": "DEAD", "event_value": 1, "censored_value": 0},
        "pfs_months": {"column": "PFS", "unit": "days"},
        "progressed_or_died": {"column": "PROG", "event_value": 1},
        "best_response": {"column": "BEST"},
    },
    "columns": {
        "age_years": {
            "column": "AGE", "kind": "number", "label": "Age", "unit": "years", "modality": "clinical",
            "low": 18, "high": 100,
        },
        "male": {
            "column": "SEX", "kind": "boolean", "label": "Male", "modality": "clinical",
            "recode": {"M": True, "F": False},
        },
        "smoking": {"column": "SMOKE", "kind": "category", "label": "Smoking", "modality": "clinical"},
        "nlr": {
            "column": "NLR", "kind": "number", "label": "NLR", "modality": "blood", "low": 0, "high": 200,
            "positive": True, "only_where": {"column": "ARM", "equals": ["A", "B"]},
        },
    },
    "adverse_events": {"onset": {"column": "AE_DAY", "unit": "days"}, "organ": "AE", "grade": "GRADE"},
    "leave_out_without": ["os_months"],
    "ignore": ["NOTE"],
}  # fmt: skip


@dataclass(frozen=True)
class Table:
    """A data file and the map that is to read it, None for the one that fits."""

    suffix: str
    content: bytes
    map: bytes | None = None


@cache
def patients(n: int = 30) -> pd.DataFrame:
    """Return a sound table that `MAP` reads."""
    rng = np.random.default_rng(0)
    death, cut, progression = rng.exponential(400, n), rng.uniform(300, 900, n), rng.exponential(180, n)
    os_days = np.minimum(death, cut).round() + 1
    pfs_days = np.minimum(os_days, progression.round() + 1)
    return pd.DataFrame({
        "ID": [f"P{i:03d}" for i in range(n)],
        "ARM": rng.choice(["A", "B"], n),
        "SITE": rng.choice(["north", "south"], n),
        "AGE": rng.integers(40, 85, n).astype(str),
        "SEX": rng.choice(["M", "F"], n),
        "SMOKE": rng.choice(["never", "former", "current"], n),
        "NLR": rng.lognormal(1.2, 0.5, n).round(2).astype(str),
        "OS": os_days.astype(int).astype(str),
        "DEAD": (death <= cut).astype(int).astype(str),
        "PFS": pfs_days.astype(int).astype(str),
        "PROG": ((death <= cut) | (pfs_days < os_days)).astype(int).astype(str),
        "BEST": rng.choice(["CR", "PR", "SD", "PD"], n),
        "AE_DAY": np.where(rng.random(n) < 0.3, "20", "NA"),
        "AE": rng.choice(["lung", "skin"], n),
        "GRADE": rng.choice(["1", "3"], n),
        "NOTE": "x",
    })  # fmt: skip


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    """Draw the sound table with cells, columns and rows changed; all text."""
    table = patients().copy()
    for _ in range(draw(st.integers(0, 5))):
        row, column = draw(st.integers(0, len(table) - 1)), draw(st.integers(0, table.shape[1] - 1))
        table.iloc[row, column] = draw(st.one_of(st.sampled_from(CELLS), st.text(max_size=8)))
    for _ in range(draw(st.integers(0, 2))):
        column = draw(st.integers(0, table.shape[1] - 1))
        names = [str(c) for c in table.columns]
        match draw(st.sampled_from(("gone", "name", "twice", "same", "empty", "numbers"))):
            case "gone" if table.shape[1] > 1:
                table = table.iloc[:, [k for k in range(table.shape[1]) if k != column]]
            case "name":
                names[column] = draw(st.one_of(st.sampled_from(names), st.text(max_size=6)))
                table.columns = pd.Index(names)
            case "same":
                table.isetitem(column, [draw(st.sampled_from(CELLS))] * len(table))
            case "empty":
                table.isetitem(column, [""] * len(table))
            case "numbers":
                values = draw(st.lists(st.floats(), min_size=len(table), max_size=len(table)))
                table.isetitem(column, [str(v) for v in values])
            case _:
                table = pd.concat([table, table.iloc[:, [column]]], axis=1)
    rows = draw(st.sampled_from(("all", "all", "all", "none", "one", "two", "doubled")))
    keep = {"none": 0, "one": 1, "two": 2}
    if rows in keep:
        table = table.iloc[: keep[rows]]
    return pd.concat([table, table]) if rows == "doubled" else table


def as_delimited(table: pd.DataFrame, delimiter: str, encoding: str) -> bytes:
    """Return the table as a delimited file."""
    return table.to_csv(index=False, sep=delimiter, lineterminator="\n").encode(encoding, errors="replace")


def delimited_cases() -> st.SearchStrategy[Table]:
    """Return delimited files of many dialects and codings, sound or damaged."""
    written = st.builds(
        as_delimited, tables(), st.sampled_from((",", ",", ";", "\t", "|")),
        st.sampled_from(("utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1")),
    )  # fmt: skip
    content = st.one_of(written, written, written.flatmap(damaged), st.binary(max_size=60),
                        st.text(max_size=60).map(str.encode))  # fmt: skip
    return st.builds(Table, st.just(".csv"), content, _maps())


def _maps() -> st.SearchStrategy[bytes | None]:
    return st.one_of(st.none(), st.none(), changed(MAP).map(as_yaml))


KINDS: tuple[Callable[[pd.Series[Any]], Any], ...] = (
    lambda s: s,
    lambda s: pd.to_numeric(s, errors="coerce"),
    lambda s: pd.to_numeric(s, errors="coerce").astype("Float64").round().astype("Int64"),
    lambda s: s.astype("category"),
    lambda s: s.str.encode("utf-8"),
    lambda s: [[v] for v in s],
    lambda s: [{"v": v} for v in s],
    lambda s: pd.Timestamp("2020-01-01"),
    lambda s: pd.Timedelta(days=3),
    lambda s: s == "1",
    lambda s: None,
    lambda s: pd.to_numeric(s, errors="coerce").astype("float32"),
)


@st.composite
def parquet_bytes(draw: st.DrawFn) -> bytes:
    """Draw a table as Parquet, of columns of many kinds."""
    table = draw(tables())
    table.columns = pd.Index([f"{c}{k}" if k in np.flatnonzero(table.columns.duplicated()) else str(c)
                              for k, c in enumerate(table.columns)])  # fmt: skip
    if table.columns.duplicated().any():
        return b"PAR1"
    for _ in range(draw(st.integers(0, 4))):
        column = draw(st.integers(0, table.shape[1] - 1))
        values = KINDS[draw(st.integers(0, len(KINDS) - 1))](table.iloc[:, column].astype(str))
        table = table.assign(**{str(table.columns[column]): values})
    if draw(st.booleans()):
        table = table.set_index(table.columns[0])
    file = io.BytesIO()
    try:
        table.to_parquet(file)
    except Exception:  # what pandas cannot write, nobody can send
        return b"PAR1"
    return file.getvalue()


def workbook_bytes(table: pd.DataFrame) -> bytes:
    """Return the table as a workbook, the same bytes whenever it is written."""
    import openpyxl
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("patients")
    for row in [list(table.columns), *table.itertuples(index=False, name=None)]:
        sheet.append([ILLEGAL_CHARACTERS_RE.sub("", str(v))[:2000] for v in row])
    file = io.BytesIO()
    book.save(file)
    # The time of writing goes out of it: the same table is to be the same bytes whenever it is drawn.
    packed = io.BytesIO()
    with zipfile.ZipFile(file) as made, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as timeless:
        for name in made.namelist():
            timeless.writestr(zipfile.ZipInfo(name), WRITTEN.sub(b"2020-01-01T00:00:00Z", made.read(name)))
    return packed.getvalue()


def packed_cases(written: st.SearchStrategy[bytes], suffix: str) -> st.SearchStrategy[Table]:
    """Return files as written and damaged, each with a map."""
    content = st.one_of(written, written.flatmap(damaged))
    return st.builds(Table, st.just(suffix), content, _maps())


def enter_table(case: Table, folder: Path) -> None:
    """Draft a map of a file, check it and read it by a map."""
    from experiments.cohort_command import known_columns
    from pipeline.real_cohort import read_cohort, read_map
    from pipeline.real_cohort.draft import draft_map
    from pipeline.real_cohort.file_check import check_file, check_table_of
    from pipeline.schema import InputError

    data, written = folder / f"patients{case.suffix}", folder / "map.yaml"
    data.write_bytes(case.content)
    written.write_bytes(as_yaml(MAP) if case.map is None else case.map)
    mapped = read_map(written)
    refusals: list[InputError] = []
    drafted = folder / "drafted.yaml"

    def draft() -> None:
        from pipeline.yaml_file import read_yaml

        drafted.write_text(draft_map(data, _known(known_columns)), encoding="utf-8")
        read_yaml(drafted)

    for act in (draft, lambda: check_table_of(check_file(mapped, data)), lambda: read_cohort(mapped, data)):
        try:
            act()
        except InputError as refusal:
            refusals.append(refusal)
    if refusals:
        raise refusals[-1]


@cache
def _known(columns: Callable[[], Any]) -> Any:
    return columns()
