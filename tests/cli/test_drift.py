"""lungio drift: from a run and new patients to a verdict, an exit code, a folder and a page."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from made_cohort import made_cohort
from typer.testing import Result

from experiments.drift_study import EXIT_CODES
from pipeline.artifacts import load_run

from .calling import lungio, refused

pytestmark = pytest.mark.slow


def test_patients_of_the_same_trial_raise_no_alarm(simulated: tuple[Path, Result], here: Path) -> None:
    run = simulated[0] / "run"
    result = lungio("drift", run, "keynote_189", "--out", "same", "--no-report", "--quiet")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("verdict none")
    kept = load_run(here / "same")
    assert kept.facts["drift"]["verdict"] == "none"
    assert {"shift", "findings", "outcomes", "separation"} <= set(kept.tables)
    assert len(kept.figures("drift")) == 1
    assert set(kept.table("outcomes")["model"]) == {"cox", "rsf"}
    assert kept.facts["cohorts"]["new"]["patients"] == 200  # as many as trained on, and others
    assert kept.facts["cohorts"]["new"]["sha256"] != kept.facts["cohorts"]["train"]["sha256"]


def test_patients_of_another_disease_stop_the_model(simulated: tuple[Path, Result], here: Path) -> None:
    lungio("simulate", "keynote_407", "--n", 300, "--out", "squamous")
    run = simulated[0] / "run"
    result = lungio("drift", run, "squamous", "--out", "other", "--json", "--report")
    assert result.exit_code in (3, 4), result.output
    account = json.loads(result.stdout)
    assert account["exit_code"] == result.exit_code
    assert account["alarms"]
    assert account["rules"]["population_stability"] == {"look": 0.1, "stop": 0.25}
    page = (here / "other" / "report.html").read_text(encoding="utf-8")
    for said in ("Every patient in this report is simulated.", "For research only", "Holm", "by chance"):
        assert said in page
    assert account["alarms"][0]["words"].split(" (")[0] in page.replace("&#x27;", "'").replace("&lt;", "<")


def test_limits_are_read_from_a_file(simulated: tuple[Path, Result], here: Path) -> None:
    (here / "rules.yaml").write_text("least_patients: 500\n", encoding="utf-8")
    run = simulated[0] / "run"
    result = lungio("drift", run, "keynote_189", "--rules", "rules.yaml", "--out", "x")
    refused(result, "a verdict needs at least 500 new patients. Got 200 instead")
    (here / "rules.yaml").write_text("separation: {look: 0.6, stop: 0.5}\nodd: 1\n", encoding="utf-8")
    refused(lungio("drift", run, "keynote_189", "--rules", "rules.yaml", "--out", "x"), "stop must be", "odd")
    assert not (here / "x").exists()


def test_what_cannot_be_compared_is_refused(simulated: tuple[Path, Result], here: Path) -> None:
    run = simulated[0] / "run"
    refused(lungio("drift", here, "keynote_189"), "is not a run folder")
    refused(lungio("drift", run, "no_such_cohort"), "no_such_cohort")
    refused(lungio("drift", run, "poplar"), "--data FILE")
    refused(lungio("drift", run, "keynote_189", "--training-data", "none.csv"), "there is no such file")


def test_real_patients_are_read_again_and_must_be_the_same(clinic: tuple[Path, Path], here: Path) -> None:
    config, data = clinic
    assert lungio("run", config, "--data", data, "--out", "run", "--no-track", "--no-report").exit_code == 0
    new = here / "new.csv"
    other = made_cohort(150, 9).observed
    other.assign(died=other["died"].astype(int)).to_csv(new)
    call = ("drift", "run", "./clinic_map.yaml", "--data", new, "--no-report", "--quiet")
    refused(lungio(*call, "--out", "a"), "whom no run keeps; give their --training-data FILE")
    result = lungio(*call, "--training-data", data, "--out", "a")
    kept = load_run(here / "a").facts
    # Of so few patients the verdict may be chance's; how often is what `python -m benchmarks drift` counts.
    assert result.exit_code == EXIT_CODES[kept["drift"]["verdict"]], result.output
    assert kept["simulated"] is False
    changed = pd.read_csv(data)
    changed.loc[0, "age_years"] += 1
    changed.to_csv(data, index=False)
    refused(lungio(*call, "--training-data", data, "--out", "b"), "the file is another one since")
