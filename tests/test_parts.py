"""A table written in parts: the same table whatever the size of the parts and of what arrives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.artifacts.parts import PartWriter

TABLE = pd.DataFrame(
    {"months": np.linspace(0, 1, 23), "arm": pd.Categorical(["a", "b"] * 11 + ["a"])},
    index=pd.Index([f"p{i}" for i in range(23)], name="patient"),
)


@pytest.mark.parametrize("rows", [1, 4, 7, 23, 100])
@pytest.mark.parametrize("arriving", [1, 5, 23])
def test_parts_read_together_are_the_table(tmp_path: Path, rows: int, arriving: int) -> None:
    writer = PartWriter(tmp_path / "made", rows)
    for start in range(0, 23, arriving):
        writer.add(TABLE.iloc[start : start + arriving])
    writer.finish()
    files = sorted((tmp_path / "made").iterdir())
    assert writer.written == 23
    assert len(files) == writer.parts == -(-23 // rows)
    assert [len(pd.read_parquet(f)) for f in files][:-1] == [rows] * (len(files) - 1)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "made"), TABLE, check_exact=True)


def test_an_index_without_a_name_is_not_written_and_an_empty_table_keeps_its_columns(tmp_path: Path) -> None:
    plain = TABLE.reset_index(drop=True)
    for name, table in (("plain", plain), ("empty", plain.iloc[:0])):
        writer = PartWriter(tmp_path / name, 10)
        writer.add(table)
        writer.finish()
        read = pd.read_parquet(tmp_path / name)
        assert list(read) == ["months", "arm"]
        assert len(read) == len(table)
