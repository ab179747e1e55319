"""A process is known by its name, also when another has its number."""

from __future__ import annotations

import os
from pathlib import Path

import killed_process
import pytest

from pipeline.artifacts import owners, replace_file
from pipeline.artifacts.owners import is_gone, left_behind, partial_prefix, remove, this_process


@pytest.fixture(scope="module")
def ended() -> str:
    return killed_process.ended()


def test_this_process_runs_and_one_that_ended_is_gone(ended: str) -> None:
    assert not is_gone(this_process())
    assert ended != this_process()
    assert is_gone(ended)


def test_another_process_of_the_same_number_is_another() -> None:
    machine, number, start = this_process().split("-")
    assert is_gone(f"{machine}-{number}-{int(start) + 1}")


def test_one_that_ended_and_was_not_asked_for_is_gone() -> None:
    process = killed_process.python(killed_process.SAY)
    assert process.stdout is not None
    name = process.stdout.read().strip()  # it has ended, but nobody has waited for it
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert is_gone(name)
    process.communicate()
    assert is_gone(name)


@pytest.mark.parametrize("owner", ["", "mlflow", "0123456-1-1", "zzzzzzzz-1-1", "00000000-1-1"])
def test_whoever_cannot_be_seen_from_here_counts_as_running(owner: str) -> None:
    assert not is_gone(owner)


def test_a_container_is_a_machine_of_its_own(monkeypatch: pytest.MonkeyPatch, ended: str) -> None:
    monkeypatch.setattr(owners.platform, "node", lambda: "elsewhere")
    assert not is_gone(ended)


def test_what_a_killed_process_had_half_written_is_found(tmp_path: Path, ended: str) -> None:
    mine = tmp_path / f"{partial_prefix(tmp_path / 'run')}abc.partial"
    theirs = tmp_path / f".run.{ended}.abc.partial"
    for folder in (mine, theirs):
        (folder / "tables").mkdir(parents=True)
    (tmp_path / ".somebody-else.partial").touch()
    assert left_behind(tmp_path) == [theirs]
    remove(theirs)
    assert left_behind(tmp_path) == []
    assert mine.is_dir()
    remove(tmp_path / "was never there")


def test_a_name_with_dots_is_no_hindrance(tmp_path: Path, ended: str) -> None:
    (tmp_path / f".run.v1.2.{ended}.x.partial").touch()
    assert len(left_behind(tmp_path)) == 1


def test_a_link_is_removed_and_not_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    remove(tmp_path / "link")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["kept"]


def test_a_file_being_replaced_bears_its_owners_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr(Path, "chmod", lambda *_: seen.extend(p.name for p in tmp_path.iterdir()))
    replace_file(tmp_path / "run.json", b"{}")
    assert [this_process() in name for name in seen] == [True]
