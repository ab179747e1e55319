"""Faults planted in copies of the three real tables, each found by name, column and count."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from pipeline.real_cohort import CohortMap, read_cohort
from pipeline.real_cohort.file_check import check_file, check_table_of

from .small_file import COHORTS, patients, small_map

REAL = Path(__file__).resolve().parents[3] / "shared" / "realdata"
FILES = {
    "chowell_msk": "chowell2021_msk_nsclc_train.csv",
    "poplar": "poplar.csv",
    "city_of_hope_irae": "sayer2023_coh_nsclc_irae.csv",
}
Planting = Callable[[pd.DataFrame], pd.DataFrame]


def table_of(cohort: str) -> pd.DataFrame:
    path = REAL / FILES[cohort]
    if not path.exists():
        pytest.skip(f"{path.name} is not at hand: real data are not part of the project")
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def document_of(cohort: str) -> dict:
    return yaml.safe_load((COHORTS / f"{cohort}.yaml").read_text())


def findings(table: pd.DataFrame, document: dict, folder: Path) -> pd.DataFrame:
    path = folder / "copy.csv"
    table.to_csv(path, index=False)
    return check_table_of(check_file(CohortMap.model_validate(document), path))


def numbers(table: pd.DataFrame, column: str) -> pd.Series:
    return pd.to_numeric(table[column], errors="coerce")


def scaled(column: str, factor: float, rows: slice = slice(None)) -> Planting:
    def plant(table: pd.DataFrame) -> pd.DataFrame:
        values = table[column].copy()
        values.iloc[rows] = (numbers(table, column).iloc[rows] * factor).astype(str)
        return table.assign(**{column: values})

    return plant


def set_to(column: str, value: str, rows: list[int] | slice) -> Planting:
    def plant(table: pd.DataFrame) -> pd.DataFrame:
        values = table[column].copy()
        values.iloc[rows] = value
        return table.assign(**{column: values})

    return plant


def inverted(column: str) -> Planting:
    return lambda table: table.assign(**{column: table[column].map({"0": "1", "1": "0"})})


def filled(column: str, value: str) -> Planting:
    return lambda table: table.assign(**{column: table[column].replace("", value)})


def again(rows: int, new_ids: str = "") -> Planting:
    def plant(table: pd.DataFrame) -> pd.DataFrame:
        copies = table.iloc[:rows].copy()
        if new_ids:
            copies[new_ids] = [f"again{i}" for i in range(rows)]
        return pd.concat([table, copies], ignore_index=True)

    return plant


def pfs_after_os(table: pd.DataFrame) -> pd.DataFrame:
    pfs = table["PFS"].copy()
    pfs.iloc[20:32] = (numbers(table, "OS").iloc[20:32] + 3).astype(str)
    return table.assign(PFS=pfs)


def leaking(table: pd.DataFrame) -> pd.DataFrame:
    rank = numbers(table, "OS").rank(pct=True) * 100
    return table.assign(cfDNA_Input_ng=rank.round(1).astype(str))


def gone_with_the_dead(table: pd.DataFrame) -> pd.DataFrame:
    early = (numbers(table, "OS") < 6) & (table["OS.CNSR"] == "0")
    return table.assign(blSLD=table["blSLD"].mask(early & (np.arange(len(table)) % 5 > 0), "."))


def mapped(name: str, header: str, **more: object) -> dict:
    return {name: {"column": header, "kind": "boolean", "label": name, "modality": "clinical", **more}}


PLANTED = [
    # cohort, what is planted, more of the map, check, column, count (or how to count), severity
    ("chowell_msk", scaled("OS_Months", 30.4375), {}, "time_unit", "OS_Months",
     lambda t: (numbers(t, "OS_Months") > 180).sum(), "error"),
    ("chowell_msk", scaled("PFS_Months", 4.348), {}, "unit_against_other_endpoint", "PFS_Months",
     331, "error"),
    ("chowell_msk", inverted("OS_Event"), {}, "event_coding", "OS_Event", 101, "error"),
    ("chowell_msk", filled("PDL1_TPS(%)", "17"), {}, "imputed", "PDL1_TPS(%)", 162, "warning"),
    ("chowell_msk", scaled("OS_Months", -1, slice(3, 9)), {}, "negative_time", "OS_Months", 6, "error"),
    ("chowell_msk", set_to("PFS_Months", "0", slice(40, 49)), {}, "zero_time", "PFS_Months", 9, "warning"),
    ("chowell_msk", scaled("Albumin", 10), {}, "out_of_range", "Albumin", 331, "error"),
    ("chowell_msk", again(7), {}, "duplicate_patient", "SAMPLE_ID", 7, "error"),
    ("chowell_msk", again(7, "SAMPLE_ID"), {}, "identical_rows", "SAMPLE_ID", 7, "warning"),
    ("poplar", pfs_after_os, {}, "pfs_after_os", "PFS", 12, "error"),
    ("poplar", set_to("BAGE", "999", slice(0, 8)), {}, "out_of_range", "BAGE", 8, "error"),
    ("poplar", leaking, {}, "leakage", "cfDNA_Input_ng", 287, "error"),
    ("poplar", gone_with_the_dead, {}, "informative_missing", "blSLD",
     lambda t: (t["blSLD"] == ".").sum(), "warning"),
    ("poplar", set_to("TRT01P", "", slice(0, 3)), {}, "missing_outcome", "TRT01P", 3, "error"),
    ("city_of_hope_irae", lambda t: t, mapped("toxic", "irae_pos"), "immortal_time", "irae_pos",
     lambda t: (t["irae_pos"] == "1").sum(), "warning"),
    ("city_of_hope_irae", lambda t: t, mapped("irae", "irae_pos"), "named_like_an_outcome", "irae_pos", 354,
     "warning"),
    ("city_of_hope_irae", scaled("os_days_update", 30.4375, slice(0, 5)), {}, "time_outlier",
     "os_days_update",
     lambda t: (numbers(t, "os_days_update")[:5] / 30.4375 > 180).sum(), "error"),
    ("city_of_hope_irae", set_to("Age.at.diagnosis", "unknown", slice(5, 9)), {}, "text_in_numbers",
     "Age.at.diagnosis", 4, "error"),
    ("city_of_hope_irae", set_to("priortki", "maybe", slice(5, 8)), {}, "unknown_value", "priortki",
     3, "error"),
]  # fmt: skip


@pytest.mark.parametrize("cohort", list(FILES))
def test_clean_tables_raise_no_error(tmp_path, cohort):
    found = findings(table_of(cohort), document_of(cohort), tmp_path)
    assert not found.query("severity == 'error'").to_dict("records")


@pytest.mark.parametrize(
    ("cohort", "plant", "more", "check", "column", "count", "severity"),
    PLANTED, ids=[f"{p[3]}-{p[4]}" for p in PLANTED],
)  # fmt: skip
def test_a_planted_fault_is_found_by_name_column_and_count(
    tmp_path, cohort, plant, more, check, column, count, severity
):
    clean = table_of(cohort)
    document = document_of(cohort)
    planted = plant(clean.copy())
    before = findings(clean, document, tmp_path)
    changed = {**document, "columns": {**document["columns"], **more}}
    found = findings(planted, changed, tmp_path)
    assert not len(before.query("check == @check and column == @column")) or check == "zero_time"
    row = found.query("check == @check and column == @column")
    assert len(row) == 1, found[["severity", "check", "column", "count"]].to_string()
    if callable(count):
        count = count(planted)
    assert row["severity"].item() == severity
    assert row["count"].item() == count
    assert row["remedy"].item()


def test_a_file_that_cannot_be_read_still_gets_every_check(tmp_path):
    table = patients()
    table.loc[:2, "NLR"] = "high"
    table.loc[3, "AGE"] = "8"
    table.loc[4, "OS"] = "-3"
    table["LATER"] = "x"
    path = tmp_path / "patients.csv"
    table.to_csv(path, index=False)
    found = check_table_of(check_file(small_map(), path))
    errors = found.query("severity == 'error'").set_index("check")["column"].to_dict()
    assert errors == {
        "text_in_numbers": "NLR",
        "out_of_range": "AGE",
        "negative_time": "OS",
    }
    assert "(in row 6)" in found.query("check == 'negative_time'")["message"].item()
    assert found.query("check == 'not_mapped'")["message"].item().endswith("LATER")


def test_rows_are_those_of_the_file_and_an_arm_nobody_is_in_is_one_finding(tmp_path):
    table = patients().drop(index=[0])
    table.loc[[2, 7], "OS"] = "-1"
    table = pd.concat([table, table.loc[[5]].assign(ID="again")])
    path = tmp_path / "patients.csv"
    table.to_csv(path, index=False)
    found = check_table_of(check_file(small_map(arm={"column": "ARM", "control": "Z"}), path))
    by_check = found.set_index("check")["message"]
    assert "(in rows 3, 8)" in by_check["negative_time"]
    assert "(in row 81)" in by_check["identical_rows"]
    assert (found["check"] == "control_arm").sum() == 1


def test_what_remains_after_unreadable_events_is_not_taken_for_the_file(tmp_path):
    table = patients()
    table["DEAD"] = table["DEAD"].map({"0": "1", "1": "2"})
    table.loc[3, "OS"] = "-1"
    path = tmp_path / "patients.csv"
    table.to_csv(path, index=False)
    found = check_table_of(check_file(small_map(), path))
    assert set(found["check"]) == {"unknown_value", "negative_time"}


def test_a_missing_column_is_one_of_the_findings(tmp_path):
    path = tmp_path / "patients.csv"
    patients().drop(columns="NLR").to_csv(path, index=False)
    found = check_table_of(check_file(small_map(), path))
    assert ("error", "missing_column", "NLR") in set(
        found[["severity", "check", "column"]].itertuples(index=False, name=None)
    )


@pytest.mark.parametrize(
    ("package", "place", "cohort", "patients_", "deaths"),
    [("lifelines", "datasets/lung.csv", "lifelines_lung", 228, 165),
     ("sksurv", "datasets/data/veteran.arff", "sksurv_veteran", 137, 128)],
)  # fmt: skip
def test_tables_that_ship_with_survival_libraries(package, place, cohort, patients_, deaths):
    path = Path(str(find_spec(package).origin)).parent / place
    cohort_map = CohortMap.model_validate(document_of(cohort))
    read = read_cohort(cohort_map, path)
    assert (len(read), int(read.observed["died"].sum())) == (patients_, deaths)
    assert not check_table_of(check_file(cohort_map, path)).query("severity == 'error'").to_dict("records")
