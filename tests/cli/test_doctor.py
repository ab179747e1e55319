"""lungio doctor: an installation, a store and what killed jobs have left."""

from __future__ import annotations

import json
import shutil
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from killed_process import killed_writing

from experiments import doctor_command
from experiments.doctor_command import folders, installation
from pipeline.artifacts.sole_writer import sole_writer
from pipeline.tracking.client import OWNER

from .calling import lungio, nothing_new

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture
def killed(here: Path) -> str:
    """A run killed in ``runs``; returns the name of its process."""
    return killed_writing(here / "runs" / "small-1")


def findings(*words: object) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(lungio("doctor", "--json", *words).stdout)
    return answer


def test_all_is_well_where_nothing_was_done(here: Path) -> None:
    result = lungio("doctor")
    assert result.exit_code == 0, result.output
    assert "libraries: " in result.output
    assert "mlflow.db is not there yet; the first run makes it" in result.output
    nothing_new(here)


def test_a_killed_run_is_found_and_cleared_up(killed: str, here: Path) -> None:
    left = sorted(p.name for p in (here / "runs").iterdir())
    result = lungio("doctor")
    assert result.exit_code == 1
    assert "killed run" in result.output
    assert "small-1, begun 20" in result.output
    assert "half written" in result.output
    assert sorted(p.name for p in (here / "runs").iterdir()) == left
    result = lungio("doctor", "--mend")
    assert result.exit_code == 0, result.output
    assert "mended" in result.output
    assert not list((here / "runs").iterdir())
    assert findings()["well"]


def test_a_run_that_is_being_written_is_left_alone(here: Path) -> None:
    with sole_writer(here / "runs" / "small-2"):
        assert not list(folders([here / "runs"], mend=True))
        assert (here / "runs" / ".small-2.lock").exists()


def test_runs_of_killed_processes_in_a_store(killed: str, here: Path, empty_store: Path) -> None:
    import mlflow

    lungio("doctor", "--mend")
    store = Path(shutil.copy(empty_store, here / "mlflow.db"))
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{store}")
    run = client.create_run("0", run_name="small-1", tags={OWNER: killed})
    other = client.create_run("0", run_name="elsewhere")
    result = lungio("doctor")
    assert result.exit_code == 1
    assert "small-1 is marked as running, and its process is gone; lungio doctor --mend" in result.output
    assert "1 are marked as running by processes that live or are elsewhere" in result.output
    assert lungio("doctor", "--mend").exit_code == 0
    assert client.get_run(run.info.run_id).info.status == "FAILED"
    assert client.get_run(other.info.run_id).info.status == "RUNNING"


def test_a_store_that_cannot_be_used(here: Path) -> None:
    (here / "mlflow.db").write_text("this is no database, whatever its name says")
    found = findings()
    (wrong,) = [f for f in found["findings"] if f["status"] == "wrong"]
    assert "is not an SQLite database" in wrong["detail"]
    assert not found["well"]


def test_a_run_folder_that_is_not_whole_and_one_with_something_outstanding(here: Path) -> None:
    for name, content in {"torn": '{"name": ', "waiting": '{"outstanding": ["report"]}'}.items():
        (here / "runs" / name / "tables").mkdir(parents=True)
        (here / "runs" / name / "run.json").write_text(content)
    told = {f["subject"] + " " + f["status"]: f["detail"] for f in findings()["findings"]}
    assert "torn" in told["run folder wrong"]
    assert "waiting: its report is outstanding" in told["run folder note"]


def test_a_killed_sweep_says_how_much_is_kept(here: Path) -> None:
    journal = here / "runs" / ".sweep-x.journal.jsonl"
    journal.parent.mkdir()
    journal.write_text('{"task": "a", "result": {}}\n{"task": "b", "result": {}}\n{"task": "c", "re')
    (note,) = folders([here / "runs"], mend=True)
    assert note.subject == "killed sweep"
    assert "2 runs are kept" in note.detail
    assert journal.exists()


@pytest.mark.parametrize(
    ("required", "said"),
    [
        (["no-such-library>=1"], "no-such-library is missing"),
        (["numpy>=99"], "numpy is "),
        (["numpy>=99; extra == 'dev'"], "0 in the versions required"),
    ],
)
def test_libraries_are_held_against_what_is_required(
    monkeypatch: pytest.MonkeyPatch, required: list[str], said: str
) -> None:
    monkeypatch.setattr(metadata, "requires", lambda _: required)
    found = list(doctor_command.libraries())
    assert said in found[0].detail
    assert (found[0].status == "wrong") == ("dev" not in required[0])


def test_too_little_memory_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthetic_data.cohort_memory.free_memory", lambda: 2.0**30)
    (memory,) = [f for f in installation() if f.subject == "memory"]
    assert memory.status == "wrong"
    assert memory.detail == "1.0 GiB free"


def test_compiled_code_that_cannot_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/proc/nothing")
    found = doctor_command.compiled_cache()
    assert found.status == "wrong"
    assert "NUMBA_CACHE_DIR" in found.remedy
