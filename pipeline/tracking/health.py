"""How a store is: its schema, and runs that a killed process left as running."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.tracking.client import is_abandoned, quiet_mlflow
from pipeline.tracking.store import sqlite_file


@dataclass(frozen=True)
class StoreHealth:
    """What was found in a store.

    Attributes
    ----------
    there : bool
        Whether the store exists; an SQLite file is made by the first run.
    schema, expected : str
        Version of the database's tables, and the one that the installed MLflow wants; "" where a server
        keeps them.
    runs, running : int
        All runs, and those marked as running.
    abandoned : tuple of str
        Names of those marked as running whose process on this machine is gone.
    """

    there: bool
    schema: str = ""
    expected: str = ""
    runs: int = 0
    running: int = 0
    abandoned: tuple[str, ...] = ()


def store_health(uri: str, mend: bool = False) -> StoreHealth:
    """Look at a store; with `mend`, mark as failed what a killed process left as running.

    Raises
    ------
    StoreError
        When the store does not answer, or is damaged.
    """
    file = sqlite_file(uri)
    if file is not None and not (file.exists() and file.stat().st_size):
        return StoreHealth(False)
    with quiet_mlflow(uri) as mlflow:
        if file is not None:
            _check_pages(file)
        schema, expected = _schema(uri)
        if schema != expected:
            return StoreHealth(True, schema, expected)  # MLflow refuses to open it
        client = mlflow.MlflowClient(tracking_uri=uri)
        experiments = [e.experiment_id for e in _all(client.search_experiments)]
        runs = _all(client.search_runs, experiments)
        running = [run for run in runs if run.info.status == "RUNNING"]
        abandoned = [run for run in running if is_abandoned(run)]
        for run in abandoned if mend else ():
            client.set_terminated(run.info.run_id, "FAILED")
    names = tuple(str(run.info.run_name) for run in abandoned)
    return StoreHealth(True, schema, expected, len(runs), len(running), names)


def _check_pages(file: Path) -> None:
    """Raise sqlite3's own error when pages of the file are damaged; MLflow finds those that it comes upon."""
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as store:
        (found,) = store.execute("pragma quick_check(1)").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(f"database disk image is malformed: {found}")


def _schema(uri: str) -> tuple[str, str]:
    if uri.startswith(("http", "databricks", "uc")):
        return "", ""
    from mlflow.store.db import utils
    from sqlalchemy import create_engine

    engine = create_engine(uri)
    try:
        return str(utils._get_schema_version(engine)), str(utils._get_latest_schema_revision())
    finally:
        engine.dispose()


def _all(search: Any, *asked: Any) -> list[Any]:
    found: list[Any] = []
    token = None
    while True:
        page = search(*asked, page_token=token, max_results=1000)
        found += page
        token = page.token
        if not token:
            return found
