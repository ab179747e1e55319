"""Drafted maps: recognised by name, readable back, with what nobody can know left to do."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from experiments.cohort_command import known_columns
from pipeline.real_cohort import CohortMap, read_cohort
from pipeline.real_cohort.draft import bare, draft_map
from pipeline.schema import InputError

from .small_file import patients

REAL = Path(__file__).resolve().parents[3] / "shared" / "realdata"


def test_a_draft_needs_only_what_nobody_can_guess(tmp_path):
    table = patients().rename(columns={"DEAD": "OS_event", "PROG": "PFS.CNSR", "ID": "Patient_ID"})
    table["PFS.CNSR"] = table["PFS.CNSR"].map({"0": "1", "1": "0"})
    path = tmp_path / "mine.csv"
    table.to_csv(path, index=False)
    document = yaml.safe_load(draft_map(path, known_columns()))
    assert document["patient"] == "Patient_ID"
    assert document["arm"] == {"column": "ARM"}
    assert document["outcomes"]["died"] == {"column": "OS_event", "event_value": 1, "censored_value": 0}
    assert document["outcomes"]["progressed_or_died"]["event_value"] == 0  # CNSR: 1 is censored
    assert document["columns"]["male"]["recode"] == {"F": False, "M": True}
    assert {"age_years", "male", "nlr"} <= set(document["columns"])
    assert "NOTE" in document["ignore"]
    cohort = read_cohort(CohortMap.model_validate(document), path)
    assert len(cohort) == 80


def test_days_are_told_from_months_and_unclear_facts_are_left_to_do(tmp_path):
    table = patients().assign(EGFR="L858R")
    table["OS_days"] = (table.pop("OS").astype(float) * 30.4).astype(str)
    path = tmp_path / "mine.tsv"
    table.to_csv(path, index=False, sep="\t")
    document = yaml.safe_load(draft_map(path, known_columns()))
    assert document["outcomes"]["os_months"] == {"column": "OS_days", "unit": "days"}
    assert document["columns"]["egfr_mutant"]["recode"] == {"L858R": "TO DO"}
    with pytest.raises(ValueError, match="recode of 'L858R' must give a boolean"):
        CohortMap.model_validate(document)


def test_a_draft_takes_in_how_the_file_is_written(tmp_path):
    table = patients().rename(columns={"ARM": "Treatment", "DEAD": "OS_event", "PROG": "PFS_event"})
    table = table.assign(KRAS=["positive", "Unknown"] * 40, PDL1=["<1%", "40%"] * 40)
    table["OS_event"] = table["OS_event"].map({"0": "No", "1": "Yes"})
    table["SEX"] = table["SEX"].map({"M": "1", "F": "0"})
    for name in ("OS", "PFS", "NLR"):
        table[name] = table[name].str.replace(".", ",")
    path = tmp_path / "mine.csv"
    table.to_csv(path, index=False, sep=";")
    document = yaml.safe_load(draft_map(path, known_columns()))
    assert document["missing"] == ["Unknown"]
    assert document["decimal"] == ","
    assert document["arm"] == {"column": "Treatment"}
    assert document["outcomes"]["died"]["event_value"] == ["Yes"]
    assert document["outcomes"]["died"]["censored_value"] == ["No"]
    columns = document["columns"]
    assert columns["kras_mutant"]["recode"] == {"positive": True}
    assert columns["male"]["recode"] == {"0": "TO DO", "1": "TO DO"}  # nobody can tell which is which
    assert columns["pdl1_tps_percent"]["suffix"] == "%"
    assert columns["pdl1_tps_percent"]["recode"] == {"<1": "TO DO"}
    columns["male"]["recode"] = {"0": False, "1": True}
    columns["pdl1_tps_percent"]["recode"] = {"<1": 0}
    assert len(read_cohort(CohortMap.model_validate(document), path)) == 80


def test_both_times_are_in_days_and_their_absence_is_left_to_do(tmp_path):
    table = patients()
    for name in ("OS", "PFS"):
        table[name] = (table[name].astype(float) * 30.4).round().astype(int)
    table["PFS"] = table["PFS"] // 4
    path = tmp_path / "mine.csv"
    table.to_csv(path, index=False)
    outcomes = yaml.safe_load(draft_map(path, known_columns()))["outcomes"]
    assert table["PFS"].median() < 100
    assert outcomes["os_months"]["unit"] == outcomes["pfs_months"]["unit"] == "days"
    table.rename(columns={"OS": "last seen", "PFS": "relapse"}).to_csv(path, index=False)
    assert "# TO DO: no time to an event was recognised" in draft_map(path, known_columns())


def test_headers_lose_units_and_signs():
    assert bare("PDL1_TPS(%)") == "pdl1 tps"
    with pytest.raises(InputError, match="no such file"):
        draft_map("none.csv", known_columns())


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        (
            "chowell2021_msk_nsclc_train.csv",
            {"nlr", "albumin_g_per_dl", "pdl1_tps_percent", "hla_loh", "bmi_kg_m2"},
        ),
        ("poplar.csv", {"age_years", "male", "ecog_ps", "smoking", "target_lesions_mm", "kras_mutant"}),
    ],
)
def test_real_headers_are_recognised(name, wanted):
    if not (REAL / name).exists():
        pytest.skip(f"{name} is not at hand: real data are not part of the project")
    document = yaml.safe_load(draft_map(REAL / name, known_columns()))
    assert wanted <= set(document["columns"])
    assert {"os_months", "died", "pfs_months", "progressed_or_died"} <= set(document["outcomes"])
