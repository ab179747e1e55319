"""One process at a time at work on a folder, and a mark that tells of one that was killed there."""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final

from pipeline.artifacts.owners import left_behind, remove, this_process
from pipeline.schema import InputError

LOCK: Final = ".lock"


@contextmanager
def sole_writer(target: Path, about: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any] | None]:
    """Let one process at a time work on `target`, and let a killed one be known by what it leaves.

    A hidden file beside `target` is locked while the block lasts and says who works there; it goes when the
    block ends, well or not. The system drops the lock of a killed process but leaves the file: a file that
    nobody has locked marks work that was killed. Whoever comes next takes it over and clears away what the
    killed one had half written.

    Parameters
    ----------
    target : Path
    about : mapping, optional
        JSON-ready; stands in the file.

    Yields
    ------
    dict or None
        What the file of a killed predecessor says, if there was one.

    Raises
    ------
    InputError
        When another process is at work there.
    """
    made = [p for p in (target.parent, *target.parent.parents) if not p.exists()]
    lock = lock_file(target)
    since = dt.datetime.now().astimezone().isoformat(timespec="seconds")
    said = {"process": this_process(), "number": os.getpid(), "since": since, **(about or {})}
    try:
        file = _locked(lock)
        if file is None:
            told = read_lock(lock)
            who = f"process {told['number']}, since {told['since']}" if told else "another process"
            raise InputError(f"{target} is being written ({who}); wait for it, or choose another --out")
        with file:
            earlier = read_lock(lock)
            try:
                file.seek(0)
                file.truncate()
                file.write(json.dumps(said) + "\n")
                file.flush()
                for path in left_behind(target.parent):
                    if path.name.startswith(f".{target.name}."):
                        remove(path)
                for path in left_behind(target):
                    remove(path)
                yield earlier
            finally:
                lock.unlink(missing_ok=True)
    finally:
        for parent in made:
            with suppress(OSError):
                parent.rmdir()


def lock_file(target: Path) -> Path:
    """Return the file that says who works on `target`."""
    return target.with_name(f".{target.name}{LOCK}")


def locked_place(lock: Path) -> Path:
    """Return what the file `lock` says somebody works on."""
    return lock.with_name(lock.name.removeprefix(".").removesuffix(LOCK))


def read_lock(lock: Path) -> dict[str, Any] | None:
    """Return what a lock file says, None when it is not there or says nothing whole."""
    try:
        said = json.loads(lock.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    whole = isinstance(said, dict) and {"number", "since"} <= said.keys()
    return said if whole else None


def is_held(file: Path) -> bool:
    """Whether a process that lives has locked `file`."""
    try:
        with file.open("rb") as content:
            fcntl.flock(content, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def _locked(lock: Path) -> IO[str] | None:
    """Return the file, locked; None when somebody else has it."""
    while True:
        lock.parent.mkdir(parents=True, exist_ok=True)
        try:
            file = lock.open("a+", encoding="utf-8")
        except FileNotFoundError:
            continue  # another process, done with a folder it had made, has just removed it
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if lock.exists() and lock.stat().st_ino == os.fstat(file.fileno()).st_ino:
                return file  # and not a file that its last holder removed a moment ago
        except BlockingIOError:
            file.close()
            return None
        file.close()
