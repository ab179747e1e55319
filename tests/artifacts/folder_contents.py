"""What a folder holds."""

from __future__ import annotations

from pathlib import Path


def everything(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))
