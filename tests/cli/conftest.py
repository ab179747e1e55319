"""An empty working directory, a clinic's file in it, and one simulated run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from made_cohort import made_cohort
from made_run import SMALL
from typer.testing import Result

from .calling import experiment, lungio

REAL = {key: value for key, value in SMALL.items() if key != "models"} | {
    "models": {"cox": {"penalties": [0.1]}}
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, with no tracking store set from outside."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path


@pytest.fixture
def without_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs whose figures nobody looks at draw none."""
    monkeypatch.setattr("pipeline.artifacts.gallery.draw_gallery", lambda *_: None)


@pytest.fixture
def clinic(here: Path) -> tuple[Path, Path]:
    """A real cohort: a user's CSV file, the map of its columns and an experiment on it."""
    data = here / "clinic.csv"
    cohort = made_cohort(200, 5)
    cohort.observed.assign(died=cohort.observed["died"].astype(int)).to_csv(data)
    mapping = {
        "kind": "file",
        "name": "clinic",
        "citation": "made for a test",
        "patient": "patient",
        "arm": {
            "column": "arm",
            "recode": {"pembrolizumab": "pembrolizumab", "chemotherapy": "chemotherapy"},
            "control": "chemotherapy",
        },
        "outcomes": {
            "os_months": {"column": "os_months"},
            "died": {"column": "died", "event_value": 1, "censored_value": 0},
        },
        "columns": {
            "age_years": {"column": "age_years", "kind": "number", "label": "Age", "modality": "clinical"},
            "nlr": {"column": "nlr", "kind": "number", "label": "NLR", "modality": "blood"},
            "noise": {"column": "noise", "kind": "number", "label": "Noise", "modality": "blood"},
        },
    }
    (here / "clinic_map.yaml").write_text(yaml.safe_dump(mapping), encoding="utf-8")
    config = experiment(here, train={"cohort": "./clinic_map.yaml"}, external=None, analysis=REAL)
    return config, data


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    folder = tmp_path_factory.mktemp("simulated")
    before = Path.cwd()
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    os.chdir(folder)
    try:
        return folder, lungio("run", experiment(folder), "--out", "run")
    finally:
        os.chdir(before)
