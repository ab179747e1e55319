"""A cohort's folder: it comes back as it was, its truth apart."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from made_cohort import made_cohort

from pipeline.artifacts import load_cohort, save_cohort, table_digest
from pipeline.schema import InputError

from .folder_contents import everything


def test_a_cohort_comes_back_as_it_was(tmp_path: Path) -> None:
    cohort = made_cohort(120, 1)
    again = load_cohort(save_cohort(cohort, tmp_path / "cohort"))
    pd.testing.assert_frame_equal(again.observed, cohort.observed)
    assert again.columns == cohort.columns
    assert (again.name, again.simulated, again.control_arm) == ("made", True, cohort.control_arm)
    assert again.truth is not None
    assert cohort.truth is not None
    pd.testing.assert_frame_equal(again.truth.patients, cohort.truth.patients)


def test_the_truth_stands_apart_from_the_patients(tmp_path: Path) -> None:
    save_cohort(made_cohort(50, 1), tmp_path / "cohort", {"fidelity": pd.DataFrame({"a": [1]})})
    assert everything(tmp_path / "cohort") == [
        "columns.json",
        "fidelity.csv",
        "manifest.json",
        "observed.csv",
        "observed.parquet",
        "truth",
        "truth/hazards.parquet",
        "truth/patients.parquet",
    ]
    csv = pd.read_csv(tmp_path / "cohort" / "observed.csv")
    assert not [c for c in csv.columns if "log_hazard" in c]
    manifest = json.loads((tmp_path / "cohort" / "manifest.json").read_text())
    assert manifest["patients_are"] == "simulated"
    assert manifest["research_use"].startswith("For research only")
    assert manifest["sha256"] == table_digest(made_cohort(50, 1).observed)


def test_changed_patients_are_noticed(tmp_path: Path) -> None:
    folder = save_cohort(made_cohort(50, 1), tmp_path / "cohort")
    frame = pd.read_parquet(folder / "observed.parquet")
    frame.loc[0, "os_months"] += 1
    frame.to_parquet(folder / "observed.parquet")
    with pytest.raises(InputError, match="has changed since it was written"):
        load_cohort(folder)


def test_a_folder_that_holds_no_cohort(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"observed\.parquet, columns\.json, manifest\.json missing"):
        load_cohort(tmp_path)
