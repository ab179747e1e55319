"""Maps: every fault is named, and the template reads what it describes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.real_cohort import read_cohort, read_map
from pipeline.real_cohort.column_map import token
from pipeline.schema import InputError

from .small_file import COHORTS, MAP, patients


def map_refused(folder: Path, text: str) -> str:
    path = folder / "map.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        read_map(path)
    return str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("citation:", "citaton:", "citaton: unknown key; did you mean 'citation'?"),
        ("event_value: 1", "event_valu: 1", "died.event_valu: unknown key; did you mean 'event_value'?"),
        ("kind: number", "kind: nubmer", "columns.age_years.kind"),
        ("patient: ID\n", "", "patient: is missing"),
        ("  os_months: {column: OS}\n", "", "os_months is missing beside died: a time"),
        ("recode: {M: true, F: false}", "recode: {M: 1, F: 0}", "recode of 'M', 'F' must give a boolean"),
        ("recode: {M: true, F: false}", "recode: {yes: true, no: false}", "put the value in quotes"),
        ("low: 18, high: 100", "low: 100, high: 18", "low 100 exceeds high 18"),
        ("age_years: {column: AGE", "age_years: {column: OS", "cannot also be the baseline column age_years"),
        ("  nlr:", "  os_months:", "is not a baseline column"),
        (
            "best_response: {column: BEST}",
            "best_response: {column: BEST}\n  responded: {column: BEST, event_value: CR}",
            "give it or responded, not both",
        ),
        ("control: control", "control: placebo", "'placebo' is none of the arms"),
        ("modality: blood", "modality: serum", "columns.nlr.modality"),
        ("citation: none", "citation: [", "line "),
    ],
)  # fmt: skip
def test_faulty_maps(tmp_path, old, new, part):
    message = map_refused(tmp_path, MAP.replace(old, new, 1))
    assert part in message
    assert "map.yaml" in message


def test_a_map_with_two_events_without_a_time_names_both(tmp_path):
    without = MAP.replace("  os_months: {column: OS}\n", "").replace("  pfs_months: {column: PFS}\n", "")
    message = map_refused(tmp_path, without)
    assert "os_months is missing beside died; pfs_months is missing beside progressed_or_died" in message


def test_a_map_with_two_faults_names_both(tmp_path):
    message = map_refused(tmp_path, MAP.replace("citation:", "citaton:").replace("patient: ID\n", ""))
    assert message.count("\n") >= 3
    assert "citaton" in message
    assert "patient" in message


def test_the_template_reads_what_it_describes(tmp_path):
    own = read_map(COHORTS / "example_own_data.yaml")
    raw = patients()
    raw = pd.DataFrame({
        "patient_id": raw["ID"], "regimen": raw["ARM"].map({"A": "Pembro", "B": "Chemo"}), "centre": "C1",
        "os_days": raw["OS"].astype(float) * 30.4375, "pfs_days": raw["PFS"].astype(float) * 30.4375,
        "vital_status": raw["DEAD"].map({"1": "dead", "0": "alive"}), "pfs_event": raw["PROG"],
        "recist": raw["BEST"], "age": raw["AGE"], "sex": raw["SEX"].str.lower(),
        "smoking": raw["SMOKE"].replace("former", "ex"), "PDL1": ["<1", "60%", "unknown", "negative"] * 20,
        "NLR": raw["NLR"], "ALB_g_l": "38", "IL6": "4.1", "date_of_birth": "", "comment": "a, b",
    })  # fmt: skip
    path = tmp_path / "my_patients.csv"
    raw.to_csv(path, index=False)
    cohort = read_cohort(own, path)
    assert len(cohort) == 80
    assert cohort.observed["albumin_g_per_dl"].iloc[0] == pytest.approx(3.8)
    assert cohort.observed["pdl1_tps_percent"].iloc[:4].tolist()[:2] == [0, 60]
    assert cohort.manifest["columns_not_mapped"] == []


@given(st.integers(-10_000, 10_000))
def test_whole_numbers_are_one_token_however_written(number):
    assert token(number) == token(f" {number}.0 ") == str(number)
