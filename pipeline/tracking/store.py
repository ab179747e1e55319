"""Where runs are filed, and how to look at them; knows MLflow's rules but does not import it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pipeline.artifacts.folders import plain_os_error
from pipeline.schema import InputError

DEFAULT_FILE: Final = "mlflow.db"
_DATABASES: Final = ("sqlite", "postgresql", "mysql", "mssql")
_SERVERS: Final = ("http", "https", "databricks", "databricks-uc", "uc")


def resolve_store(given: str | None = None) -> str:
    """Return the store's URI: `given`, else MLFLOW_TRACKING_URI, else ``mlflow.db`` in the working directory.

    The default is MLflow's own, so that ``mlflow ui`` in the same directory shows the same runs. A path that
    ends in ``.db`` is taken as an SQLite file.

    Raises
    ------
    InputError
        When the URI is of a kind MLflow no longer writes to, such as a folder of files.
    """
    uri = given or os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_FILE
    scheme = urlsplit(uri).scheme.split("+")[0]
    if scheme == "sqlite":
        return f"sqlite:///{_sqlite_file(uri).absolute()}"
    if scheme in _DATABASES or scheme in _SERVERS:
        return uri
    if uri.endswith(".db") and len(scheme) <= 1:
        return f"sqlite:///{Path(uri).expanduser().absolute()}"
    raise InputError(
        f"tracking URI {uri!r} is not a store MLflow can write to; give a file ending in .db, "
        "sqlite:///<file>, another database, or http(s)://<server>"
    )


def check_store(uri: str) -> None:
    """Raise an InputError when an SQLite store can evidently not be written; other stores are not asked."""
    if not uri.startswith("sqlite"):
        return
    path = _sqlite_file(uri)
    place = path if path.exists() else path.parent
    if path.is_dir():
        raise InputError(f"tracking store {path} is a folder; give a file ending in .db")
    if not path.parent.is_dir():
        raise InputError(f"tracking store {path}: the folder {path.parent} does not exist; make it first")
    if path.exists() and path.stat().st_size and path.read_bytes()[:15] != b"SQLite format 3":
        raise InputError(f"tracking store {path} is not an SQLite database; give another --tracking-uri")
    if not os.access(place, os.W_OK):
        raise InputError(
            plain_os_error(PermissionError(13, "no permission"), path).replace("--out", "--tracking-uri")
        )


def artifact_root(uri: str) -> str | None:
    """Return where a local store keeps its files (``mlruns`` beside it); None where a server decides."""
    return (_sqlite_file(uri).absolute().parent / "mlruns").as_uri() if uri.startswith("sqlite") else None


def ui_command(uri: str, port: int) -> list[str]:
    """Return the command that serves MLflow's pages for `uri` on this machine only."""
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", uri]
    root = artifact_root(uri)
    if root:
        command += ["--default-artifact-root", root]
    return [*command, "--host", "127.0.0.1", "--port", str(port)]


def keep_offline() -> None:
    """Tell MLflow, before it is imported, to send nothing about its use to anyone."""
    for switch in ("MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
        os.environ[switch] = "true"
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")


def _sqlite_file(uri: str) -> Path:
    return Path(uri.split("///", 1)[-1].split("?")[0]).expanduser()
