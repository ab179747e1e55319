"""A CSV, TSV, Excel, Parquet or ARFF file as a table of text, with its fingerprint."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from pipeline.archives import check_unpacked
from pipeline.cohort_check import counted
from pipeline.real_cohort.column_map import token
from pipeline.schema import InputError

FOREIGN: Final = (
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook; save the sheet as CSV"),
    (b"\x1f\x8b", "compressed with gzip; unpack it first"),
    (b"%PDF", "a PDF document; export the table as CSV"),
    (b"RDX", "R data; write it with write.csv"),
    (b"HEADER RECORD", "a SAS transport file; export it as CSV"),
    (b"$FL2", "an SPSS file; export it as CSV"),
)
ROW: Final = "(row)"  # names no column but the row of the file: the patient's id where there is none
ATTRIBUTE: Final = re.compile(r"@attribute\s+('[^']*'|\"[^\"]*\"|\S+)\s", re.IGNORECASE)
DELIMITERS: Final = (",", ";", "\t", "|")
ENCODINGS: Final = {"utf-8-sig": "utf-8", "cp1252": "cp1252"}  # the latter is Excel's in western Europe
TITLE: Final = "the first line must be the header; delete titles above it"
SHEET: Final = "under `sheet` in the map, or by --sheet for its draft"
SHOWN, MOST_VALUES, LONGEST_VALUE = 3, 5, 20  # rows that a message names, values it shows, letters of each
# What reading a broken workbook can end with, beside what zip and XML call their own.
BROKEN: Final = (
    LookupError, ValueError, TypeError, AttributeError, OSError, EOFError, MemoryError, OverflowError,
)  # fmt: skip
MOST_CELLS: Final = 20_000_000  # of a sheet, empty ones included: a hundred times what a cohort has
LAST_ROW: Final = 2**20  # Excel's own


@dataclass(frozen=True)
class TableFile:
    """The cells of a file as they stand there.

    Attributes
    ----------
    name : str
        File name without its folder.
    cells : DataFrame
        Text, one row a record; a Parquet column keeps its own type.
    rows : array, shape (n,)
        The row each record has in the file, the header being row 1.
    sha256, size_bytes, encoding : str, int, str
        Encoding is "parquet" or "xlsx" for such a file.
    """

    name: str
    cells: pd.DataFrame
    rows: np.ndarray[Any, np.dtype[np.int64]]
    sha256: str
    size_bytes: int
    encoding: str

    def text(self, header: str, missing: Sequence[str] = ()) -> list[str | None]:
        """Return a column as stripped text; None where it is empty or one of `missing`."""
        if header == ROW:
            return [str(row) for row in self.rows]
        values = self.cells[header]
        if pd.api.types.is_string_dtype(values.dtype) or values.dtype == object:
            text = ["" if v is None or v is pd.NA or v != v else str(v).strip() for v in values]
        else:
            absent = values.isna().to_numpy()
            text = ["" if gone else str(v) for v, gone in zip(values.tolist(), absent, strict=True)]
        empty = {"", *missing, *(token(m) for m in missing)}
        return [None if v in empty or token(v) in empty else v for v in text]


def read_table(path: Path | str, sheet: str | None = None) -> TableFile:
    """Return the table in a CSV, TSV, Excel (.xlsx), Parquet or ARFF file.

    `sheet` names one of a workbook; it may be left out where there is only one, and other kinds of file
    pay no heed to it.

    Raises
    ------
    InputError
        When there is no such file, it is empty, holds only a header, is of another kind, has two
        columns of one name, or rows with more or fewer cells than the header.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except IsADirectoryError as error:
        raise InputError(f"{path}: is a folder; give the CSV, TSV, Excel or Parquet file itself") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    if not content.strip():
        raise InputError(f"{path}: the file is empty ({len(content)} bytes)")
    fingerprint = hashlib.sha256(content).hexdigest()
    if content[:4] == b"PAR1":
        cells, rows, encoding = _parquet(path, content)
    elif content[:4] == b"PK\x03\x04":
        cells, rows, encoding = _workbook(path, content, sheet)
    else:
        cells, rows, encoding = _delimited(path, content)
    if cells.empty:
        raise InputError(f"{path}: the file has a header but no patients")
    return TableFile(path.name, cells, rows, fingerprint, len(content), encoding)


def kept_rows(file: TableFile, rows: Mapping[str, Sequence[str]]) -> tuple[TableFile, list[str]]:
    """Return the rows that have one of the values asked for in every column of `rows`, and what was left out.

    Values are compared as text, whole numbers without their decimals. A column that the file lacks keeps all
    rows: the map's missing columns are reported together, elsewhere.

    Raises
    ------
    InputError
        When no row is left.
    """
    keep = np.ones(len(file.cells), dtype=bool)
    notes = []
    for header, wanted in rows.items():
        if header not in file.cells:
            continue
        found = np.array(["" if v is None else token(v) for v in file.text(header)], dtype=object)
        before, chosen = int(keep.sum()), " or ".join(wanted)
        there = Counter(found[keep]).most_common(MOST_VALUES)
        keep &= np.isin(found, list(wanted))
        if not keep.any():
            seen = ", ".join(f"{value[:LONGEST_VALUE] or '(empty)'} ({n})" for value, n in there)
            raise InputError(
                f"{file.name}: no row has {chosen} in column {header!r}, as `rows` in the map asks; most "
                f"frequent there: {seen}"
            )
        notes.append(f"rows: {int(keep.sum()):,} of {before:,} kept, those with {chosen} in {header!r}")
        if absent := [value for value in wanted if value not in found]:
            notes.append(f"rows: {' and '.join(absent)} stands in no row of {header!r}")
    return replace(file, cells=file.cells[keep].reset_index(drop=True), rows=file.rows[keep]), notes


def _parquet(path: Path, content: bytes) -> tuple[pd.DataFrame, np.ndarray[Any, np.dtype[np.int64]], str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        cells = pq.read_table(io.BytesIO(content)).to_pandas()
    except (pa.ArrowException, OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        # Beside Arrow's own faults, those of what pandas notes of a table, which is JSON that may be damaged.
        said = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"{path}: a damaged Parquet file ({said})") from error
    if cells.index.name is not None:
        cells = cells.reset_index()
    cells.columns = cells.columns.map(str)
    return cells, np.arange(len(cells), dtype=np.int64) + 2, "parquet"


def _workbook(
    path: Path, content: bytes, sheet: str | None
) -> tuple[pd.DataFrame, np.ndarray[Any, np.dtype[np.int64]], str]:
    import zipfile
    import zlib
    from xml.etree.ElementTree import ParseError

    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            check_unpacked(archive, path)
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except InputError:
        raise
    except (InvalidFileException, ParseError, zlib.error, zipfile.BadZipFile, *BROKEN) as error:
        raise InputError(f"{path}: a zip archive, but no Excel workbook that can be read") from error
    with closing(book):
        names = [ws.title for ws in book.worksheets]
        if sheet is None and len(names) != 1:
            raise InputError(f"{path}: has the sheets {', '.join(names)}; name one {SHEET}")
        if sheet is not None and sheet not in names:
            raise InputError(f"{path}: has no sheet {sheet!r}; it has {', '.join(names)}")
        try:
            numbered = _sheet_records(path, book[sheet or names[0]])
        except InputError:
            raise
        except (ParseError, zlib.error, zipfile.BadZipFile, *BROKEN) as error:
            raise InputError(f"{path}: a damaged Excel workbook ({error})") from error
    if not numbered:
        raise InputError(f"{path}: the sheet {sheet or names[0]!r} is empty")
    return *_rectangle(path, numbered), "xlsx"


def _sheet_records(path: Path, sheet: Any) -> list[tuple[int, list[str]]]:
    """Return the rows of a sheet that hold anything, numbered, all as long as the longest.

    What a sheet says of its own size is not believed: a few bytes of it can claim billions of empty cells.
    """
    sheet.reset_dimensions()
    numbered, seen = [], 0
    for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
        seen += len(row)
        if seen > MOST_CELLS or number > LAST_ROW:
            raise InputError(f"{path}: more than {MOST_CELLS:,} cells or {LAST_ROW:,} rows; export it as CSV")
        record = ["" if v is None else str(v).strip() for v in row]
        while record and not record[-1]:
            record.pop()
        if record:
            numbered.append((number, record))
    wide = max((len(record) for _, record in numbered), default=0)
    return [(number, record + [""] * (wide - len(record))) for number, record in numbered]


def _delimited(path: Path, content: bytes) -> tuple[pd.DataFrame, np.ndarray[Any, np.dtype[np.int64]], str]:
    for magic, what in FOREIGN:
        if content.startswith(magic):
            raise InputError(f"{path}: neither CSV, TSV nor Parquet but {what}")
    text, encoding = _decoded(path, content)
    if text.lstrip()[:1] in {"{", "["} or text.lstrip()[:5].lower() in {"<html", "<!doc", "<?xml"}:
        raise InputError(f"{path}: neither CSV, TSV nor Parquet but JSON, HTML or XML; export it as CSV")
    if (data := re.search(r"^@data\s*$", text, re.IGNORECASE | re.MULTILINE)) is not None:
        names = [m.group(1).strip("'\"") for m in ATTRIBUTE.finditer(text, 0, data.start())]
        before = text.count("\n", 0, data.end()) + 1
        body = _records(path, text[data.end() :].lstrip("\r\n"), quotechar="'")
        numbered = [(before + i, [c.strip() for c in r]) for i, r in enumerate(body, start=1) if any(r)]
        return *_rectangle(path, [(0, names), *numbered]), encoding
    first = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max(DELIMITERS, key=first.count)
    if not first.count(delimiter):
        raise InputError(
            f"{path}: no CSV, TSV or Parquet: its first line has no comma, semicolon, tab or bar; {TITLE}"
        )
    records = _records(path, text, delimiter=delimiter, strict=True)
    numbered = [(i, r) for i, r in enumerate(records, start=1) if any(cell.strip() for cell in r)]
    if not numbered:
        raise InputError(f"{path}: every cell of the file is empty")
    return *_rectangle(path, numbered), encoding


def _records(path: Path, text: str, **dialect: Any) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO(text, newline=""), **dialect))
    except csv.Error as error:
        raise InputError(f"{path}: not a readable CSV file ({error})") from error


def _rectangle(
    path: Path, numbered: list[tuple[int, list[str]]]
) -> tuple[pd.DataFrame, np.ndarray[Any, np.dtype[np.int64]]]:
    """Return cells and row numbers of records whose first one is the header."""
    header = [name.strip() for name in numbered[0][1]]
    body = numbered[1:]
    if faults := _shape_faults(header, body):
        raise InputError(f"{path}: not a rectangular table\n  " + "\n  ".join(faults))
    cells = pd.DataFrame([r for _, r in body], columns=pd.Index(header), dtype=object)
    keep = [name for name in header if name]
    return cells[keep], np.array([i for i, _ in body], dtype=np.int64)


def _decoded(path: Path, content: bytes) -> tuple[str, str]:
    if content[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        try:
            return content.decode("utf-16"), "utf-16"
        except UnicodeDecodeError as error:
            raise InputError(f"{path}: begins as UTF-16 does, but is none (byte {error.start})") from error
    if b"\x00" in content[:4096]:
        raise InputError(f"{path}: neither CSV, TSV nor Parquet: it holds binary data")
    for codec, encoding in ENCODINGS.items():
        with suppress(UnicodeDecodeError):
            return content.decode(codec), encoding
    return content.decode("latin-1"), "latin-1"


def _shape_faults(header: list[str], body: list[tuple[int, list[str]]]) -> list[str]:
    faults = [
        f"{n} columns are named {name!r}; give each its own name"
        for name, n in Counter(header).items()
        if n > 1 and name
    ]
    unnamed = [j for j, name in enumerate(header) if not name]
    # A first column without a name is the row number that spreadsheets and R write: it is passed over.
    if len(unnamed) > 1 or (unnamed and unnamed[0] != 0):
        title = f"; {TITLE}" if len(unnamed) > len(header) / 2 else ""
        faults.append(f"{len(unnamed)} columns have no name{title}")
    ragged = [(row, len(r)) for row, r in body if len(r) != len(header)]
    if ragged:
        rows = ", ".join(f"{row} ({n})" for row, n in ragged[:SHOWN])
        faults.append(
            f"{counted(len(ragged), 'row')} without the header's {len(header)} cells, first "
            f"(with how many) {rows}; is a text with a comma not in quotes?"
        )
    return faults
