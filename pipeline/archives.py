"""Zip archives from outside: refused before they are unpacked when they would not fit."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Final

from pipeline.schema import InputError

LARGEST_BYTES: Final = 2**31  # unpacked; a hundred times the largest model or workbook of ours
GIB: Final = 2**30


def check_unpacked(archive: zipfile.ZipFile, path: Path, largest: int = LARGEST_BYTES) -> None:
    """Raise an InputError when what `archive` says it holds is larger than `largest` bytes unpacked.

    What it says can be relied on: of a member that holds more, Python reads no more than that.
    """
    size = sum(member.file_size for member in archive.infolist())
    if size > largest:
        raise InputError(
            f"{path}: {path.stat().st_size:,} bytes that unpack to {size / GIB:,.1f} GiB; at most "
            f"{largest / GIB:g} GiB are read"
        )
