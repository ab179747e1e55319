"""A good file becomes a cohort, and no value is changed on the way."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pandas as pd
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from .small_file import MAP, patients, read, refused


def test_a_good_file_becomes_a_cohort(tmp_path):
    cohort = read(patients(), tmp_path)
    assert len(cohort) == 80
    assert not cohort.simulated
    assert cohort.control_arm == "control"
    assert cohort.endpoints() == ["os", "pfs"]
    assert cohort.observed["died"].dtype == bool
    assert set(cohort.observed["arm"]) == {"drug", "control"}
    assert cohort.column("nlr").positive
    content = (tmp_path / "patients.csv").read_bytes()
    assert cohort.manifest["sha256"] == hashlib.sha256(content).hexdigest()
    assert cohort.manifest["file"] == "patients.csv"
    json.dumps(cohort.manifest)


def test_no_value_is_changed_on_the_way(tmp_path):
    raw = patients()
    observed = read(raw, tmp_path).observed
    np.testing.assert_array_equal(observed["os_months"], raw["OS"].astype(float))
    np.testing.assert_array_equal(observed["age_years"], raw["AGE"].astype(float))
    np.testing.assert_array_equal(observed["male"], raw["SEX"] == "M")
    assert list(observed.index) == list(raw["ID"])


def test_units_recoding_suffix_and_conditions(tmp_path):
    raw = patients().assign(
        OS=lambda t: (t["OS"].astype(float) * 30.4375).astype(str),
        PFS=lambda t: (t["PFS"].astype(float) * 30.4375).astype(str),
        TPS=["<1", "60%"] * 40, ALB="41", OK=["Y", "N"] * 40,
    )  # fmt: skip
    base = yaml.safe_load(MAP)
    for name in ("os_months", "pfs_months"):
        base["outcomes"][name]["unit"] = "days"
    base["columns"] |= {
        "tps": {"column": "TPS", "kind": "number", "label": "TPS", "modality": "tumour", "suffix": "%",
                "recode": {"<1": 0}},
        "albumin": {"column": "ALB", "kind": "number", "label": "Albumin", "modality": "blood", "divide": 10,
                    "only_where": {"column": "OK", "equals": "Y"}},
    }  # fmt: skip
    observed = read(raw, tmp_path, columns=base["columns"], outcomes=base["outcomes"]).observed
    np.testing.assert_allclose(observed["os_months"], patients()["OS"].astype(float), rtol=1e-12)
    assert observed["tps"].tolist() == [0.0, 60.0] * 40
    assert observed["albumin"].dropna().unique().tolist() == [4.1]
    assert observed["albumin"].isna().tolist() == [False, True] * 40


def test_missing_values_stay_missing(tmp_path):
    raw = patients()
    raw.loc[0, ["AGE", "SEX", "SMOKE", "BEST"]] = ["NA", "", "NA", ""]
    first = read(raw, tmp_path).observed.iloc[0]
    assert first[["age_years", "male", "smoking", "best_response"]].isna().all()


def test_one_arm_for_all_or_none(tmp_path):
    assert set(read(patients(), tmp_path, arm={"constant": "drug"}).observed["arm"]) == {"drug"}
    assert "arm" not in read(patients(), tmp_path, arm=None).observed


def test_columns_nobody_mapped_are_reported(tmp_path):
    cohort = read(patients().assign(EXTRA="1"), tmp_path)
    assert cohort.manifest["columns_not_mapped"] == ["EXTRA"]


@settings(max_examples=20, deadline=None)
@given(st.randoms(use_true_random=False))
def test_column_order_of_the_file_is_irrelevant(tmp_path_factory, random):
    raw = patients(30)
    names = list(raw)
    random.shuffle(names)
    folder = tmp_path_factory.mktemp("order")
    pd.testing.assert_frame_equal(read(raw[names], folder).observed, read(raw, folder).observed)


def test_a_response_of_yes_or_no_may_be_unknown_of_some(tmp_path):
    table = patients()
    table["BEST"] = ["yes", "no", "NA", "no"] * 20
    outcomes = {k: v for k, v in yaml.safe_load(MAP)["outcomes"].items() if k != "best_response"}
    outcomes["responded"] = {"column": "BEST", "event_value": "yes", "censored_value": "no"}
    cohort = read(table, tmp_path, outcomes=outcomes)
    values = cohort.observed["responded"]
    assert (values.sum(), values.isna().sum()) == (20, 20)
    assert cohort.column("responded").role == "outcome"
    table.loc[3, "BEST"] = "perhaps"
    assert "neither under event_value nor" in refused(table, tmp_path, outcomes=outcomes)
