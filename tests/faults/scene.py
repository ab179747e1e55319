"""A fault, provoked in an empty folder: what the user is told, and what is on disk afterwards."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml
from made_run import SMALL
from typer.testing import CliRunner

from experiments.cli import app

ROOT = Path(__file__).resolve().parents[2]
DYING = Path(__file__).with_name("dying.py")
QUICK = {
    **SMALL,
    "models": {"cox": {"penalties": [0.1]}, "pdl1": {}},
    "explanation": {"patients": 5, "waterfalls": 1, "horizon_months": 12},
}
EXPERIMENT: dict[str, Any] = {
    "name": "small",
    "seed": 1,
    "train": {"cohort": "keynote_189", "patients": 200},
    "external": {"patients": 150},
    "analysis": QUICK,
}


@dataclass(frozen=True)
class Outcome:
    """What came of a fault.

    Attributes
    ----------
    command : str
        As a user would have typed it.
    code : int
        Exit code; that of a killed process is minus its signal.
    said : str
        On stderr, in one line.
    then : str
        What whoever goes on finds or does; empty where nothing is to be done but mending the fault.
    """

    command: str
    code: int
    said: str
    then: str = ""


@dataclass
class Scene:
    """An empty working directory with what faults are made from."""

    here: Path
    store: Path
    run: Path
    patch: pytest.MonkeyPatch
    before: dict[str, str] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)

    def refuse(self, place: object, name: str, error: Exception) -> None:
        """Let `name` of `place` end as on a disk, in a folder or store that takes nothing."""

        def refused(*_: object, **__: object) -> NoReturn:
            raise error

        self.patch.setattr(place, name, refused)

    def file(self, name: str, content: str | bytes | dict[str, Any]) -> str:
        """Write a file into the folder, a mapping as YAML, and return its name."""
        if isinstance(content, dict):
            content = yaml.safe_dump(content)
        (self.here / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return name

    def experiment(self, **changes: Any) -> str:
        """Write ``mine.yaml``, a small experiment, and return its name."""
        return self.file("mine.yaml", EXPERIMENT | changes)

    def lungio(self, *words: object) -> Outcome:
        """Call the command as a user does, and note what was there before and what is now."""
        self.before = contents(self.here)
        outcome = self.again(*words)
        self.after = contents(self.here)
        return outcome

    def again(self, *words: object) -> Outcome:
        """Call the command once more, after what is to be looked at."""
        result = CliRunner().invoke(app, [str(word) for word in words])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert "Traceback" not in result.output
        return Outcome(typed(words), result.exit_code, result.stderr.removeprefix("lungio: ").strip())

    def dying(self, place: str, after: int, *words: object) -> Outcome:
        """Call the command in a process that is killed when `place` is called once more than `after`."""
        self.before = contents(self.here)
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        command = [sys.executable, str(DYING), place, str(after), *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
        assert done.returncode == -9, done.stderr
        self.after = contents(self.here)
        return Outcome(typed(words), done.returncode, "")

    def filed(self, name: str = "mlflow.db") -> str:
        """Put an empty store into the folder and return its name."""
        shutil.copy(self.store, self.here / name)
        return name

    def finished_run(self, name: str = "run") -> Path:
        """Put a copy of a finished run into the folder."""
        return Path(shutil.copytree(self.run, self.here / name))

    def left(self) -> str:
        """Say what the command has made in the folder, changed or taken away."""
        now = self.after
        new = sorted({shortened(name) for name in now.keys() - self.before.keys()})
        gone = sorted({shortened(name) for name in self.before.keys() - now.keys()})
        changed = sorted(name for name in now.keys() & self.before.keys() if now[name] != self.before[name])
        said = [f"`{name}`" for name in new] + [f"`{name}` changed" for name in changed]
        said += [f"`{name}` gone" for name in gone]
        return ", ".join(said) or "nothing"


@dataclass(frozen=True)
class Fault:
    """One fault of the table."""

    group: str
    name: str
    provoke: Callable[[Scene], Outcome]


FAULTS: list[Fault] = []


def fault(group: str, name: str) -> Callable[[Callable[[Scene], Outcome]], Callable[[Scene], Outcome]]:
    """Enter a function that provokes a fault into the table."""

    def entered(provoke: Callable[[Scene], Outcome]) -> Callable[[Scene], Outcome]:
        FAULTS.append(Fault(group, name, provoke))
        return provoke

    return entered


def zip_bomb(path: Path, member: str) -> None:
    """Add a member of zeros to an archive, which unpacks to 4 GiB by what it says: all that is looked at."""
    size = 2**22 + 1
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, bytes(size))
    said, more = size.to_bytes(4, "little"), (2**32 - 2).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(said, more))


def typed(words: tuple[object, ...]) -> str:
    return " ".join(["lungio", *(str(word) or "''" for word in words)])


def contents(folder: Path) -> dict[str, str]:
    """Return every file and empty folder below `folder` with its digest."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = f"link to {path.readlink()}"
        elif path.is_dir():
            if not any(path.iterdir()):
                found[f"{name}/"] = "empty"
        elif path.is_file():
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def shortened(name: str) -> str:
    """Return the part of a name that tells what it is: a folder for all it holds, no process numbers."""
    first, _, inside = name.partition("/")
    plain = re.sub(r"\.[0-9a-f]{8}-\d+-\d+\.\w+\.partial$", ".*.partial", first)
    return f"{plain}/" if inside or name.endswith("/") else plain


def rounded(match: re.Match[str]) -> str:
    """Return a number to one figure, for it grows a little with every marker of the register."""
    digits = match[0].replace(",", "")
    return f"{round(int(digits), 1 - len(digits)):,}"


def plain(said: str, here: Path) -> str:
    """Return words without what differs from one machine or day to another."""
    said = said.replace(f"{here}/", "").replace(str(here), ".").replace(":\n", ": ").replace("\n", "; ")
    said = re.sub(r"[\d.,]+ GiB are free", "… GiB are free", said)
    said = re.sub(r"[\d,]+ bytes that unpack", "… bytes that unpack", said)
    said = re.sub(r"line \d+ column \d+ \(char \d+\)", "line … column …", said)
    said = re.sub(r"(?<=about )[\d,]+(?= GiB)|(?<=up to )[\d,]+(?= GiB)", rounded, said)
    said = re.sub(r"(shipped are|known:) \w+, [\w, ]+", r"\1 …", said)
    said = re.sub(r"(\w)\1{20,}", r"\1\1\1…", said)
    said = re.sub(r"process \d+, since [\dT:+-]+", "process …, since …", said)
    return re.sub(r"\s+", " ", said).replace("|", "\\|")
