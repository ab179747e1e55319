"""Where runs are filed, and how to look at them; knows MLflow's rules but does not import it."""

from __future__ import annotations

import fcntl
import os
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from pipeline.artifacts.folders import plain_os_error
from pipeline.schema import InputError

DEFAULT_FILE: Final = "mlflow.db"
ANSWER_SECONDS: Final = 5.0
_DATABASES: Final = ("sqlite", "postgresql", "mysql", "mssql")
_SERVERS: Final = ("http", "https", "databricks", "databricks-uc", "uc")
_BACKEND: Final = "MLFLOW_BACKEND_STORE_URI"  # where MLflow's server looks for its store unless told
_PASSWORDS: Final = re.compile(
    r"(://[^/\s:@]*:)\S*@|([?&](?:\w*password|passwd|pwd|token)=)[^&\s]*", re.IGNORECASE
)


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
        return f"sqlite:///{_path_in(uri).absolute()}"
    if scheme in _DATABASES or scheme in _SERVERS:
        return uri
    if uri.endswith(".db") and len(scheme) <= 1:
        return f"sqlite:///{Path(uri).expanduser().absolute()}"
    raise InputError(
        f"tracking URI {plain_uri(uri)!r} is not a store MLflow can write to; give a file ending in .db, "
        "sqlite:///<file>, another database, or http(s)://<server>"
    )


def check_store(uri: str) -> None:
    """Raise an InputError when a store can evidently not be written, before any work is done for it.

    An SQLite file is looked at, a server's port is knocked at, and another database is connected to.
    """
    if urlsplit(uri).scheme.split("+")[0] in _DATABASES[1:]:
        _connect(uri)
    if urlsplit(uri).scheme in ("http", "https"):
        _knock(uri)
    path = sqlite_file(uri)
    if path is None:
        return
    place = path if path.exists() else path.parent
    if path.is_dir():
        raise InputError(f"tracking store {path} is a folder; give a file ending in .db")
    if not path.parent.is_dir():
        raise InputError(f"tracking store {path}: the folder {path.parent} does not exist; make it first")
    if path.exists() and path.stat().st_size and _beginning(path) != b"SQLite format 3":
        raise InputError(f"tracking store {path} is not an SQLite database; give another --tracking-uri")
    if not os.access(place, os.W_OK):
        raise InputError(
            plain_os_error(PermissionError(13, "no permission"), path).replace("--out", "--tracking-uri")
        )


def store_to_show(uri: str) -> str:
    """Return how a store whose pages are asked for is told of; one in a file is looked at.

    Raises
    ------
    InputError
        When the file is no store.
    """
    path = sqlite_file(uri)
    if path is None:
        return plain_uri(uri)
    check_store(uri)
    return uri if path.exists() else f"{uri} (not there yet: nothing is shown until a run is filed in it)"


def _connect(uri: str) -> None:
    from sqlalchemy import create_engine
    from sqlalchemy.exc import SQLAlchemyError

    patience = {"connect_timeout": int(ANSWER_SECONDS)} if uri.startswith("postgresql") else {}
    try:
        engine = create_engine(uri, connect_args=patience)
        engine.connect().close()
        engine.dispose()
    except ModuleNotFoundError as error:
        extra = " (pip install 'lungio[postgresql]')" if error.name == "psycopg" else ""
        raise InputError(
            f"tracking store {plain_uri(uri)}: its driver {error.name} is not installed{extra}"
        ) from None
    except (SQLAlchemyError, ValueError) as error:
        said = plain_uri(str(getattr(error, "orig", error)).strip().splitlines()[0])
        raise InputError(
            f"tracking store {plain_uri(uri)}: {said}; mend it, or run with --no-track and `lungio push` the "
            "folder later"
        ) from None


def _beginning(path: Path) -> bytes:
    with path.open("rb") as content:
        return content.read(15)


def _knock(uri: str) -> None:
    place = urlsplit(uri)
    if place.scheme in getproxies() and not proxy_bypass(place.hostname or ""):
        return  # who asks through a proxy need not reach the server itself
    try:
        port = place.port or {"http": 80, "https": 443}[place.scheme]
        socket.create_connection((place.hostname or "", port), timeout=ANSWER_SECONDS).close()
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error) or "no answer"
        raise InputError(
            f"tracking server {plain_uri(uri)}: {said.lower()}; start it, or run with --no-track and "
            "`lungio push` the folder later"
        ) from None


def plain_uri(uri: str) -> str:
    """Return a store's URI, or a text with some in it, as it may be shown and kept: without a password.

    >>> plain_uri("--tracking-uri=postgresql://me:secret@host/db")
    '--tracking-uri=postgresql://me:***@host/db'
    >>> plain_uri("postgresql://host/db?user=me&password=secret")
    'postgresql://host/db?user=me&password=***'
    """
    return _PASSWORDS.sub(lambda found: f"{found[1]}***@" if found[1] else f"{found[2]}***", uri)


def free_port(port: int) -> None:
    """Raise an InputError when another program listens on `port` of this machine."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            said = (error.strerror or str(error)).lower()
            raise InputError(f"--port {port}: {said}; choose another (lungio ui --port {port + 1})") from None


def make_store(mlflow: Any, uri: str) -> None:
    """Make a new SQLite store whole or not at all, by one process at a time; other stores are as they are."""
    file = sqlite_file(uri)
    if file is None or (file.exists() and file.stat().st_size):
        return
    with one_at_a_time(uri):
        if file.exists() and file.stat().st_size:
            return
        partial = file.with_name(f".{file.name}.partial")
        for left in (partial, partial.with_name(f"{partial.name}-journal")):
            left.unlink(missing_ok=True)  # of a process that was killed: the lock is ours
        try:
            mlflow.MlflowClient(tracking_uri=f"sqlite:///{partial}").search_experiments(max_results=1)
            partial.replace(file)
        finally:
            partial.unlink(missing_ok=True)


@contextmanager
def one_at_a_time(uri: str) -> Iterator[None]:
    """Let one process of this machine at a time into the block; only where the store is an SQLite file."""
    file = sqlite_file(uri)
    if file is None:
        yield
        return
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network disks lock no folder
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def artifact_root(uri: str) -> str | None:
    """Return where a local store keeps its files (``mlruns`` beside it); None where a server decides."""
    path = sqlite_file(uri)
    return None if path is None else (path.absolute().parent / "mlruns").as_uri()


def ui_command(uri: str, port: int) -> list[str]:
    """Return the command that serves MLflow's pages for `uri` on this machine only.

    A URI with a password is not in it, where every user of the machine could read it, but handed over by
    `ui_environment`.
    """
    command = [sys.executable, "-m", "mlflow", "ui"]
    if not ui_environment(uri):
        command += ["--backend-store-uri", uri]
    root = artifact_root(uri)
    if root:
        command += ["--default-artifact-root", root]
    return [*command, "--host", "127.0.0.1", "--port", str(port)]


def ui_environment(uri: str) -> dict[str, str]:
    """Return what the server of MLflow's pages must find in its environment: a URI with a password."""
    return {} if plain_uri(uri) == uri else {_BACKEND: uri}


def keep_offline() -> None:
    """Tell MLflow, before it is imported, to send nothing about its use to anyone."""
    for switch in ("MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
        os.environ[switch] = "true"
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")


def sqlite_file(uri: str) -> Path | None:
    """Return the file of an SQLite store, None for any other."""
    if not uri.startswith("sqlite"):
        return None
    return _path_in(uri)


def _path_in(uri: str) -> Path:
    return Path(uri.split("///", 1)[-1].split("?")[0]).expanduser()
