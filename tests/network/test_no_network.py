"""A whole run, report and MLflow included, asks for no address but its tracking server's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from faults.scene import EXPERIMENT
from faults.stores import vanishing_server

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
GUARD = Path(__file__).with_name("guard.py")
# What silences MLflow or says that a test is running: lungio must be as silent without them.
FROM_OUTSIDE = ("MLFLOW_", "PYTEST_", "DO_NOT_TRACK", "CI", "GITHUB_")


def guarded(folder: Path, *words: str, allowed: str = "", alone: bool = False) -> tuple[int, list[str], str]:
    """Run Python with `words`, watched; return exit code, every address asked for, and what it said."""
    log, path = folder / "network.log", folder / "guard"
    path.mkdir(exist_ok=True)
    shutil.copy(GUARD, path / "sitecustomize.py")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(FROM_OUTSIDE)}
    environment |= {"PYTHONPATH": f"{path}{os.pathsep}{ROOT}", "NETWORK_LOG": str(log)}
    environment |= {"NETWORK_ALLOWED": allowed, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}
    space = ["unshare", "--user", "--map-root-user", "--net"] if alone else []
    command = [*space, sys.executable, *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    asked = log.read_text().splitlines() if log.exists() else []
    return done.returncode, asked, done.stdout + done.stderr


def can_be_alone() -> bool:
    """Whether a process can be given a network of its own, with nothing in it."""
    try:
        return subprocess.run(["unshare", "--user", "--map-root-user", "--net", "true"]).returncode == 0
    except OSError:
        return False


def test_a_run_asks_for_no_address(tmp_path: Path) -> None:
    """In a network with nothing in it, where the system lets us make one: compiled code is held too."""
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(EXPERIMENT), encoding="utf-8")
    words = ("-m", "experiments.cli", "run", "mine.yaml", "--out", "one")
    code, asked, said = guarded(tmp_path, *words, alone=can_be_alone())
    assert code == 0, said
    assert asked == []
    assert (tmp_path / "one" / "report.html").is_file()
    assert (tmp_path / "mlflow.db").is_file()


def test_a_tracking_server_is_the_only_address(tmp_path: Path, small_run: Path) -> None:
    with vanishing_server(answers=3) as port:
        place = f"127.0.0.1:{port}"
        words = ("-m", "experiments.cli", "push", str(small_run), "--tracking-uri", f"http://{place}")
        code, asked, said = guarded(tmp_path, *words, allowed=place)
    assert code == 5, said
    assert set(asked) == {place, "127.0.0.1"}


@pytest.mark.parametrize(
    ("script", "address"),
    [
        ("import socket; socket.create_connection(('192.0.2.1', 80), 1)", "192.0.2.1"),
        ("import urllib.request as u; u.urlopen('http://example.invalid/', timeout=1)", "example.invalid"),
        ("import socket; socket.socket(2, 2).sendto(b'x', ('192.0.2.1', 53))", "192.0.2.1:53"),
        ("import subprocess as s, sys; s.run([sys.executable, '-c', "
         "\"import socket; socket.socket().connect(('192.0.2.1', 80))\"], check=True)", "192.0.2.1:80"),
    ],
)  # fmt: skip
def test_the_guard_sees_what_it_is_there_for(tmp_path: Path, script: str, address: str) -> None:
    code, asked, _ = guarded(tmp_path, "-c", script)
    assert code != 0
    assert address in asked


def test_mlflow_would_have_told(tmp_path: Path) -> None:
    """The twin: the same library, not told to be silent, asks for its maker's address."""
    script = (
        "import mlflow, time\n"
        "from mlflow.telemetry.utils import is_telemetry_disabled\n"
        "from mlflow.telemetry.client import get_telemetry_client\n"
        "print(is_telemetry_disabled(), get_telemetry_client() is None)\n"
    )
    loud = guarded(tmp_path, "-W", "ignore", "-c", script)[2]
    quiet = guarded(
        tmp_path, "-W", "ignore", "-c",
        "from pipeline.tracking.store import keep_offline; keep_offline()\n" + script,
    )[2]  # fmt: skip
    assert "False False" in loud
    assert "True True" in quiet
