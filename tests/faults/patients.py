"""Files of patients that are damaged, or larger than they look."""

from __future__ import annotations

import gzip
import io
import os
import zipfile

import openpyxl
import pandas as pd

from .scene import Outcome, Scene, fault, zip_bomb

GROUP = "Files of patients"
MAP = {
    "kind": "file",
    "name": "clinic",
    "citation": "made for a test",
    "patient": "ID",
    "outcomes": {
        "os_months": {"column": "OS"},
        "died": {"column": "DEAD", "event_value": "1", "censored_value": "0"},
    },
    "columns": {"age_years": {"column": "AGE", "kind": "number", "label": "Age", "modality": "clinical"}},
}
TABLE = pd.DataFrame({"ID": range(60), "OS": 5.0, "DEAD": 1, "AGE": 60.0})


def run(scene: Scene, name: str, content: bytes) -> Outcome:
    """Run an experiment on a file of a clinic."""
    scene.file("clinic.yaml", MAP)
    scene.file(name, content)
    scene.experiment(train={"cohort": "./clinic.yaml"}, external=None)
    return scene.lungio("run", "mine.yaml", "--data", name)


def parquet() -> bytes:
    content = io.BytesIO()
    TABLE.to_parquet(content)
    return content.getvalue()


def workbook(sheet: str) -> bytes:
    """Return an .xlsx file of rows as XML."""
    plain, made = io.BytesIO(), io.BytesIO()
    openpyxl.Workbook().save(plain)
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    text = (
        f'<worksheet xmlns="{space}"><sheetData>{sheet}</sheetData></worksheet>'
    )
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            is_sheet = member.filename.endswith("sheet1.xml")
            new.writestr(member.filename, text.encode() if is_sheet else old.read(member))
    return made.getvalue()


@fault(GROUP, "a Parquet file cut short")
def truncated(scene: Scene) -> Outcome:
    content = parquet()
    return run(scene, "clinic.parquet", content[: len(content) // 2])


@fault(GROUP, "a Parquet file with bytes overwritten")
def damaged(scene: Scene) -> Outcome:
    content = parquet()
    return run(scene, "clinic.parquet", content[:-200] + b"\xff" * 180 + content[-20:])


@fault(GROUP, "a zip bomb: an Excel workbook that unpacks to 4 GiB")
def unpacks_to_gigabytes(scene: Scene) -> Outcome:
    zip_bomb(scene.here / scene.file("bomb.xlsx", workbook("")), "xl/media/image.png")
    return run(scene, "clinic.xlsx", (scene.here / "bomb.xlsx").read_bytes())


@fault(GROUP, "an Excel sheet with a cell in row 999999999999")
def far_away(scene: Scene) -> Outcome:
    row = '<row r="1"><c r="A1"><v>1</v></c></row><row r="999999999999"><c r="A1"><v>1</v></c></row>'
    return run(scene, "clinic.xlsx", workbook(row))


@fault(GROUP, "an Excel workbook cut short")
def cut_workbook(scene: Scene) -> Outcome:
    return run(scene, "clinic.xlsx", workbook("")[:2000])


@fault(GROUP, "a file compressed with gzip")
def gzipped(scene: Scene) -> Outcome:
    return run(scene, "clinic.csv", gzip.compress(TABLE.to_csv(index=False).encode(), mtime=0))


@fault(GROUP, "a CSV file cut short inside a quoted cell")
def cut_csv(scene: Scene) -> Outcome:
    return run(scene, "clinic.csv", b'ID,OS,DEAD,AGE\n1,5,1,60\n2,5,1,"6')


@fault(GROUP, "a table with a header alone")
def only_a_header(scene: Scene) -> Outcome:
    return run(scene, "clinic.csv", b"ID,OS,DEAD,AGE\n")


@fault(GROUP, "a pipe that never says anything")
def pipe(scene: Scene) -> Outcome:
    scene.file("clinic.yaml", MAP)
    os.mkfifo(scene.here / "pipe.csv")
    scene.experiment(train={"cohort": "./clinic.yaml"}, external=None)
    return scene.lungio("run", "mine.yaml", "--data", "pipe.csv")
