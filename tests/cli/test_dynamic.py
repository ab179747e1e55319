"""lungio dynamic: a small study from first to last, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.artifacts import load_run

from .calling import lungio

QIU = Path(__file__).parents[3] / "shared" / "realdata" / "qiu2021_ctdna_long.csv"
SMALL: dict[str, Any] = {
    "name": "small",
    "seed": 5,
    "train": {"cohort": "keynote_189_visits", "patients": 220},
    "external": {},
    "analysis": {
        "landmarks_months": [3, 6],
        "models": {"baseline_cox": {"penalties": [0.3]}, "supermodel": {"penalties": [0.3]}},
        "metrics": ["auc", "brier"],
        "bootstrap": {"replicates": 40},
        "patient_pages": 2,
    },
}


def config(folder: Path, **changes: Any) -> str:
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(SMALL | changes))
    return str(path)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dynamic")
    result = lungio("dynamic", config(folder), "--out", folder / "made")
    assert result.exit_code == 0, result.output
    return folder / "made"


def test_a_study_of_drawn_patients_gives_tables_figures_and_a_page(made: Path) -> None:
    run = load_run(made)
    gains = run.table("gains")
    assert set(gains["landmark_months"]) == {3, 6}
    assert set(gains["model"]) == {"supermodel"}
    assert run.facts["simulated"] is True
    assert {p.stem for p in run.figures()} == {"landmark_scores", "patient_1", "patient_2"}
    page = (made / "report.html").read_text()
    first = page.split("<h1>")[1][:2500]
    assert "Every patient in this report is simulated." in first
    assert "For research only" in first
    assert "What serial measurements add" in page
    for said in ("Patient 2", "whose predicted risk rose most and fell most", "exact Shapley values",
                 "not enough data to say"):  # fmt: skip
        assert said in page, said
    auc = float(gains[(gains["metric"] == "auc") & (gains["landmark_months"] == 3)]["value"].iloc[0])
    assert f"{auc:+.3f}" in page


def test_the_same_seed_gives_the_same_scores(here: Path, made: Path) -> None:
    plain = SMALL["analysis"] | {"patient_pages": 0}
    assert lungio("dynamic", config(here, analysis=plain), "--out", "again", "--no-report").exit_code == 0
    scores = Path("tables") / "scores.csv"
    assert (here / "again" / scores).read_bytes() == (made / scores).read_bytes()


@pytest.mark.skipif(not QIU.is_file(), reason="the resected ctDNA table is not here (shared/realdata)")
def test_real_serial_ctdna_runs_by_cross_validation(here: Path) -> None:
    spec = {
        "train": {"cohort": "qiu2021_ctdna"},
        "external": None,
        "analysis": SMALL["analysis"] | {"window_months": 9, "cross_validation": {"folds": 4, "repeats": 2}},
    }
    result = lungio("dynamic", config(here, **spec), "--data", QIU, "--out", "made", "--no-report")
    assert result.exit_code == 0, result.output
    run = load_run(here / "made")
    scores = run.table("scores")
    assert set(scores["data"]) == {"cross-validation"}
    assert run.facts["simulated"] is False
    assert "10.1038/s41467-021-27022-z" in run.facts["cohorts"]["train"]["manifest"]["citation"]


@pytest.mark.parametrize(
    ("changes", "options", "said"),
    [
        ({"train": {"cohort": "qiu2021_ctdna"}}, (), "name their file"),
        ({}, ("--data", "nowhere.csv"), "draws its patients and reads no file"),
        (
            {"external": None, "analysis": {"reference_patients": 500}}, (),
            "reference_patients needs an external cohort",
        ),
        ({"analysis": {"models": {"lstm": {}}, "metrics": ["acc"]}}, (), "unknown dynamic model 'lstm'"),
        ({"analysis": {"metrics": ["acc"]}}, (), "metrics: unknown 'acc'"),
        ({"analysis": {"horizons_months": [24]}}, (), "must lie within window_months"),
        ({"analysis": {"landmark": 3}}, (), "analysis.landmark: unknown key"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_before_any_work(
    here: Path, changes: dict[str, Any], options: tuple[str, ...], said: str
) -> None:
    result = lungio("dynamic", config(here, **changes), "--out", "made", *options)
    assert result.exit_code == 2, result.output
    assert said in result.stderr
    assert not (here / "made").exists()
