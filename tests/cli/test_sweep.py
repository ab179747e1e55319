"""lungio sweep: equal tables from every backend and after a kill, one parent run in MLflow."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import Result

from pipeline.artifacts import load_run

from .calling import lungio, nothing_new, refused

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
TINY = {
    "name": "tiny",
    "experiment": "keynote_189",
    "fixed": {
        "analysis.models": {"cox": {}},
        "train.patients": 120,
        "external": None,
        "analysis.published": "none",
        "analysis.cross_validation": {"folds": 2, "repeats": 1},
        "analysis.bootstrap.replicates": 20,
    },
    "vary": {
        "analysis.models.cox.penalties": [[0.1], [1.0]],
        "analysis.horizons_months": [[6], [6, 400], [400]],
    },
    "seeds": [1, 2],
}
QUICK = ("--no-track", "--no-report", "--quiet")


def tables(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted((folder / "tables").glob("*.csv"))}


def written(folder: Path, **changes: Any) -> Path:
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(TINY | changes), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    folder = tmp_path_factory.mktemp("swept")
    before = Path.cwd()
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    os.chdir(folder)
    try:
        return folder, lungio("sweep", written(folder), "--out", "sweep", "--jobs", 3)
    finally:
        os.chdir(before)


def test_a_sweep_says_what_came_of_each_setting(swept: tuple[Path, Result]) -> None:
    folder, result = swept
    assert result.exit_code == 0, result.output
    assert "Uno's C, cross-validation, best first" in result.output
    assert "FAILED run" in result.output
    assert "For research only" in result.output
    nothing_new(folder, "tiny.yaml", "sweep", "mlflow.db", "mlruns")
    view = load_run(folder / "sweep")
    settings, runs = view.table("settings"), view.table("runs")
    assert settings["objective"].dropna().is_monotonic_decreasing
    assert len(settings) == 6
    assert len(runs) == 12
    failed = runs[runs["fault"] != ""]
    assert set(failed["analysis.horizons_months"]) == {"[400]"}
    assert failed["fault"].str.contains("beyond the follow-up").all()
    assert (folder / "sweep" / "figures" / "sweep.png").is_file()
    assert "What the settings made of it" in (folder / "sweep" / "report.html").read_text(encoding="utf-8")


def test_a_sweep_is_one_parent_with_its_runs_below(swept: tuple[Path, Result]) -> None:
    import mlflow

    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{swept[0] / 'mlflow.db'}")
    place = client.get_experiment_by_name("lungio").experiment_id
    found = client.search_runs([place])
    (parent,) = [r for r in found if "mlflow.parentRunId" not in r.data.tags]
    below = [r for r in found if r.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    assert len(found) == 13
    assert len(below) == 12
    assert {a.path for a in client.list_artifacts(parent.info.run_id)} >= {"tables", "figures", "report.html"}
    assert parent.data.metrics["runs_failed"] == 4
    assert {r.info.status for r in below} == {"FINISHED", "FAILED"}
    table = load_run(swept[0] / "sweep").table("runs").set_index("run")
    for run in below:
        row = table.loc[int(run.info.run_name.split(" · ")[1])]
        assert run.data.params["seed"] == str(row["seed"])
        assert run.data.metrics.get("objective", row["objective"]) == row["objective"] or row["fault"]


def test_backends_give_the_same_tables(swept: tuple[Path, Result], here: Path) -> None:
    pytest.importorskip("distributed")
    for backend in ("joblib", "dask"):
        result = lungio("sweep", written(here), "--out", backend, "--backend", backend, "--jobs", 2, *QUICK)
        assert result.exit_code == 0, result.output
        assert tables(here / backend) == tables(swept[0] / "sweep")
    nothing_new(here, "tiny.yaml", "joblib", "dask")


def test_a_killed_sweep_goes_on(
    swept: tuple[Path, Result], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from experiments import sweep_runs

    computed: list[Any] = []
    true_run = sweep_runs.one_run

    def dying(task: Any) -> Any:
        if len(computed) == 5:
            raise KeyboardInterrupt
        computed.append(task)
        return true_run(task)

    monkeypatch.setattr(sweep_runs, "one_run", dying)
    assert lungio("sweep", written(here), "--out", "again", "--jobs", 1, *QUICK).exit_code == 130
    nothing_new(here, "tiny.yaml", ".again.journal.jsonl")
    assert len((here / ".again.journal.jsonl").read_text().splitlines()) == 5
    computed.clear()
    monkeypatch.setattr(sweep_runs, "one_run", lambda task: computed.append(task) or true_run(task))
    result = lungio("sweep", written(here), "--out", "again", "--jobs", 1, "--json", *QUICK)
    assert result.exit_code == 0, result.output
    assert len(computed) == 7
    assert tables(here / "again") == tables(swept[0] / "sweep")
    assert len(json.loads(result.stdout)["runs"]) == 12
    nothing_new(here, "tiny.yaml", "again")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"vary": {"analysis.models.cox.penalteis": [[1.0]]}}, "unknown option 'penalteis'"),
        ({"vary": {"analysis.models.coks.a": [1]}}, "unknown model 'coks'; did you mean 'cox'"),
        ({"objective": {"metric": "c_index"}}, "unknown metric 'c_index'"),
        ({"objective": {"metric": "e90"}}, "the experiment does not compute 'e90'"),
        ({"cohorts": ["keynote_198"]}, "no cohort 'keynote_198'"),
        ({"vary": {"analysis.horizons_months": [[400], [500]]}}, "none of 4 runs came off"),
    ],
)
def test_a_bad_sweep_is_refused(here: Path, changes: dict[str, Any], said: str) -> None:
    refused(lungio("sweep", written(here, **changes), "--out", "x", "--jobs", 1, *QUICK), said)
    if "none of" not in said:
        nothing_new(here, "tiny.yaml")
