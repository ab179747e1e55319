from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
import pytest
import yaml
from conftest import SMALL
from made_cohort import made_cohort
from typer.testing import CliRunner, Result

from experiments.cli import app
from pipeline.artifacts import load_cohort, load_run, table_digest

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
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


def lungio(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def refused(result: Result, *said: str) -> None:
    """Bad input: exit code 2, one plain message on stderr, no traceback."""
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    assert result.stderr.startswith("lungio: ")
    for words in said:
        assert words in result.stderr


def nothing_new(folder: Path, *expected: str) -> None:
    assert sorted(p.name for p in folder.iterdir()) == sorted(expected)


def experiment(folder: Path, **changes: Any) -> Path:
    content: dict[str, Any] = {
        "name": "small",
        "seed": 1,
        "train": {"cohort": "keynote_189", "patients": 200},
        "external": {"patients": 150},
        "analysis": SMALL,
    }
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(content | changes), encoding="utf-8")
    return path


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


# --- help


def test_help_names_the_commands() -> None:
    result = lungio("--help")
    assert result.exit_code == 0
    for name in ("run", "simulate", "report", "ui", "evidence"):
        assert name in result.output
    assert "research only" in result.output


def test_help_imports_nothing_heavy() -> None:
    script = "import sys, experiments.cli; print([m for m in sys.modules if m in sys.argv[1:]])"
    heavy = [
        "numpy",
        "pandas",
        "pydantic",
        "mlflow",
        "shap",
        "sksurv",
        "lifelines",
        "matplotlib",
        "numba",
        "yaml",
    ]
    done = subprocess.run([sys.executable, "-c", script, *heavy], capture_output=True, text=True, check=True)
    assert set(eval(done.stdout)) <= {"pydantic"}  # noqa: S307 - our own output; typer itself may use pydantic


def test_an_unknown_command_or_option_is_a_usage_error() -> None:
    assert lungio("rum").exit_code == 2
    assert lungio("run", "keynote_189", "--patiens", 3).exit_code == 2


# --- a simulated run, from config to report


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    folder = tmp_path_factory.mktemp("simulated")
    before = Path.cwd()
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    os.chdir(folder)
    try:
        return folder, lungio("run", experiment(folder), "--out", "run")
    finally:
        os.chdir(before)


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


# --- bad input: exit code 2, one message, nothing written


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sead": 1}, "sead: unknown key; did you mean 'seed'?"),
        (
            {"train": {"cohort": "keynote_198", "patients": 50}},
            "no cohort 'keynote_198'; did you mean keynote_189",
        ),
        ({"train": {"cohort": "keynote_189"}}, "train.patients is missing"),
        ({"analysis": SMALL | {"horizons_months": [6, 400]}}, "400 lies beyond the follow-up"),
        ({"analysis": SMALL | {"models": {"coks": {}}}}, "unknown model 'coks'"),
        ({"analysis": SMALL | {"metrics": ["c_index"]}}, "unknown metric 'c_index'"),
        ({"analysis": SMALL | {"subgroups": ["eye_colour"]}}, "no column 'eye_colour'"),
    ],
)
def test_a_bad_experiment_is_refused(here: Path, changes: dict[str, Any], said: str) -> None:
    refused(lungio("run", experiment(here, **changes), "--out", "run"), said)
    nothing_new(here, "small.yaml")


def test_an_unknown_trial_offers_the_nearest(here: Path) -> None:
    (here / "mine.yaml").write_text("trial: KEYNOTE-198\n", encoding="utf-8")
    refused(lungio("simulate", "mine.yaml", "--n", 10, "--out", "cohort"), "KEYNOTE-189")
    nothing_new(here, "mine.yaml")


def test_an_existing_folder_is_refused_before_any_work(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(*_: object, **__: object) -> NoReturn:
        raise AssertionError("work was begun")

    monkeypatch.setattr("experiments.run.resolve_sources", work)
    (here / "run").mkdir()
    refused(lungio("run", experiment(here), "--out", "run"), "run exists already and nothing is overwritten")
    (here / "file").write_text("")
    refused(lungio("run", experiment(here), "--out", "file"), "file exists already")


@pytest.mark.parametrize("words", [("run", "keynote_189"), ("simulate", "keynote_189", "--out", "cohort")])
@pytest.mark.parametrize("n", [0, -5])
def test_no_patients_at_all(here: Path, words: tuple[str, ...], n: int) -> None:
    refused(lungio(*words, "--n", n), f"--n must be at least 1. Got {n} instead")
    nothing_new(here)


def test_a_number_that_is_none_is_a_usage_error(here: Path) -> None:
    assert lungio("run", "keynote_189", "--n", "many").exit_code == 2
    refused(lungio("run", "keynote_189", "--seed", -1), "--seed must be at least 0")


def test_a_store_that_cannot_be_written_is_refused_before_any_work(here: Path) -> None:
    refused(
        lungio("run", experiment(here), "--out", "run", "--tracking-uri", "./mlruns"),
        "not a store MLflow can write to",
    )
    nothing_new(here, "small.yaml")


@pytest.mark.parametrize(("number", "said"), [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "read-only")])
def test_a_full_or_read_only_disk(
    here: Path, monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise OSError(number, "as the system says it")

    monkeypatch.setattr(pd.DataFrame, "to_parquet", refuse)
    refused(
        lungio("simulate", "keynote_189", "--n", 60, "--out", "deep/cohort"), "cannot write deep/cohort", said
    )
    nothing_new(here)


def test_a_folder_without_permission(here: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    (here / "closed").mkdir(mode=0o500)
    refused(lungio("simulate", "keynote_189", "--n", 60, "--out", "closed/cohort"), "no permission")


def test_interrupting_leaves_nothing_half_written(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(pd.DataFrame, "to_csv", interrupt)
    result = lungio("simulate", "keynote_189", "--n", 60, "--out", "cohort")
    assert result.exit_code == 130
    assert result.stderr == "lungio: interrupted; nothing half-written is left\n"
    nothing_new(here)


def test_an_error_of_ours_keeps_its_traceback(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(*_: object, **__: object) -> NoReturn:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("experiments.run.simulate_to_folder", bug)
    result = lungio("simulate", "keynote_189", "--n", 60, "--out", "cohort")
    assert isinstance(result.exception, ZeroDivisionError)


def test_what_is_not_a_run_has_no_report(here: Path) -> None:
    refused(lungio("report", "."), "is not a run folder")
    refused(lungio("report", "none"), "there is no run folder none")


def test_the_installed_command_reports_through_its_exit_code(here: Path) -> None:
    words = [sys.executable, "-m", "experiments.cli", "run", "no_such_experiment"]
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(words, capture_output=True, text=True, cwd=root, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith("lungio: no experiment 'no_such_experiment'")
    assert "Traceback" not in done.stderr


# --- simulate


def test_the_same_seed_gives_the_same_patients(here: Path) -> None:
    results = [
        lungio("simulate", "KEYNOTE-189", "--n", 120, "--out", name, "--seed", seed)
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    assert [r.exit_code for r in results] == [0, 0, 0], results[0].output
    a, b, c = (load_cohort(here / name) for name in "abc")
    assert table_digest(a.observed) == table_digest(b.observed) != table_digest(c.observed)
    assert f"sha256  {table_digest(a.observed)}" in results[0].output
    assert "published and reproduced" in results[0].output
    assert len(a) == 120
    assert a.manifest["seed"] == 1
    assert (here / "a" / "fidelity.csv").is_file()
    assert (here / "a" / "observed.parquet").read_bytes() == (here / "b" / "observed.parquet").read_bytes()


def test_a_simulated_cohort_is_the_training_cohort_of_the_run_with_its_seed(
    simulated: tuple[Path, Result], here: Path
) -> None:
    lungio("simulate", "keynote_189", "--n", 200, "--seed", 1, "--out", "cohort")
    facts = load_run(simulated[0] / "run").facts
    assert table_digest(load_cohort(here / "cohort").observed) == facts["cohorts"]["train"]["sha256"]
    assert facts["cohorts"]["external"]["sha256"] != facts["cohorts"]["train"]["sha256"]


def test_a_real_cohort_cannot_be_simulated(here: Path) -> None:
    refused(lungio("simulate", "poplar", "--n", 10, "--out", "cohort"), "there is nothing to simulate")


# --- ui


def test_ui_serves_the_same_store_on_this_machine(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda program, words: started.append(words))
    result = lungio("ui", "--port", 5099)
    assert result.exit_code == 0, result.output
    (words,) = started
    assert words[words.index("--backend-store-uri") + 1] == f"sqlite:///{here / 'mlflow.db'}"
    assert words[words.index("--host") + 1] == "127.0.0.1"
    assert "http://127.0.0.1:5099" in result.output
