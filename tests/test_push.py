"""Studies as MLflow holds them, and lungio push."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from experiments.cli import app
from pipeline.artifacts.study_folder import save_study
from pipeline.figures.style import new_figure
from pipeline.tracking.studies import study_metrics

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
SCORES = pd.DataFrame({
    "landmark_months": [2.0, 2.0, 4.0, 4.0],
    "model": ["cox", "supermodel"] * 2,
    "data": ["landmark 2", "landmark 2", "landmark 4", "landmark 4"],
    "metric": "auc",
    "value": [0.6, 0.7, 0.65, 0.8],
    "low": [0.5, 0.6, 0.55, 0.7],
    "high": [0.7, 0.8, 0.75, np.nan],
})  # fmt: skip


@pytest.fixture
def study(tmp_path: Path) -> Path:
    people = pd.DataFrame({"patient": ["a", "b"], "risk": [0.1, 0.2], "risk_low": 0.0, "risk_high": 1.0})
    facts = {
        "kind": "dynamic", "name": "made", "title": "Made", "seed": 5, "simulated": True,
        "cohorts": {"train": {"name": "made", "patients": 9, "simulated": True, "sha256": "a" * 64}},
        "settings": {"analysis": {"endpoint": "os"}}, "config_sha256": "c" * 64,
        "evidence": {"sha256": "e" * 64}, "git": {"commit": "b" * 40},
    }  # fmt: skip
    folder = save_study(
        tmp_path / "study", facts=facts, tables={"scores": SCORES, "people": people},
        figures={"empty": new_figure}, files={"dynamic.yaml": "name: made\n"},
    )  # fmt: skip
    (folder / "report.html").write_text("<html></html>")
    return folder


def push(folder: Path, store: Path) -> tuple[Any, Any]:
    import mlflow

    answer = CliRunner().invoke(app, ["push", str(folder), "--tracking-uri", str(store), "--experiment", "x"])
    assert answer.exit_code == 0, answer.output
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{store}")
    return client, answer.stdout.partition("filed as ")[2].split()[0]


def test_a_study_is_one_run_with_landmarks_as_steps(study: Path, empty_store: Path, tmp_path: Path) -> None:
    client, run_id = push(study, shutil.copy(empty_store, tmp_path / "mlflow.db"))
    run = client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["analysis.endpoint"] == "os"
    assert run.data.params["train.patients"] == "9"
    assert run.data.tags["study"] == "dynamic"
    assert run.data.tags["simulated"] == "true"
    history = client.get_metric_history(run_id, "scores.supermodel")
    assert {m.step: m.value for m in history} == {2: 0.7, 4: 0.8}
    assert {m.step for m in client.get_metric_history(run_id, "scores.supermodel.high")} == {2}
    assert not [name for name in run.data.metrics if name.startswith("people")]
    found = {a.path for a in client.list_artifacts(run_id)}
    assert {"figures", "tables", "run.json", "dynamic.yaml", "report.html"} <= found
    assert len(client.search_runs([run.info.experiment_id])) == 1


def test_a_run_that_was_not_tracked_is_filed_later(
    small_run: Path, empty_store: Path, tmp_path: Path
) -> None:
    client, run_id = push(small_run, shutil.copy(empty_store, tmp_path / "mlflow.db"))
    parent = client.get_run(run_id)
    children = client.search_runs([parent.info.experiment_id], f"tags.`mlflow.parentRunId` = '{run_id}'")
    assert {c.data.tags["model"] for c in children} == {"cox", "rsf", "pdl1", "oracle"}


def test_what_cannot_be_pushed_is_refused(study: Path, tmp_path: Path) -> None:
    def said(*words: object) -> str:
        answer = CliRunner().invoke(app, ["push", *map(str, words)])
        assert answer.exit_code == 2, answer.output
        return str(answer.stderr)

    assert "there is no run folder" in said(tmp_path / "none")
    assert "not a store MLflow can write to" in said(study, "--tracking-uri", "ftp://x")
    there = ("--tracking-uri", tmp_path / "m.db")
    assert "--experiment must not be empty" in said(study, *there, "--experiment", " ")
    (study / "run.json").write_text('{"kind": ')
    assert "is not whole" in said(study, *there)
    assert not (tmp_path / "m.db").exists()


def test_two_horizons_beside_landmarks_stand_in_the_name() -> None:
    twice = pd.concat([SCORES.assign(horizon_months=6.0), SCORES.assign(horizon_months=12.0)])
    names = {name for name, _, _ in study_metrics("scores", twice.reset_index(drop=True))}
    assert {"scores.cox.at 6 months", "scores.cox.at 12 months.low"} <= names


def test_estimates_with_ends_of_their_own_keep_their_name() -> None:
    table = pd.DataFrame({"method": ["naive", "landmark"], "hazard_ratio": [0.6, 0.9],
                          "hazard_ratio_low": [0.5, 0.7], "hazard_ratio_high": [0.8, 1.2]})  # fmt: skip
    assert list(study_metrics("contrasts", table))[:3] == [
        ("contrasts.naive.hazard_ratio", 0.6, 0),
        ("contrasts.landmark.hazard_ratio", 0.9, 0),
        ("contrasts.naive.hazard_ratio.low", 0.5, 0),
    ]


def test_rows_that_no_words_tell_apart_are_no_metrics() -> None:
    twins = pd.concat([SCORES, SCORES], ignore_index=True)
    assert not list(study_metrics("scores", twins))
    sizes = pd.DataFrame({"patients": [300, 600], "value": [0.4, 0.7], "low": [0.2, 0.5], "high": [0.6, 0.9]})
    assert [(n, s) for n, _, s in study_metrics("power", sizes)][:2] == [("power", 300), ("power", 600)]


def test_thresholds_are_steps_and_assumed_ratios_are_words() -> None:
    table = pd.DataFrame(
        {"arm": ["hypothetical_x"] * 4, "ratio_per_sd": [1.0, 1.0, 0.75, 0.75], "percentile": [0.0, 50.0] * 2,
         "patients": [90, 45, 90, 45], "value": [0.1, 0.1, 0.1, 0.9], "low": [0.0] * 4, "high": [1.0] * 4}
    )  # fmt: skip
    found = [x for x in study_metrics("value", table) if not x[0].endswith((".low", ".high"))]
    assert found == [("value.1.0", 0.1, 0), ("value.1.0", 0.1, 50), ("value.0.75", 0.1, 0),
                     ("value.0.75", 0.9, 50)]  # fmt: skip
