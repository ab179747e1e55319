"""Every fault of the table, provoked; docs/faults.md is what came of them.

To write the table anew: ``LUNGIO_WRITE_FAULTS=1 python -m pytest tests/faults -n 0``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import configs, kills, models, patients, places, stores
from .scene import FAULTS, ROOT, Fault, Scene, plain

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
TABLE = ROOT / "docs" / "faults.md"
MODULES = (configs, patients, places, stores, kills, models)
GROUPS = dict.fromkeys(group for m in MODULES for name, group in vars(m).items() if name in ("GROUP", "RUNS"))
TABLED = [f for group in GROUPS for f in FAULTS if f.group == group]
ANEW = os.environ.get("LUNGIO_WRITE_FAULTS") == "1"
HEAD = """# What can go wrong, and what is left then

Written by `tests/faults`, which provokes every fault of this page and fails when another thing comes of it
than stands here (`LUNGIO_WRITE_FAULTS=1 python -m pytest tests/faults -n 0` writes the page anew). Exit
codes: 2 bad input, 5 whole but not filed in MLflow, 130 interrupted, -9 killed. What is left is all that
the command made or changed on disk; no file or folder is ever half written under its final name. Sizes are
given to one figure.
"""
COLUMNS = "| fault | command | exit | what is said | left on disk | and then |\n|---|---|---|---|---|---|\n"


def written() -> dict[str, str]:
    """Return the rows of the page by group and fault."""
    rows, group = {}, ""
    for line in TABLE.read_text(encoding="utf-8").splitlines() if TABLE.exists() else []:
        if line.startswith("## "):
            group = line.removeprefix("## ")
        elif line.startswith("| ") and not line.startswith("| fault |"):
            rows[f"{group}: {line.split(' | ')[0].removeprefix('| ')}"] = line
    return rows


@pytest.fixture(scope="module")
def seen() -> Iterator[dict[str, str]]:
    """Rows as they came out, by group and fault; they become the page when that is asked for."""
    rows: dict[str, str] = {}
    yield rows
    rows = written() | rows  # a part of the faults may be provoked anew
    if ANEW and {name_of(f) for f in FAULTS} <= rows.keys():
        parts = [HEAD]
        for group in GROUPS:
            lines = [rows[name_of(f)] for f in FAULTS if f.group == group]
            parts.append(f"\n## {group}\n\n{COLUMNS}" + "\n".join(lines) + "\n")
        TABLE.write_text("".join(parts), encoding="utf-8")


@pytest.fixture
def scene(tmp_path: Path, empty_store: Path, small_run: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return Scene(here, empty_store, small_run, monkeypatch)


def name_of(one: Fault) -> str:
    return f"{one.group}: {one.name}"


@pytest.mark.parametrize(
    "one",
    [pytest.param(f, marks=[pytest.mark.slow] * (f.group == kills.GROUP), id=name_of(f)) for f in TABLED],
)
def test_a_fault_ends_as_the_page_says(one: Fault, scene: Scene, seen: dict[str, str]) -> None:
    outcome = one.provoke(scene)
    said = plain(outcome.said, scene.here)
    command = plain(outcome.command, scene.here)
    cells = [one.name, f"`{command}`", str(outcome.code), said or "–", scene.left(), outcome.then]
    row = f"| {' | '.join(cells)} |"
    assert outcome.code in (0, 2, 5, 130, -9)
    assert (outcome.code in (2, 5, 130)) == bool(said)
    assert not (scene.here / "executed").exists()
    assert not (scene.here.parent / "outside").exists()
    seen[name_of(one)] = row
    if not ANEW:
        assert written().get(name_of(one)) == row, "docs/faults.md is stale: the head says how to write it"


def test_the_page_holds_every_fault_and_no_other() -> None:
    if not ANEW:
        assert list(written()) == [name_of(f) for f in TABLED]
    assert len(TABLED) == len(FAULTS)
    assert len(FAULTS) >= 25
    assert len({name_of(f) for f in FAULTS}) == len(FAULTS)


def test_every_module_of_faults_is_used() -> None:
    here = Path(__file__).parent
    assert {m.__name__.rpartition(".")[2] for m in MODULES} == {p.stem for p in here.glob("*.py")} - {
        "__init__",
        "scene",
        "dying",
        "test_faults",
    }
