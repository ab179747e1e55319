"""The command, called as a user calls it, and what it must not leave behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from made_run import SMALL
from typer.testing import CliRunner, Result

from experiments.cli import app


def lungio(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def refused(result: Result, *said: str) -> None:
    """Bad input: exit code 2, one plain message on stderr, no traceback."""
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    assert result.stderr.startswith("lungio: ")
    for words in said:
        assert words in result.stderr


def nothing_new(folder: Path, *expected: str) -> None:
    assert sorted(p.name for p in folder.iterdir()) == sorted(expected)


def experiment(folder: Path, **changes: Any) -> Path:
    content: dict[str, Any] = {
        "name": "small",
        "seed": 1,
        "train": {"cohort": "keynote_189", "patients": 200},
        "external": {"patients": 150},
        "analysis": SMALL,
    }
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(content | changes), encoding="utf-8")
    return path
