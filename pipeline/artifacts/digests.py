"""Fingerprints: the same patients, evidence or configuration give the same SHA-256 on every machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


def table_digest(frame: pd.DataFrame) -> str:
    """Return the SHA-256 of a table's column names, values and row order, whatever wrote or read it.

    Numbers and booleans count by their 64-bit value (so 1, 1.0 and True are the same), every missing value
    is alike, and text counts by its UTF-8 letters; the index counts as a first column.
    """
    digest = hashlib.sha256()
    columns: list[pd.Series[Any]] = [frame.index.to_series(), *(frame[name] for name in frame)]
    for name, values in zip([frame.index.name, *frame.columns], columns, strict=True):
        digest.update(json.dumps(str(name)).encode())
        if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
            digest.update(b"number")
            numbers = values.to_numpy(dtype="<f8", na_value=np.nan) + 0.0  # -0.0 becomes 0.0
            numbers[np.isnan(numbers)] = np.nan
            digest.update(numbers.astype("<f8").tobytes())
        else:
            digest.update(b"text")
            digest.update(json.dumps([None if pd.isna(v) else str(v) for v in values]).encode())
    return digest.hexdigest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_digest(folder: Path, pattern: str = "**/*.yaml") -> str:
    """Return one SHA-256 for all matching files: their names below `folder` and their bytes."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.glob(pattern) if p.is_file()):
        digest.update(f"{path.relative_to(folder).as_posix()} {file_digest(path)}\n".encode())
    return digest.hexdigest()


def value_digest(value: Any) -> str:
    """Return the SHA-256 of a JSON-ready value; the order of a mapping's keys does not count."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=_plain).encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Iterable):
        return list(value)
    return str(value)
