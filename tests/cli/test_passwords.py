"""A password in the address of a store: in no file, and in nothing that is printed."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest
from typer.testing import Result

from pipeline.artifacts import load_run
from pipeline.tracking.refusals import refusal
from pipeline.tracking.store import plain_uri, resolve_store, ui_command

from .calling import experiment, lungio, refused

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
PASSWORD = "not-for-print"  # noqa: S105 - made up here


def typed(monkeypatch: pytest.MonkeyPatch, *words: object) -> Result:
    """Call lungio with the words also where a process finds those it was called with."""
    monkeypatch.setattr(sys, "argv", ["/usr/bin/lungio", *map(str, words)])
    return lungio(*words)


def nowhere(folder: Path, result: Result) -> None:
    """Fail when the password is in what was printed, or in any file below `folder`."""
    assert PASSWORD not in result.output
    assert PASSWORD not in result.stderr
    files = [p for p in folder.rglob("*") if p.is_file()]
    assert files
    assert not [p for p in files if PASSWORD.encode() in p.read_bytes()]


def silent_port() -> int:
    """Return a port of this machine where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("postgresql://me:secret@db/x", "postgresql://me:***@db/x"),
        ("postgresql+psycopg2://me:se/cr@et@db:5432/x", "postgresql+psycopg2://me:***@db:5432/x"),
        ("postgresql://:secret@db/x", "postgresql://:***@db/x"),
        ("postgresql://db/x?user=me&password=secret&x=1", "postgresql://db/x?user=me&password=***&x=1"),
        ("--tracking-uri=https://me:secret@host/", "--tracking-uri=https://me:***@host/"),
        ("no answer from http://me:secret@host/api, ask @x", "no answer from http://me:***@host/api, ask @x"),
        ("sqlite:////data/x.db", "sqlite:////data/x.db"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("mysql+pymysql://me@db/x", "mysql+pymysql://me@db/x"),
    ],
)  # fmt: skip
def test_only_the_password_is_hidden(given: str, shown: str) -> None:
    assert plain_uri(given) == shown


@pytest.mark.usefixtures("without_figures")
def test_a_run_keeps_its_command_without_the_password(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = f"postgresql://me:{PASSWORD}@db/x"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    result = typed(
        monkeypatch, "run", experiment(here), "--out", "run", "--no-track", "--tracking-uri", uri
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    nowhere(here, result)
    command = load_run(here / "run").facts["command"]
    assert command.endswith("--tracking-uri 'postgresql://me:***@db/x'")
    assert command.startswith("lungio run ")


@pytest.mark.parametrize("by_option", [True, False])
def test_a_server_that_is_not_there_is_named_without_it(
    here: Path, monkeypatch: pytest.MonkeyPatch, by_option: bool
) -> None:
    uri = f"http://me:{PASSWORD}@127.0.0.1:{silent_port()}"
    given = ("--tracking-uri", uri) if by_option else ()
    if not by_option:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    result = typed(monkeypatch, "run", experiment(here), *given)
    refused(result, "http://me:***@127.0.0.1", "connection refused")
    nowhere(here, result)
    nowhere(here, typed(monkeypatch, "doctor", *given))


def test_an_address_of_no_store_is_refused_without_it(monkeypatch: pytest.MonkeyPatch, here: Path) -> None:
    result = typed(monkeypatch, "run", experiment(here), "--tracking-uri", f"ftp://me:{PASSWORD}@host/x")
    refused(result, "ftp://me:***@host/x")
    nowhere(here, result)


def test_what_a_store_says_is_told_without_it() -> None:
    import mlflow

    said = f"API request to http://me:{PASSWORD}@host/api failed"
    error = mlflow.exceptions.MlflowException(said, error_code=1)  # INTERNAL_ERROR
    assert refusal(error) == "API request to http://me:***@host/api failed"


def test_pages_get_it_by_the_environment_only(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = f"postgresql://me:{PASSWORD}@db/x"
    monkeypatch.delenv("MLFLOW_BACKEND_STORE_URI", raising=False)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    started: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda program, words: started.append(words))
    result = typed(monkeypatch, "ui", "--port", silent_port(), "--tracking-uri", uri)
    assert result.exit_code == 0, result.output
    assert PASSWORD not in result.output + " ".join(started[0])
    assert "postgresql://me:***@db/x" in result.output
    assert os.environ["MLFLOW_BACKEND_STORE_URI"] == uri
    assert ui_command(resolve_store("postgresql://me@db/x"), 1)[4:6] == [
        "--backend-store-uri",
        "postgresql://me@db/x",
    ]
