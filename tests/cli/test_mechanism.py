"""lungio mechanism: a small study, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import yaml

from pipeline.artifacts import load_run

from .calling import lungio

SMALL = {
    "name": "small",
    "seed": 3,
    "train": {"cohort": "keynote_189_visits", "patients": 900},
    "external": {"patients": 500},
    "model": {"inverse_penalties": [0.01], "inner_folds": 3},
    "patients_shown": 3,
}


def config(folder: Path, **changes: object) -> str:
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(SMALL | changes))
    return str(path)


def test_a_study_answers_or_says_that_it_cannot(here: Path) -> None:
    result = lungio("mechanism", config(here), "--out", "made")
    assert result.exit_code == 0, result.output
    run = load_run(here / "made")
    table = run.table("accuracy").set_index("patients_meant")
    assert table.loc["all", "value"] > table.loc["one class at random", "value"]
    assert len(run.table("patients")) == 3
    assert "CANOPY-1" in set(run.table("strategies")["trial"])
    page = (here / "made" / "report.html").read_text()
    assert "Every patient in this report is simulated." in page
    assert "is a hypothesis" in page


def test_real_cohorts_and_missing_sizes_are_refused(here: Path) -> None:
    real = lungio("mechanism", config(here, train={"cohort": "poplar", "patients": 100}), "--out", "made")
    assert real.exit_code == 2
    assert "there is nothing to simulate" in real.stderr
    sizes = lungio("mechanism", config(here, train={"cohort": "keynote_189_visits"}), "--out", "made")
    assert sizes.exit_code == 2
    assert "train.patients is missing" in sizes.stderr
    assert not (here / "made").exists()
