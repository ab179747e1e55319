"""Fingerprints of tables, values, files and folders, and the commit."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.artifacts import file_digest, folder_digest, git_commit, table_digest, value_digest


def test_a_table_digest_does_not_depend_on_storage_types() -> None:
    a = pd.DataFrame({"n": [1, 0], "b": [True, False], "t": ["x", None]}).rename_axis("patient")
    b = pd.DataFrame({"n": [1.0, -0.0], "b": [1.0, 0.0], "t": pd.Categorical(["x", None])}).rename_axis(
        "patient"
    )
    assert table_digest(a) == table_digest(b)


@pytest.mark.parametrize(
    "other",
    [
        pd.DataFrame({"n": [1.0, 2.0 + 1e-15]}),
        pd.DataFrame({"n": [2.0, 1.0]}),
        pd.DataFrame({"m": [1.0, 2.0]}),
        pd.DataFrame({"n": [1.0, np.nan]}),
        pd.DataFrame({"n": [1.0, 2.0]}, index=[1, 2]),
        pd.DataFrame({"n": ["1.0", "2.0"]}),
    ],
    ids=["value", "order", "name", "missing", "index", "text"],
)
def test_a_table_digest_sees_every_change(other: pd.DataFrame) -> None:
    assert table_digest(pd.DataFrame({"n": [1.0, 2.0]})) != table_digest(other)


def test_a_table_digest_is_the_same_on_every_machine() -> None:
    frame = pd.DataFrame({"n": [0.1, np.nan], "t": ["ä", "b"]}).rename_axis("patient")
    assert table_digest(frame) == DIGEST_OF_A_KNOWN_TABLE


DIGEST_OF_A_KNOWN_TABLE = "798de386945b717c1128b4424cd1507fc95e69b2b405f666f85a714b6018a022"


def test_digests_of_values_files_and_folders(tmp_path: Path) -> None:
    assert value_digest({"a": 1, "b": [1, 2]}) == value_digest({"b": (1, 2), "a": 1})
    assert value_digest({"a": 1}) != value_digest({"a": 2})
    (tmp_path / "x.yaml").write_bytes(b"")
    assert file_digest(tmp_path / "x.yaml").startswith("e3b0c44298fc1c14")  # SHA-256 of nothing
    before = folder_digest(tmp_path)
    (tmp_path / "x.yaml").rename(tmp_path / "y.yaml")
    assert folder_digest(tmp_path) != before


def test_the_commit_is_told_in_a_checkout_only(tmp_path: Path) -> None:
    assert git_commit(tmp_path) is None
    for words in (
        ["init", "-q"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "x"],
    ):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True, capture_output=True)
    found = git_commit(tmp_path)
    assert found is not None
    assert len(found["commit"]) == 40
    assert found["changed"] is False
    (tmp_path / "inside").mkdir()
    assert git_commit(tmp_path / "inside") is None
