"""Processes that have ended, one by itself, one killed while it wrote a folder; known by their names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SAY = "from pipeline.artifacts.owners import this_process; print(this_process(), flush=True)\n"
WRITE = """
import os, signal, sys
from pathlib import Path
from pipeline.artifacts import new_folder
from pipeline.artifacts.sole_writer import sole_writer
target = Path(sys.argv[1])
with sole_writer(target, {"config_sha256": "c"}), new_folder(target) as partial:
    (partial / "half.txt").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def python(script: str, *words: str) -> subprocess.Popen[str]:
    """Start a script that can import us."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", script, *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def ended() -> str:
    """Return the name of a process that has ended."""
    return python(SAY).communicate()[0].strip()


def killed_writing(target: Path) -> str:
    """Kill a process that is about to make the folder `target`, and return its name."""
    process = python(SAY + WRITE, str(target))
    name = process.communicate()[0].strip()
    assert process.returncode == -9
    return name
