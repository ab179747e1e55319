"""A store is looked at, and runs of killed processes are told from those of living ones."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from killed_process import ended, python

from pipeline.artifacts.owners import this_process
from pipeline.tracking.client import OWNER, open_experiment, open_run, quiet_mlflow
from pipeline.tracking.health import store_health
from pipeline.tracking.refusals import StoreError

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture
def store(empty_store: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(empty_store, tmp_path / "mlflow.db"))


def client_of(store: Path) -> Any:
    import mlflow

    return mlflow.MlflowClient(tracking_uri=f"sqlite:///{store}")


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    assert not store_health(f"sqlite:///{tmp_path}/mlflow.db").there
    assert not list(tmp_path.iterdir())


def test_runs_of_killed_processes_are_marked_as_failed(store: Path) -> None:
    client, uri = client_of(store), f"sqlite:///{store}"
    place = client.create_experiment("x")
    tags = {"killed": {OWNER: ended()}, "alive": {OWNER: this_process()}, "somebody's": {}}
    for name, tag in tags.items():
        client.create_run(place, run_name=name, tags=tag)
    found = store_health(uri)
    assert (found.there, found.runs, found.running, found.abandoned) == (True, 3, 3, ("killed",))
    assert found.schema == found.expected != ""
    assert {r.info.status for r in client.search_runs([place])} == {"RUNNING"}
    store_health(uri, mend=True)
    assert {r.info.run_name: r.info.status for r in client.search_runs([place])} == {
        "killed": "FAILED",
        "alive": "RUNNING",
        "somebody's": "RUNNING",
    }
    assert store_health(uri).abandoned == ()


def test_whoever_files_next_marks_them_too(store: Path) -> None:
    client = client_of(store)
    place = client.create_experiment("x")
    run = client.create_run(place, tags={OWNER: ended()})
    assert open_experiment(client, "x", f"sqlite:///{store}") == place
    assert client.get_run(run.info.run_id).info.status == "FAILED"


@pytest.mark.parametrize(
    ("error", "status"), [(None, "FINISHED"), (ValueError("bug"), "FAILED"), (KeyboardInterrupt(), "KILLED")]
)
def test_a_run_ends_as_its_block_does(store: Path, error: BaseException | None, status: str) -> None:
    client = client_of(store)
    with (
        suppress(ValueError, KeyboardInterrupt),
        open_run(client, "0", "made", {"empty": "", "kept": "yes"}) as run,
    ):
        assert client.get_run(run).info.status == "RUNNING"
        if error is not None:
            raise error
    found = client.get_run(run)
    assert found.info.status == status
    assert found.data.tags["kept"] == "yes"
    assert "empty" not in found.data.tags


def test_a_store_of_another_version_is_not_opened(store: Path) -> None:
    with sqlite3.connect(store) as connection:
        connection.execute("update alembic_version set version_num = '451aebb31d03'")
    found = store_health(f"sqlite:///{store}")
    assert found.schema == "451aebb31d03" != found.expected
    with pytest.raises(StoreError, match="older MLflow"), quiet_mlflow(f"sqlite:///{store}") as mlflow:
        mlflow.MlflowClient(tracking_uri=f"sqlite:///{store}").search_experiments()


def test_a_damaged_store_is_one_sentence(store: Path) -> None:
    content = store.read_bytes()
    store.write_bytes(content[:4096] + b"\xff" * 20_000 + content[24_096:])
    with pytest.raises(StoreError, match=r"mlflow\.db: the database is damaged"):
        store_health(f"sqlite:///{store}")


def test_a_new_store_is_made_whole_by_one_process_at_a_time(tmp_path: Path) -> None:
    """Three processes that find none: each opens the same whole one."""
    script = (
        "import sys; from pipeline.tracking.client import quiet_mlflow\n"
        "uri = f'sqlite:///{sys.argv[1]}'\n"
        "with quiet_mlflow(uri) as mlflow:\n"
        "    client = mlflow.MlflowClient(tracking_uri=uri)\n"
        "    print([e.name for e in client.search_experiments()])\n"
    )
    jobs = [python(script, str(tmp_path / "mlflow.db")) for _ in range(3)]
    assert {job.communicate(timeout=120)[0].strip() for job in jobs} == {"['Default']"}
    assert [job.returncode for job in jobs] == [0] * 3
    assert [p.name for p in tmp_path.iterdir()] == ["mlflow.db"]
