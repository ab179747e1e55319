"""A folder that is whole or not there: made under a temporary name beside its place, then renamed."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.artifacts.owners import PARTIAL, partial_prefix
from pipeline.schema import InputError

# What the operating system says, and what a user can do about it.
_REMEDIES = {
    errno.ENOSPC: "the disk is full; free some space or choose another place with --out",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another place with --out",
    errno.EROFS: "the disk is read-only; choose another place with --out",
    errno.EACCES: "no permission to write there; choose another place with --out",
    errno.EPERM: "no permission to write there; choose another place with --out",
    errno.ENOTDIR: "part of that path is a file, not a folder; choose another place with --out",
    errno.EFBIG: "it would be larger than files may be here (ulimit -f); choose another place with --out",
    errno.ELOOP: "its links lead in a circle; choose another place with --out",
    errno.ENAMETOOLONG: "that name is too long for this disk; choose a shorter one with --out",
}


def plain_os_error(error: OSError, path: Path | str | None = None) -> str:
    """Return one sentence: the place, what is wrong with it and, of a disk that takes nothing, what to do."""
    place = path or error.filename or "the output"
    said = _REMEDIES.get(error.errno or 0)
    if said is None:
        return f"{place}: {(error.strerror or str(error)).lower()}"
    return f"cannot write {place}: {said}"


def claim_folder(target: Path) -> None:
    """Raise an InputError unless a new folder can be made at `target`; leaves nothing behind.

    Meant to be called before any work, so that an hour is not spent on a run that cannot be kept.
    """
    if target.exists() or target.is_symlink():
        raise InputError(f"{target} exists already and nothing is overwritten; choose another --out")
    standing = next(p for p in (target.parent, *target.parent.parents) if p.exists())
    try:
        probe = tempfile.mkdtemp(prefix=".lungio-probe-", dir=standing)
        os.rmdir(probe)
    except OSError as error:
        raise InputError(plain_os_error(error, target)) from error


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes `target` when the block ends well and vanishes when it does not.

    Raises
    ------
    InputError
        When `target` exists, or the disk is full, read-only or closed to us. Nothing half-written stays:
        not the folder, and not the parents that were made for it.
    """
    claim_folder(target)
    made = [p for p in (target.parent, *target.parent.parents) if not p.exists()]
    partial: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=partial_prefix(target), suffix=PARTIAL, dir=target.parent))
        partial.chmod(0o755)
        yield partial
        partial.rename(target)
    except BaseException as error:
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)
        for parent in made:
            with suppress(OSError):
                parent.rmdir()
        if isinstance(error, OSError) and error.errno in (errno.EEXIST, errno.ENOTEMPTY) and target.exists():
            raise InputError(f"{target} was made meanwhile and nothing is overwritten") from error
        if isinstance(error, OSError) and error.errno in _REMEDIES:
            raise InputError(plain_os_error(error, target)) from error
        raise


def replace_file(path: Path, content: bytes) -> None:
    """Write `content` at `path` whole or not at all, in place of what was there."""
    handle, name = tempfile.mkstemp(prefix=partial_prefix(path), suffix=PARTIAL, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException as error:
        Path(name).unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in _REMEDIES:
            raise InputError(plain_os_error(error, path)) from error
        raise
