"""lungio run and report: a simulated run from its config to its report, and a real one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import Result

from pipeline.artifacts import load_run

from .calling import lungio, nothing_new, refused

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


# --- a simulated run, from config to report


def test_a_run_ends_well_and_says_where_everything_is(simulated: tuple[Path, Result]) -> None:
    folder, result = simulated
    assert result.exit_code == 0, result.output
    for said in ("Harrell's C", "oracle", "External test", "report  run/report.html", "lungio ui"):
        assert said in result.output
    assert "For research only" in result.output
    nothing_new(folder, "small.yaml", "run", "mlflow.db", "mlruns")


def test_a_run_holds_report_fidelity_and_timings(simulated: tuple[Path, Result]) -> None:
    view = load_run(simulated[0] / "run")
    assert (view.folder / "report.html").is_file()
    assert (view.folder / "report.ipynb").is_file()
    assert len(view.table("fidelity"))
    assert {"cross-validation", "draw the figures", "write the report", "file in MLflow"} <= set(
        view.facts["seconds"]
    )
    assert view.facts["evidence"]["files"] > 200
    page = (view.folder / "report.html").read_text(encoding="utf-8")
    assert "Published and reproduced" in page


def test_a_run_is_filed_with_its_report(simulated: tuple[Path, Result]) -> None:
    import mlflow

    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{simulated[0] / 'mlflow.db'}")
    found = client.get_experiment_by_name("lungio")
    (parent,) = client.search_runs([found.experiment_id], "tags.run = 'small' and tags.model IS NULL")
    assert {a.path for a in client.list_artifacts(parent.info.run_id, "report")} == {
        "report/MODEL_CARD.md",
        "report/PROBAST_AI.md",
        "report/TRIPOD_AI.md",
        "report/report.html",
        "report/report.ipynb",
    }


def test_the_experiment_beside_the_report_repeats_the_run(
    simulated: tuple[Path, Result], here: Path, without_figures: None
) -> None:
    first = simulated[0] / "run"
    result = lungio("run", first / "experiment.yaml", "--out", "again", "--no-track", "--no-report", "-q")
    assert result.exit_code == 0, result.output
    nothing_new(here, "again")
    for name in ("scores", "predictions", "arms", "fidelity", "contributions"):
        pd.testing.assert_frame_equal(
            load_run(here / "again").table(name), load_run(first).table(name), obj=name
        )
    assert load_run(here / "again").facts["config_sha256"] == load_run(first).facts["config_sha256"]


def test_a_report_can_be_made_anew(simulated: tuple[Path, Result], here: Path) -> None:
    page = simulated[0] / "run" / "report.html"
    page.unlink()
    result = lungio("report", simulated[0] / "run")
    assert result.exit_code == 0, result.output
    assert str(page) in result.output
    assert page.is_file()


# --- a real run


def test_a_real_cohort_runs_on_the_file_given(
    clinic: tuple[Path, Path], here: Path, without_figures: None
) -> None:
    config, data = clinic
    result = lungio("run", config, "--data", data, "--out", "run", "--no-track", "--no-report")
    assert result.exit_code == 0, result.output
    facts = load_run(here / "run").facts
    assert facts["simulated"] is False
    assert facts["cohorts"]["train"]["patients"] == 200
    assert "oracle" not in result.output


def test_a_real_cohort_without_its_file_says_how_to_give_it(here: Path) -> None:
    refused(lungio("run", "poplar"), "name their file: lungio run poplar --data FILE")
    nothing_new(here)


def test_a_file_that_is_not_there(here: Path) -> None:
    refused(lungio("run", "poplar", "--data", "none.csv"), "--data none.csv: there is no such file")
    nothing_new(here)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.drop(columns="nlr"), "nlr"),
        (lambda t: t.assign(os_months=t["os_months"].where(t.index > 3, -2.0)), "os_months"),
        (lambda t: t.assign(nlr=t["nlr"].astype(str).where(t.index > 3, "high")), "nlr"),
        (lambda t: t.assign(died=0), "died"),
        (lambda t: pd.concat([t, t.head(2)]), "patient"),
        (lambda t: t.head(0), "clinic.csv"),
    ],
    ids=["missing column", "negative time", "text", "no events", "duplicates", "empty"],
)
def test_a_faulty_file_is_refused_and_nothing_is_written(
    clinic: tuple[Path, Path], here: Path, change: Any, said: str
) -> None:
    config, data = clinic
    change(pd.read_csv(data)).to_csv(data, index=False)
    refused(lungio("run", config, "--data", data, "--out", "run"), said)
    nothing_new(here, "small.yaml", "clinic.csv", "clinic_map.yaml")


def test_data_for_a_simulated_cohort_is_refused(clinic: tuple[Path, Path], here: Path) -> None:
    refused(lungio("run", "keynote_189", "--data", clinic[1]), "draws its patients and reads no file")
