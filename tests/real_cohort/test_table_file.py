"""Kinds of files: every one gives the same table, and what is no table is refused."""

from __future__ import annotations

import gzip

import pandas as pd
import pytest
import yaml

from pipeline.real_cohort import read_cohort, read_map
from pipeline.real_cohort.file_check import check_file
from pipeline.real_cohort.table_file import read_table
from pipeline.schema import InputError

from .small_file import MAP, patients, read, small_map


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".semicolon"])
def test_every_file_kind_gives_the_same_cohort(tmp_path, suffix):
    raw = patients()
    path = tmp_path / f"patients{suffix}"
    if suffix == ".parquet":
        raw.assign(
            AGE=raw["AGE"].astype(int), OS=raw["OS"].astype(float), DEAD=raw["DEAD"] == "1"
        ).to_parquet(path)
        died = {"column": "DEAD", "event_value": "True"}
    else:
        raw.to_csv(path, index=False, sep={".csv": ",", ".tsv": "\t"}.get(suffix, ";"))
        died = {"column": "DEAD", "event_value": "1"}
    outcomes = {**yaml.safe_load(MAP)["outcomes"], "died": died}
    pd.testing.assert_frame_equal(
        read_cohort(small_map(outcomes=outcomes), path).observed, read(raw, tmp_path).observed
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
def test_encodings(tmp_path, encoding):
    raw = patients().assign(SMOKE="früher")
    path = tmp_path / "p.csv"
    path.write_bytes(raw.to_csv(index=False).encode(encoding))
    cohort = read_cohort(small_map(), path)
    assert set(cohort.observed["smoking"]) == {"früher"}
    assert any("Latin-1" in w for w in cohort.manifest["warnings"]) == (encoding == "latin-1")


def test_what_excel_writes_in_western_europe_keeps_its_dashes(tmp_path):
    path = tmp_path / "p.csv"
    path.write_bytes(patients().assign(SMOKE="Köln – Süd").to_csv(index=False).encode("cp1252"))
    cohort = read_cohort(small_map(), path)
    assert set(cohort.observed["smoking"]) == {"Köln – Süd"}
    assert any("Windows-1252" in w for w in cohort.manifest["warnings"])


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"Export of 2024\nID,OS\n1,2\n", "the first line must be the header; delete titles above it"),
        (b"Export,,,\nID,OS,DEAD,AGE\n1,2,3,4\n", "3 columns have no name; the first line must be"),
        (b"", "the file is empty (0 bytes)"),
        (b"\n \n", "the file is empty"),
        (b"ID,OS\n", "has a header but no patients"),
        (b"ID,OS\n,\n,\n", "has a header but no patients"),
        (b"PK\x03\x04rest", "no Excel workbook that can be read"),
        (b"\xd0\xcf\x11\xe0rest", "old Excel workbook"),
        (b"%PDF-1.4", "PDF"),
        (gzip.compress(b"ID,OS\n1,2\n", mtime=0), "compressed with gzip"),
        (b"\x01\x02\x00\x00\x05", "binary data"),
        (b'{"ID": 1}', "JSON"),
        (b"<html><table>", "HTML"),
        (b"just a sentence\nand another\n", "no comma, semicolon, tab or bar"),
        (b"ID,OS\n1,2,3\n4,5\n", "1 row without the header's 2 cells, first (with how many) 2 (3)"),
        (b"ID,OS,OS\n1,2,3\n", "2 columns are named 'OS'"),
        (b'ID,OS\n1,"2\n', "not a readable CSV file"),
        (b"PAR1 but not really PAR1", "a damaged Parquet file"),
    ],
)  # fmt: skip
def test_files_that_are_no_table(tmp_path, content, part):
    path = tmp_path / "file.csv"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read_cohort(small_map(), path)
    assert part in str(error.value)
    assert "file.csv" in str(error.value)


def test_no_file_and_a_folder(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_cohort(small_map(), tmp_path / "none.csv")
    with pytest.raises(InputError, match="is a folder"):
        read_cohort(small_map(), tmp_path)


def test_a_quoted_comma_and_an_unnamed_row_number_are_fine(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text(',ID,NOTE\n1,A,"x, y"\n2,B,z\n')
    table = read_table(path)
    assert list(table.cells) == ["ID", "NOTE"]
    assert table.text("NOTE") == ["x, y", "z"]
    assert table.rows.tolist() == [2, 3]


def workbook_of_cancers(folder):
    """Two sheets as a pan-cancer study keeps them; the other cancers' rows cannot be read with the map."""
    lung = patients(80).assign(CANCER="NSCLC", CODE="1.0", SET="A")
    others = patients(40, seed=1).assign(CANCER="melanoma", CODE="2.0", SET="A", AGE="adult", ID="P000")
    mixed = pd.concat([others[:15], lung, others[15:]])
    path = folder / "cancers.xlsx"
    with pd.ExcelWriter(path) as book:
        mixed.to_excel(book, sheet_name="train", index=False)
        mixed.iloc[::-1].assign(CANCER="NSCLC").to_excel(book, sheet_name="other", index=False)
    return path, lung


@pytest.mark.parametrize(
    "rows", [{"CANCER": "NSCLC"}, {"CODE": 1}, {"CANCER": ["NSCLC", "SCLC"], "SET": "A"}, {"ID": None}]
)
def test_one_cancer_of_a_workbook_is_read_by_the_rows_that_the_map_asks_for(tmp_path, rows):
    path, lung = workbook_of_cancers(tmp_path)
    lung = lung.drop(columns=["CANCER", "CODE", "SET"])
    if "ID" in rows:
        rows = {"ID": list(lung["ID"][1:])}  # the one id that another cancer has as well stays out
        lung = lung[1:]
    cohort = read_cohort(small_map(sheet="train", rows=rows), path)
    pd.testing.assert_frame_equal(cohort.observed, read(lung, tmp_path).observed)
    assert cohort.manifest["rows"] == len(lung)
    assert any(f"{len(lung)} of 120 kept" in w for w in cohort.manifest["warnings"])
    assert any("SCLC stands in no row" in w for w in cohort.manifest["warnings"]) == ("SET" in rows)
    assert cohort.manifest["map"]["rows"].keys() == rows.keys()
    check = [f for f in check_file(small_map(sheet="train", rows=rows), path) if f.check == "rows_kept"]
    assert check[0].count == len(lung)


def test_without_the_rows_asked_for_the_other_cancers_are_faults(tmp_path):
    path, _ = workbook_of_cancers(tmp_path)
    for changes in ({"sheet": "train"}, {"sheet": "other", "rows": {"CANCER": "NSCLC"}}):
        with pytest.raises(InputError) as error:
            read_cohort(small_map(**changes), path)
        assert "40 texts in a number column" in str(error.value)
        assert "in more than one row" in str(error.value)


@pytest.mark.parametrize(
    ("rows", "parts"),
    [
        ({"CANCER": "Lung"}, ["no row has Lung in column 'CANCER', as `rows` in the map asks",
                              "most frequent there: NSCLC (80), melanoma (40)"]),
        ({"CANCER": "NSCLC", "SET": "B"}, ["no row has B in column 'SET'", "A (80)"]),
        ({"CANCR": "NSCLC"}, ["column 'CANCR' (rows): is missing; nearest is 'CANCER'",
                              "in a number column"]),
    ],
)  # fmt: skip
def test_rows_that_are_not_there_are_refused_with_what_is(tmp_path, rows, parts):
    path, _ = workbook_of_cancers(tmp_path)
    with pytest.raises(InputError) as error:
        read_cohort(small_map(sheet="train", rows=rows), path)
    for part in parts:
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("rows", "part"),
    [({"CANCER": []}, "rows.CANCER"), ({"CANCER": True}, "put the value in quotes"), ("NSCLC", "rows")],
)
def test_a_faulty_rows_entry_names_its_field(tmp_path, rows, part):
    path = tmp_path / "map.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(MAP), "rows": rows}))
    with pytest.raises(InputError, match=part):
        read_map(path)


# --- workbooks that are larger than they look


def workbook(path, cells, dimension="A1:B3"):
    """Write an .xlsx file whose one sheet holds `cells`, rows of XML, and says it is of `dimension`."""
    import io
    import zipfile

    import openpyxl

    book, content = openpyxl.Workbook(), io.BytesIO()
    book.save(content)
    with zipfile.ZipFile(content) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            data = old.read(member)
            if member.filename.endswith("sheet1.xml"):
                space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
                data = (
                    f'<worksheet xmlns="{space}"><dimension ref="{dimension}"/><sheetData>{cells}'
                    "</sheetData></worksheet>"
                ).encode()
            new.writestr(member.filename, data)
    return path


def number(place, value):
    return f'<c r="{place}"><v>{value}</v></c>'


TWO = f'<row r="1"><c r="A1" t="inlineStr"><is><t>ID</t></is></c><c r="B1" t="inlineStr"><is><t>OS</t></is></c></row><row r="2">{number("A2", 1)}{number("B2", 2)}</row>'  # noqa: E501


def test_a_sheets_own_word_on_its_size_is_not_believed(tmp_path):
    """A million rows of sixteen thousand columns in a few bytes."""
    table = read_table(workbook(tmp_path / "p.xlsx", TWO, "A1:XFD1048576"))
    assert table.cells.to_numpy().tolist() == [["1", "2"]]
    assert table.rows.tolist() == [2]


def test_rows_are_as_long_as_the_header(tmp_path):
    short = TWO + f'<row r="4">{number("A4", 3)}</row>'
    table = read_table(workbook(tmp_path / "p.xlsx", short))
    assert table.cells.to_numpy().tolist() == [["1", "2"], ["3", ""]]
    assert table.rows.tolist() == [2, 4]
    wide = TWO + f'<row r="3">{number("D3", 3)}</row>'
    with pytest.raises(InputError, match="2 columns have no name"):
        read_table(workbook(tmp_path / "wide.xlsx", wide))


@pytest.mark.parametrize(
    "far",
    [
        '<row r="999999999999"><c r="A1"><v>1</v></c></row>',
        '<row r="3"><c r="ZZZZZZZZZ3"><v>1</v></c></row>',
    ],
)
def test_a_cell_far_away_does_not_fill_the_memory(tmp_path, far):
    with pytest.raises(InputError, match=r"more than .* 1,048,576 rows|damaged Excel workbook"):
        read_table(workbook(tmp_path / "p.xlsx", TWO + far))


def test_a_workbook_that_unpacks_to_gigabytes_is_refused(tmp_path):
    import zipfile

    path, size = workbook(tmp_path / "p.xlsx", TWO), 2**26 + 1
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/image.png", bytes(size))
    said, more = size.to_bytes(4, "little"), (2**32 - 2).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(said, more))  # the rest of four gigabytes is spared
    with pytest.raises(InputError, match=r"unpack to 4\.0 GiB; at most 2 GiB are read"):
        read_table(path)


def test_a_workbook_cut_short_inside_a_sheet(tmp_path):
    path = workbook(tmp_path / "p.xlsx", TWO + "<row")
    with pytest.raises(InputError, match="damaged Excel workbook"):
        read_table(path)
