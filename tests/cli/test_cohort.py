"""lungio cohort: check and map, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from .calling import lungio

MAP = """
kind: file
name: mine
citation: none
patient: ID
outcomes:
  os_months: {column: OS}
  died: {column: DEAD, event_value: 1, censored_value: 0}
columns:
  age_years: {column: AGE, kind: number, label: Age, modality: clinical, low: 18, high: 100}
"""


def write(folder: Path, **changes: object) -> pd.DataFrame:
    months = [round(1 + 0.37 * k, 2) for k in range(60)]
    table = pd.DataFrame({"ID": range(60), "OS": months, "DEAD": [int(k < 40) for k in range(60)], "AGE": 60})
    table["AGE"] = [50 + (7 * k) % 30 for k in range(60)]
    table = table.assign(**changes)
    table.to_csv(folder / "mine.csv", index=False)
    (folder / "mine.yaml").write_text(MAP)
    return table


def test_a_clean_file_ends_well_and_a_faulty_one_with_code_1(here: Path) -> None:
    write(here)
    result = lungio("cohort", "check", "mine.csv", "--map", "mine.yaml")
    assert result.exit_code == 0, result.output
    assert "0 errors" in result.output
    write(here, AGE=[900] * 3 + [60, 61, 62] * 19)
    result = lungio("cohort", "check", "mine.csv", "--map", "mine.yaml", "--json")
    assert result.exit_code == 1, result.output
    found = json.loads(result.output)
    assert [(f["check"], f["column"], f["count"]) for f in found if f["severity"] == "error"] == [
        ("out_of_range", "AGE", 3)
    ]


def test_the_same_table_in_every_kind_of_file(here: Path) -> None:
    table = write(here, AGE=[900] * 3 + [60, 61, 62] * 19)
    table.to_csv("mine.tsv", sep="\t", index=False)
    table.to_parquet("mine.parquet")
    table.to_excel("mine.xlsx", index=False)
    outputs = [
        lungio("cohort", "check", f"mine.{kind}", "--map", "mine.yaml", "--json").output
        for kind in ("csv", "tsv", "parquet", "xlsx")
    ]
    assert len(json.loads(outputs[0])) >= 1
    assert outputs.count(outputs[0]) == 4


def test_workbooks_with_several_sheets_ask_which(here: Path) -> None:
    table = write(here)
    with pd.ExcelWriter("mine.xlsx") as book:
        table.to_excel(book, sheet_name="train", index=False)
        table.head(0).to_excel(book, sheet_name="other", index=False)
    result = lungio("cohort", "check", "mine.xlsx", "--map", "mine.yaml")
    assert result.exit_code == 2
    assert "has the sheets train, other; name one under `sheet`" in result.output
    (here / "mine.yaml").write_text(MAP + "sheet: train\n")
    assert lungio("cohort", "check", "mine.xlsx", "--map", "mine.yaml").exit_code == 0
    (here / "mine.yaml").write_text(MAP + "sheet: test\n")
    assert (
        "has no sheet 'test'; it has train, other"
        in lungio("cohort", "check", "mine.xlsx", "--map", "mine.yaml").output
    )


def test_rows_of_one_cancer_are_checked_alone(here: Path) -> None:
    table = write(here, CANCER=["NSCLC"] * 50 + ["SCLC"] * 10)
    table.assign(AGE=table["AGE"].where(table["CANCER"] == "NSCLC", 900)).to_csv("mine.csv", index=False)
    assert lungio("cohort", "check", "mine.csv", "--map", "mine.yaml").exit_code == 1
    (here / "mine.yaml").write_text(MAP + "rows: {CANCER: NSCLC}\n")
    result = lungio("cohort", "check", "mine.csv", "--map", "mine.yaml", "--json")
    assert result.exit_code == 0, result.output
    notes = [f for f in json.loads(result.output) if f["check"] == "rows_kept"]
    assert [(n["severity"], n["count"]) for n in notes] == [("note", 50)]
    (here / "mine.yaml").write_text(MAP + "rows: {CANCER: lung}\n")
    refused = lungio("cohort", "check", "mine.csv", "--map", "mine.yaml")
    assert refused.exit_code == 2
    assert "no row has lung in column 'CANCER'" in refused.output


def test_a_draft_is_written_once(here: Path) -> None:
    write(here)
    assert lungio("cohort", "map", "mine.csv", "--out", "draft.yaml").exit_code == 0
    assert "age_years" in (here / "draft.yaml").read_text()
    again = lungio("cohort", "map", "mine.csv", "--out", "draft.yaml")
    assert again.exit_code == 2
    assert "exists already" in again.output
    assert [p.name for p in here.glob("*.part")] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "none.csv", "--map", "mine.yaml"], "none.csv: no such file"),
        (["check", "mine.csv", "--map", "nowhere"], "nowhere"),
        (["check", "mine.csv", "--map", "keynote_189"], "is not the map of a file"),
        (["check", "broken.xlsx", "--map", "mine.yaml"], "no Excel workbook that can be read"),
        (["check", "empty.csv", "--map", "mine.yaml"], "the file is empty"),
        (["check", "broken.arff", "--map", "mine.yaml"], "not a rectangular table"),
        (["map", "none.csv"], "none.csv: no such file"),
        (["map", "mine.csv", "--out", "nowhere/x.yaml"], "there is no folder nowhere"),
    ],
)
def test_bad_input_is_refused_in_one_message(here: Path, arguments: list[str], message: str) -> None:
    write(here)
    Path("broken.xlsx").write_bytes(b"PK\x03\x04rest")
    Path("empty.csv").write_text("")
    Path("broken.arff").write_text("@relation x\n@attribute a numeric\n@attribute b numeric\n@data\n1,2,3\n")
    result = lungio("cohort", *arguments)
    assert result.exit_code == 2, result.output
    assert message in result.output
    assert "Traceback" not in result.output
