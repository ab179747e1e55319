"""A real PostgreSQL as the store: started here when the machine has one, else skipped with the reason."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from typer.testing import Result

from pipeline.artifacts import load_run
from pipeline.schema import InputError
from pipeline.tracking import check_store, ui_command

from .calling import experiment, lungio, refused

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]
PASSWORD = "not-for-print"  # noqa: S105 - made up here


def programs() -> Path | None:
    """Where PostgreSQL's server programs are: where Debian puts them, or in reach."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    found = shutil.which("initdb")
    places += [Path(found).resolve().parent] if found else []
    return next((p for p in reversed(places) if (p / "pg_ctl").is_file()), None)


def as_server(command: list[str]) -> None:
    """Run as a user without privileges, for PostgreSQL refuses to be root's."""
    user: dict[str, Any] = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    done = subprocess.run(
        command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd="/", **user
    )
    assert done.returncode == 0, done.stderr.decode()


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """The address of an empty database of a cluster that lives as long as these tests."""
    place = programs()
    if place is None:
        pytest.skip("PostgreSQL's server is not on this machine (Debian: apt-get install postgresql)")
    if find_spec("psycopg") is None:
        pytest.skip("psycopg is not installed (pip install 'lungio[postgresql]')")
    with tempfile.TemporaryDirectory(prefix="lungio-postgresql-") as name:
        folder = Path(name)
        (folder / "password").write_text(PASSWORD, encoding="utf-8")
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
            shutil.chown(folder / "password", "postgres")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        cluster = ["--pgdata", str(folder / "data")]
        as_server([str(place / "initdb"), *cluster, "--username", "lungio", "--auth", "scram-sha-256",
                   "--pwfile", str(folder / "password"), "--no-sync"])  # fmt: skip
        options = (
            f"-c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c port={port} -c fsync=off"
        )
        control = [str(place / "pg_ctl"), *cluster, "--wait", "--log", str(folder / "log")]
        as_server([*control, "--options", options, "start"])
        try:
            yield f"postgresql://lungio:{PASSWORD}@127.0.0.1:{port}/postgres"
        finally:
            as_server([*control, "--mode", "immediate", "stop"])


@dataclass(frozen=True)
class Filed:
    folder: Path
    result: Result
    client: Any
    parent: Any


@pytest.fixture(scope="module")
def filed(database: str, tmp_path_factory: pytest.TempPathFactory) -> Filed:
    """A run that was carried out and filed there by the command, in a folder of its own."""
    import mlflow

    folder = tmp_path_factory.mktemp("files")
    words = ("run", experiment(folder), "--out", "run", "--no-report", "--tracking-uri", database)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["/usr/bin/lungio", *map(str, words)])
        patch.setattr("pipeline.artifacts.gallery.draw_gallery", lambda *_: None)
        result = lungio(*words)
    assert result.exit_code == 0, result.output + result.stderr
    client = mlflow.MlflowClient(tracking_uri=database)
    everywhere = [e.experiment_id for e in client.search_experiments()]
    (parent,) = [r for r in client.search_runs(everywhere) if "mlflow.parentRunId" not in r.data.tags]
    return Filed(folder, result, client, parent)


def test_a_run_is_filed_whole_in_postgresql(filed: Filed) -> None:
    experiment_id, parent = filed.parent.info.experiment_id, filed.parent.info.run_id
    children = filed.client.search_runs([experiment_id], f"tags.`mlflow.parentRunId` = '{parent}'")
    view = load_run(filed.folder / "run")
    assert {run.data.tags["model"] for run in children} == set(view.facts["models"])
    assert {run.info.status for run in (filed.parent, *children)} == {"FINISHED"}
    (cox,) = [run for run in children if run.data.tags["model"] == "cox"]
    wanted = view.table("scores").query(
        "model == 'cox' and data == 'external' and metric == 'auc' and group == 'all'"
    )
    history = filed.client.get_metric_history(cox.info.run_id, "external.auc")
    months = wanted["horizon_months"].astype(int)
    assert {m.step: m.value for m in history} == dict(zip(months, wanted["value"], strict=True))
    artifacts = {a.path for a in filed.client.list_artifacts(parent)}
    assert {"tables", "run.json", "experiment.yaml"} <= artifacts


def test_the_champion_is_registered_there(filed: Filed) -> None:
    version = filed.client.get_model_version_by_alias("lungio-small-os", "champion")
    crowned = filed.client.search_runs([filed.parent.info.experiment_id], "tags.champion = 'lungio-small-os'")
    assert [run.info.run_id for run in crowned] == [version.run_id]
    assert crowned[0].data.tags["mlflow.parentRunId"] == filed.parent.info.run_id


def test_the_password_is_in_no_file_nor_in_the_database(filed: Filed, database: str) -> None:
    assert PASSWORD not in filed.result.output + filed.result.stderr
    files = [p for p in filed.folder.rglob("*") if p.is_file()]
    assert {"run.json", "MLmodel"} <= {p.name for p in files}
    assert not [p for p in files if PASSWORD.encode() in p.read_bytes()]
    assert "postgresql://lungio:***@127.0.0.1" in load_run(filed.folder / "run").facts["command"]
    place = programs()
    assert place is not None
    dump = subprocess.run([place / "pg_dump", database], check=True, capture_output=True, text=True).stdout
    assert "lungio-small-os" in dump
    assert PASSWORD not in dump


def test_push_finds_what_was_filed_and_prints_no_password(filed: Filed, database: str) -> None:
    words = ("push", filed.folder / "run", "--tracking-uri", database)
    again = lungio(*words)
    assert again.exit_code == 0, again.output
    assert f"filed as {filed.parent.info.run_id} in postgresql://lungio:***@127.0.0.1" in again.output
    well = lungio("doctor", filed.folder, "--tracking-uri", database)
    assert "postgresql://lungio:***@127.0.0.1" in well.output
    assert PASSWORD not in again.output + well.output


def test_a_wrong_password_is_told_in_plain_words(database: str, here: Path) -> None:
    wrong = database.replace(PASSWORD, "wrong-word")
    result = lungio("run", experiment(here), "--tracking-uri", wrong)
    refused(result, f"lungio:***@127.0.0.1:{urlsplit(database).port}", "password authentication failed")
    assert "wrong-word" not in result.output + result.stderr
    nobody = lungio("run", experiment(here), "--tracking-uri", database.replace("/postgres", "/nothing"))
    refused(nobody, 'database "nothing" does not exist', "--no-track")


@pytest.mark.parametrize("uri", ["postgresql+pg8000://me:not-for-print@host/db", "mssql+nodriver://host/db"])
def test_a_database_that_cannot_be_spoken_to_is_refused(uri: str) -> None:
    with pytest.raises(InputError, match=r"pg8000 is not installed|Can't load plugin") as refusal:
        check_store(uri)
    assert PASSWORD not in str(refusal.value)


def test_a_driver_of_ours_that_is_missing_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(InputError, match=r"psycopg is not installed.*lungio\[postgresql\]"):
        check_store("postgresql+psycopg://me:secret@host/db")


def test_the_pages_are_served_from_the_database() -> None:
    command = ui_command("postgresql://host/db", 5000)
    assert "postgresql://host/db" in command
    assert "--default-artifact-root" not in command
