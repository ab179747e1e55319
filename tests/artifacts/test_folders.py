"""A folder is whole or not there."""

from __future__ import annotations

import errno
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

import pytest

from pipeline.artifacts import claim_folder, new_folder, plain_os_error, replace_file
from pipeline.schema import InputError

from .folder_contents import everything


def test_a_new_folder_appears_whole_and_under_its_name_only(tmp_path: Path) -> None:
    with new_folder(tmp_path / "deep" / "run") as partial:
        (partial / "a.txt").write_text("a")
        assert not (tmp_path / "deep" / "run").exists()
    assert everything(tmp_path) == ["deep", "deep/run", "deep/run/a.txt"]


@pytest.mark.parametrize("error", [ValueError("bug"), KeyboardInterrupt(), SystemExit(1)])
def test_whatever_stops_the_writing_nothing_stays(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)), new_folder(tmp_path / "deep" / "run") as partial:  # noqa: PT012
        (partial / "a.txt").write_text("a")
        raise error
    assert everything(tmp_path) == []


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EROFS, "the disk is read-only"),
        (errno.EACCES, "no permission"),
        (errno.EDQUOT, "quota"),
    ],
)
def test_a_full_or_closed_disk_is_one_plain_message(tmp_path: Path, number: int, said: str) -> None:
    with pytest.raises(InputError, match=said), new_folder(tmp_path / "run") as partial:  # noqa: PT012
        (partial / "a.txt").write_text("half")
        raise OSError(number, "as the system says it", str(partial / "b.txt"))
    assert everything(tmp_path) == []


def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    """On a file system of one megabyte, in a mount namespace of its own."""
    script = (
        "import sys; from pathlib import Path; from pipeline.artifacts import new_folder\n"
        "try:\n"
        "    with new_folder(Path(sys.argv[1]) / 'run') as partial:\n"
        "        (partial / 'big').write_bytes(bytes(5_000_000))\n"
        "except Exception as error: print(type(error).__name__, error, list(Path(sys.argv[1]).iterdir()))\n"
    )
    mount = f'mount -t tmpfs -o size=1m none {tmp_path} && exec {sys.executable} -c "$0" {tmp_path}'
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, script]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except FileNotFoundError:
        pytest.skip("no unshare on this machine")
    if not done.stdout:
        pytest.skip(f"no small file system can be mounted here: {done.stderr.strip()[-80:]}")
    assert done.stdout.startswith("InputError cannot write")
    assert "the disk is full" in done.stdout
    assert done.stdout.rstrip().endswith("[]")


def test_an_existing_place_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with pytest.raises(InputError, match="exists already"):
        claim_folder(tmp_path / "run")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        claim_folder(tmp_path / "file" / "run")
    assert everything(tmp_path) == ["file", "run"]


def test_a_read_only_place_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    with pytest.raises(InputError, match="read-only; choose another place with --out"):
        claim_folder(tmp_path / "run")


def test_claiming_leaves_no_trace(tmp_path: Path) -> None:
    claim_folder(tmp_path / "a" / "b" / "run")
    assert everything(tmp_path) == []


def test_a_file_is_replaced_whole_or_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.html"
    replace_file(path, b"old")

    def full(*_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(InputError, match="the disk is full"):
        replace_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert everything(tmp_path) == ["report.html"]


def test_an_unknown_system_error_keeps_its_own_words() -> None:
    assert plain_os_error(FileNotFoundError(2, "No such file", "x.csv")) == "x.csv: no such file"
