"""One process at a time, and a killed one is known by what it leaves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from killed_process import killed_writing

from pipeline.artifacts.sole_writer import is_held, lock_file, locked_place, read_lock, sole_writer
from pipeline.schema import InputError

from .folder_contents import everything


def test_nothing_is_left_of_work_that_ended(tmp_path: Path) -> None:
    with sole_writer(tmp_path / "deep" / "run") as earlier:
        assert earlier is None
        assert everything(tmp_path) == ["deep", "deep/.run.lock"]
    assert everything(tmp_path) == []
    with pytest.raises(KeyboardInterrupt), sole_writer(tmp_path / "run"):
        raise KeyboardInterrupt
    assert everything(tmp_path) == []


def test_a_second_one_is_refused_and_told_who_is_at_work(tmp_path: Path) -> None:
    with sole_writer(tmp_path / "run"):
        assert is_held(lock_file(tmp_path / "run"))
        with (
            pytest.raises(InputError, match=r"run is being written \(process \d+, since 20"),
            sole_writer(tmp_path / "run"),
        ):
            raise AssertionError("two at once")
        with sole_writer(tmp_path / "another"):
            pass
    with sole_writer(tmp_path / "run"):
        pass


def test_a_killed_one_leaves_its_mark_and_the_next_clears_up(tmp_path: Path) -> None:
    target = tmp_path / "run"
    owner = killed_writing(target)
    left = everything(tmp_path)
    assert "run" not in left
    assert ".run.lock" in left
    assert [name for name in left if name.endswith("half.txt")]
    lock = lock_file(target)
    assert not is_held(lock)
    assert locked_place(lock) == target
    told = read_lock(lock)
    assert told is not None
    assert told["config_sha256"] == "c"
    assert told["process"] == owner
    with sole_writer(target) as earlier:
        assert earlier == told
        assert everything(tmp_path) == [".run.lock"]
        assert read_lock(lock) != told
    assert everything(tmp_path) == []


def test_half_written_files_inside_the_folder_go_as_well(tmp_path: Path) -> None:
    owner = killed_writing(tmp_path / "run")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").touch()
    (tmp_path / "run" / f".run.json.{owner}.x.partial").touch()
    with sole_writer(tmp_path / "run"):
        assert everything(tmp_path / "run") == ["run.json"]


@pytest.mark.parametrize("content", ["", "{", "[]", json.dumps({"since": "today"})])
def test_a_mark_that_says_nothing_whole_is_none(tmp_path: Path, content: str) -> None:
    lock = lock_file(tmp_path / "run")
    lock.write_text(content)
    assert read_lock(lock) is None
    with sole_writer(tmp_path / "run") as earlier:
        assert earlier is None
    assert not is_held(lock)
