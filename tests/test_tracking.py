from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.artifacts import load_run
from pipeline.models import load_model
from pipeline.schema import InputError
from pipeline.tracking import check_store, log_report, resolve_store, track_run, ui_command
from pipeline.tracking.runs import score_metrics

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@dataclass(frozen=True)
class Filed:
    uri: str
    run: Path
    parent: str
    client: Any

    def runs(self) -> dict[str, Any]:
        parent = self.client.get_run(self.parent)
        found = self.client.search_runs(
            [parent.info.experiment_id], f"tags.`mlflow.parentRunId` = '{self.parent}'"
        )
        return {run.data.tags["model"]: run for run in found}


@pytest.fixture(scope="module")
def filed(small_run: Path, empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Filed:
    uri = resolve_store(str(shutil.copy(empty_store, tmp_path_factory.mktemp("store"))))
    parent = track_run(load_run(small_run), uri, "tests of lungio")
    import mlflow

    return Filed(uri, small_run, parent, mlflow.MlflowClient(tracking_uri=uri))


def test_a_parent_and_a_child_for_each_model(filed: Filed) -> None:
    parent = filed.client.get_run(filed.parent)
    assert parent.info.status == "FINISHED"
    assert parent.info.run_name == "small"
    children = filed.runs()
    assert set(children) == {"cox", "rsf", "pdl1", "oracle"}
    assert all(run.info.status == "FINISHED" for run in children.values())


def test_each_trial_of_a_search_is_a_run_below_the_models(filed: Filed) -> None:
    from types import SimpleNamespace

    from pipeline.tracking.runs import _track_trials

    trials = pd.DataFrame({"trial": [0, 1], "max_depth": [2, 3], "loss": [4.5, 4.2], "seconds": 0.1})
    tables = pd.concat([trials.assign(model="gbm"), trials.assign(model="other", window=7.0)])
    child = filed.runs()["cox"].info
    view = SimpleNamespace(facts=load_run(filed.run).facts, table=lambda _: tables)
    _track_trials(filed.client, view, child.experiment_id, child.run_id, "gbm")
    found = filed.client.search_runs(
        [child.experiment_id], f"tags.`mlflow.parentRunId` = '{child.run_id}'", order_by=["metrics.loss"]
    )
    assert [run.data.metrics["loss"] for run in found] == [4.2, 4.5]
    assert [run.data.params for run in found] == [{"max_depth": "3"}, {"max_depth": "2"}]
    assert {run.info.status for run in found} == {"FINISHED"}
    assert set(filed.runs()) == {"cox", "rsf", "pdl1", "oracle"}  # no trial is taken for a model's run


def test_horizons_are_steps(filed: Filed) -> None:
    child = filed.runs()["cox"]
    history = filed.client.get_metric_history(child.info.run_id, "external.auc")
    scores = load_run(filed.run).table("scores")
    wanted = scores.query("model == 'cox' and data == 'external' and metric == 'auc' and group == 'all'")
    assert {m.step: m.value for m in history} == dict(
        zip(wanted["horizon_months"].astype(int), wanted["value"], strict=True)
    )
    assert len(history) == 2


def test_intervals_and_subgroups_are_metrics_too(filed: Filed) -> None:
    metrics = filed.runs()["rsf"].data.metrics
    assert metrics["cv.harrell_c.low"] <= metrics["cv.harrell_c"] <= metrics["cv.harrell_c.high"]
    assert "external.uno_c/arm: pembrolizumab" in metrics
    assert "external.uno_c/arm: pembrolizumab.low" in metrics


def test_the_parent_lets_models_be_compared(filed: Filed) -> None:
    data = filed.client.get_run(filed.parent).data
    assert data.metrics["oracle.external.harrell_c"] >= data.metrics["cox.external.harrell_c"] - 0.005
    assert data.params["seed"] == "3"
    assert data.params["cross_validation.folds"] == "2"
    assert data.params["train.patients"] == "260"


def test_runs_can_be_filtered_by_tag(filed: Filed) -> None:
    experiment = filed.client.get_run(filed.parent).info.experiment_id
    query = "tags.model = 'cox' and tags.simulated = 'true' and tags.endpoint = 'os' and tags.cohort = 'made'"
    assert len(filed.client.search_runs([experiment], query)) == 1
    tags = filed.client.get_run(filed.parent).data.tags
    assert tags["git_commit"] == "a" * 40
    facts = load_run(filed.run).facts
    assert tags["cohort_sha256"] == facts["cohorts"]["train"]["sha256"]
    assert tags["evidence_version"] == "e" * 12
    assert tags["mlflow.note.content"].startswith("For research only")


def test_what_a_run_took_stands_among_the_system_metrics(filed: Filed) -> None:
    metrics = filed.client.get_run(filed.parent).data.metrics
    assert {name: value for name, value in metrics.items() if name.startswith("system/")} == {
        "system/wall_seconds": 9.5,
        "system/cpu_seconds": 14.0,
        "system/peak_memory_megabytes": 512.0,
        "system/seconds/fit": 1.0,
    }


def test_cohorts_and_evidence_are_data_sets_with_digests(filed: Filed) -> None:
    facts = load_run(filed.run).facts
    for run in (filed.client.get_run(filed.parent), filed.runs()["cox"]):
        inputs = {i.tags[0].value: i.dataset for i in run.inputs.dataset_inputs}
        assert set(inputs) == {"training", "testing", "evidence"}
        assert inputs["training"].digest == facts["cohorts"]["train"]["sha256"][:36]
        assert json.loads(inputs["evidence"].source)["sha256"] == "e" * 64


def test_no_patient_reaches_the_store(filed: Filed) -> None:
    inputs = filed.client.get_run(filed.parent).inputs.dataset_inputs
    assert all(i.dataset.schema is None for i in inputs)
    assert all(set(json.loads(i.dataset.profile)) <= {"patients", "files"} for i in inputs)


def test_figures_tables_and_report_are_artifacts(filed: Filed, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text("<html></html>")
    log_report(filed.uri, filed.parent, [page])
    paths = {a.path for a in filed.client.list_artifacts(filed.parent)}
    assert {"figures", "tables", "report", "run.json", "experiment.yaml", "scores.csv"} <= paths
    figures = {a.path for a in filed.client.list_artifacts(filed.parent, "figures")}
    assert {"figures/kaplan_meier.png", "figures/kaplan_meier.svg"} <= figures


def test_a_model_loaded_in_a_new_process_predicts_the_same(filed: Filed, tmp_path: Path) -> None:
    example = load_run(filed.run).table("typical_patients").reset_index(drop=True)
    example.to_parquet(tmp_path / "patients.parquet")
    experiment = filed.client.get_run(filed.parent).info.experiment_id
    models = {m.name: m.model_uri for m in filed.client.search_logged_models([experiment])}
    assert set(models) == {"cox", "rsf", "pdl1"}
    script = (
        "import sys, json, pandas as pd, mlflow\n"
        "mlflow.set_tracking_uri(sys.argv[1])\n"
        "patients = pd.read_parquet(sys.argv[2])\n"
        "for uri in sys.argv[3:]:\n"
        "    model = mlflow.pyfunc.load_model(uri)\n"
        "    print(json.dumps([model.predict(patients, params={'months': [5, 9, 12]}).to_numpy().tolist(),\n"
        "                      list(model.predict(patients).columns)]))\n"
    )
    names = sorted(models)
    command = [sys.executable, "-W", "ignore", "-c", script, filed.uri, str(tmp_path / "patients.parquet")]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [*command, *(models[n] for n in names)],
        capture_output=True, text=True, check=True, timeout=120, cwd=tmp_path, env=environment,
    )  # fmt: skip
    for name, line in zip(names, done.stdout.splitlines(), strict=True):
        predicted, columns = json.loads(line)
        here = load_model(load_run(filed.run).models()[name]).predict(
            example.rename_axis("patient"), np.array([5.0, 9.0, 12.0])
        )
        np.testing.assert_allclose(predicted, here.survival, rtol=0, atol=1e-12, err_msg=name)
        assert columns == ["survival_6_months", "survival_12_months"]


def test_a_stored_model_has_signature_example_and_no_pickle(filed: Filed) -> None:
    import mlflow

    experiment = filed.client.get_run(filed.parent).info.experiment_id
    (model,) = [m for m in filed.client.search_logged_models([experiment]) if m.name == "cox"]
    before = os.environ.get("MLFLOW_TRACKING_URI")
    mlflow.set_tracking_uri(filed.uri)
    try:
        info = mlflow.models.get_model_info(model.model_uri)
    finally:
        mlflow.set_tracking_uri(before)
    assert info.signature.params.to_dict()[0]["name"] == "months"
    assert {c.name for c in info.signature.inputs} >= {"age_years", "nlr", "arm"}
    folder = Path(model.artifact_location.removeprefix("file://"))
    names = [p.name for p in folder.rglob("*") if p.is_file()]
    assert not [n for n in names if n.endswith((".pkl", ".pickle", ".joblib"))]
    assert "input_example.json" in names
    assert "numpy==" in (folder / "requirements.txt").read_text()


def test_an_interrupted_filing_is_marked_as_such(
    small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pipeline.tracking.runs._log_model", interrupt)
    uri = resolve_store(str(tmp_path / "mlflow.db"))
    with pytest.raises(KeyboardInterrupt):
        track_run(load_run(small_run), uri, "interrupted")
    client = mlflow.MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("interrupted")
    assert {r.info.status for r in client.search_runs([experiment.experiment_id])} == {"KILLED"}


def test_filing_leaves_the_users_settings_alone(filed: Filed) -> None:
    import mlflow

    assert mlflow.get_tracking_uri() != filed.uri
    assert os.environ.get("MLFLOW_TRACKING_URI") != filed.uri
    assert mlflow.active_run() is None


def test_nothing_is_sent_home(filed: Filed) -> None:
    from mlflow.telemetry.utils import is_telemetry_disabled

    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert is_telemetry_disabled()


# --- where runs are filed


def test_the_default_store_is_mlflows_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert resolve_store() == f"sqlite:///{tmp_path / 'mlflow.db'}"


def test_the_environment_and_then_the_command_line_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://tracking.example.org")
    assert resolve_store() == "https://tracking.example.org"
    assert resolve_store("sqlite:////data/x.db") == "sqlite:////data/x.db"
    assert resolve_store("postgresql+psycopg://host/db") == "postgresql+psycopg://host/db"


@pytest.mark.parametrize("uri", ["./mlruns", "file:///data/mlruns", "ftp://host/x"])
def test_stores_that_mlflow_cannot_write_are_refused(uri: str) -> None:
    with pytest.raises(InputError, match="not a store MLflow can write to"):
        resolve_store(uri)


def test_an_sqlite_file_is_looked_at_before_any_work(tmp_path: Path) -> None:
    check_store(f"sqlite:///{tmp_path}/new.db")
    with pytest.raises(InputError, match="does not exist"):
        check_store(f"sqlite:///{tmp_path}/none/x.db")
    (tmp_path / "text.db").write_text("not a database, but long enough to look at")
    with pytest.raises(InputError, match="is not an SQLite database"):
        check_store(f"sqlite:///{tmp_path}/text.db")
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        check_store(f"sqlite:///{tmp_path}/folder.db")


def test_the_pages_are_served_on_this_machine_only() -> None:
    command = ui_command("sqlite:////data/mlflow.db", 5001)
    assert command[:4] == [sys.executable, "-m", "mlflow", "ui"]
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert command[command.index("--backend-store-uri") + 1] == "sqlite:////data/mlflow.db"
    assert command[command.index("--default-artifact-root") + 1] == "file:///data/mlruns"


# --- names of metrics


def row(**fields: object) -> pd.DataFrame:
    plain = {"model": "cox", "data": "external", "metric": "auc", "horizon_months": 12.0, "group": "all"}
    return pd.DataFrame([plain | {"value": 0.6, "low": 0.5, "high": 0.7} | fields])


@pytest.mark.parametrize(
    ("fields", "name", "step"),
    [
        ({}, "external.auc", 12),
        ({"horizon_months": np.nan}, "external.auc", 0),
        ({"horizon_months": 4.5}, "external.auc_at_4.5_months", 4),
        ({"data": "cross-validation"}, "cv.auc", 12),
        ({"group": "nlr=≤ 3.2"}, "external.auc/nlr: up to 3.2", 12),
        ({"group": "nlr=> 3.2"}, "external.auc/nlr: above 3.2", 12),
        ({"group": "arm=a+b (50 %)"}, "external.auc/arm: a_b _50 __", 12),
    ],
)
def test_metric_names_say_data_metric_and_group(fields: dict[str, object], name: str, step: int) -> None:
    assert list(score_metrics(row(**fields))) == [
        (name, 0.6, step),
        (f"{name}.low", 0.5, step),
        (f"{name}.high", 0.7, step),
    ]


def test_what_is_not_a_number_is_not_a_metric() -> None:
    assert [m[0] for m in score_metrics(row(low=np.nan, high=np.inf))] == ["external.auc"]
