"""A table too large for memory, written as a folder of Parquet files while its rows arrive."""

from __future__ import annotations

from pathlib import Path

import pandas as pd


class PartWriter:
    """Writes the tables it is given, one under the other, as files of equally many rows.

    An index is written when it has a name. The files differ with the number of rows only: read
    together they are the same table. Use inside `new_folder`, so that a broken job leaves none behind.

    Parameters
    ----------
    folder : Path
        To be made.
    rows : int
        Of each file; the last one may have fewer.
    """

    def __init__(self, folder: Path, rows: int) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.parts = 0
        self.written = 0
        self._rows = rows
        self._waiting: list[pd.DataFrame] = []
        self._count = 0

    def add(self, table: pd.DataFrame) -> None:
        """Append a table with the columns of the others."""
        start = 0
        while len(table) - start >= self._rows - self._count:
            end = start + self._rows - self._count
            self._waiting.append(table.iloc[start:end])
            self._write()
            start = end
        if start < len(table) or not (self.parts or self._waiting):
            self._waiting.append(table.iloc[start:])
            self._count += len(table) - start

    def finish(self) -> None:
        """Write the rows that have not filled a file."""
        if self._waiting:
            self._write()

    def _write(self) -> None:
        part = self._waiting[0] if len(self._waiting) == 1 else pd.concat(self._waiting)
        named = part.index.name is not None
        part.to_parquet(self.folder / f"part-{self.parts:05d}.parquet", index=named)
        self.written += len(part)
        self.parts += 1
        self._waiting, self._count = [], 0
