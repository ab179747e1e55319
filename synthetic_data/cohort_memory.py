"""Memory of a cohort: its tables filled block by block, and how many patients there is room for."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.schema import InputError
from synthetic_data.patients import BLOCK, draw_block
from synthetic_data.population import Population

SAMPLE: Final = 1_024  # patients whose tables are weighed
IDENTIFIER_BYTES: Final = 96  # of a patient's name and of its place in the indexes of two tables
SPARE: Final = 1.5  # of the tables: what checking and joining them holds besides, for a moment
WRITTEN: Final = 2.6  # the same, when they are also written and estimated from; measured to a million
ASSUMED_MEMORY: Final = 16 * 2**30  # where the system does not say what is free


class GrowingTable:
    """Tables one under the other, each copied into its place as it comes, so that nothing is held twice.

    Parameters
    ----------
    rows : int
        At least as many as the tables have together.
    """

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._filled = 0
        self._only: pd.DataFrame | None = None
        self._types: dict[str, Any] = {}
        self._columns: dict[str, NDArray[Any]] = {}
        self._index: list[NDArray[Any]] = []
        self._name: Any = None

    def add(self, table: pd.DataFrame) -> None:
        """Append a table with the columns of the others."""
        if not self._index and len(table) == self._rows:
            self._only = table
            return
        self._name = table.index.name
        self._index.append(table.index.to_numpy())
        for name, values in table.items():
            self._fill(str(name), values)
        self._filled += len(table)

    def _fill(self, name: str, values: pd.Series[Any]) -> None:
        if isinstance(values.dtype, pd.CategoricalDtype):
            self._types[name], numbers = values.dtype, values.cat.codes.to_numpy()
        else:
            numbers = values.to_numpy()
        if name not in self._columns:
            self._columns[name] = np.empty(self._rows, dtype=numbers.dtype)
        self._columns[name][self._filled : self._filled + len(numbers)] = numbers

    def table(self) -> pd.DataFrame:
        """Return them all as one table."""
        if self._only is not None:
            return self._only
        columns: dict[str, Any] = {name: values[: self._filled] for name, values in self._columns.items()}
        for name, dtype in self._types.items():
            columns[name] = pd.Categorical.from_codes(columns[name], dtype=dtype)
        index = pd.Index(np.concatenate(self._index), name=self._name)
        return pd.DataFrame(columns, index=index, copy=False)


def check_memory(population: Population, n: int, remedy: str = "draw fewer", spare: float = SPARE) -> None:
    """Raise an InputError when `spare` times the tables of `n` patients is more than what memory is free."""
    if n <= BLOCK:
        return
    needed, free = n * patient_bytes(population) * spare, free_memory()
    if needed > free:
        raise InputError(
            f"{n:,} patients need about {needed / 2**30:,.0f} GiB of memory, and {free / 2**30:,.1f} GiB are "
            f"free; {remedy}"
        )


def patient_bytes(population: Population) -> float:
    """Return how much memory all tables of a patient take, weighed on a few that are drawn."""
    block = draw_block(population, (0,), 0, SAMPLE, "x")
    tables = [block.observed, block.truth]
    tables += [] if block.events is None else [block.events]
    tables += [] if block.visits is None else [block.visits.observed, block.visits.true]
    return IDENTIFIER_BYTES + sum(float(t.memory_usage(index=False).sum()) for t in tables) / SAMPLE


def free_memory() -> float:
    """Return the bytes of memory that programs can still have."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return 1024.0 * next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        pages = os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
        return float(pages * os.sysconf("SC_PAGE_SIZE")) if pages else float(ASSUMED_MEMORY)


def check_disk(population: Population, n: int, place: Path) -> None:
    """Raise an InputError when the tables of `n` patients are larger than the free disk space at `place`."""
    standing = next(p for p in (place, *place.absolute().parents) if p.exists())
    needed, free = n * patient_bytes(population), shutil.disk_usage(standing).free
    if n > BLOCK and needed > free:
        raise InputError(
            f"{n:,} patients need up to {needed / 2**30:,.0f} GiB of disk space at {place}, and "
            f"{free / 2**30:,.1f} GiB are free; draw fewer, or choose another place with --out"
        )
