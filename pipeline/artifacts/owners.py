"""Whose work something is: a process by a name that tells later whether it still runs."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
from pathlib import Path
from typing import Final

import psutil

LETTERS: Final = 8
NAME: Final = re.compile(rf"([0-9a-f]{{{LETTERS}}})-(\d+)-(\d+)$")
STATE, START = 0, 19  # of /proc/<number>/stat, counted behind the program's name
ENDED: Final = -1
PARTIAL: Final = ".partial"


def this_process() -> str:
    """Return a name that no other process has, before or after: machine, number and start."""
    return f"{_machine()}-{os.getpid()}-{_start(os.getpid())}"


def is_gone(owner: str) -> bool:
    """Whether the process called `owner` has ended; one of another machine or container counts as running."""
    parts = NAME.match(owner)
    if parts is None or parts[1] != _machine():
        return False
    number = int(parts[2])
    return not psutil.pid_exists(number) or _start(number) not in (None, int(parts[3]))


def _start(number: int) -> int | None:
    """Return when a process began, `ENDED` when nobody has asked for its result yet, None when it is hidden.

    Linux counts from the start of the machine, for the clock may be set while a process runs.
    """
    try:
        content = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        try:
            return None if Path("/proc/self/stat").exists() else round(psutil.Process(number).create_time())
        except psutil.Error:
            return None
    fields = content.rpartition(")")[2].split()
    return ENDED if fields[STATE] in ("Z", "X") else int(fields[START])


def _machine() -> str:
    """Return eight letters for this machine and, in a container, for those processes that it can see."""
    space = Path("/proc/self/ns/pid")
    seen = space.readlink() if space.is_symlink() else ""
    return hashlib.sha256(f"{platform.node()} {seen}".encode()).hexdigest()[:LETTERS]


def partial_prefix(target: Path) -> str:
    """Return how the temporary name of what this process writes at `target` begins."""
    return f".{target.name}.{this_process()}."


def left_behind(folder: Path) -> list[Path]:
    """Return temporary files and folders in `folder` whose process is gone."""
    found = []
    for path in sorted(folder.glob(f".*{PARTIAL}")):
        parts = path.name.rsplit(".", 3)
        if len(parts) == 4 and is_gone(parts[1]):
            found.append(path)
    return found


def remove(path: Path) -> None:
    """Remove a file or a folder with all it holds, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
