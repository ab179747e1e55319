"""lungio ui: the same store, on this machine only."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .calling import lungio

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def test_ui_serves_the_same_store_on_this_machine(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda program, words: started.append(words))
    result = lungio("ui", "--port", 5099)
    assert result.exit_code == 0, result.output
    words = started[0]
    assert words[words.index("--backend-store-uri") + 1] == f"sqlite:///{here / 'mlflow.db'}"
    assert words[words.index("--host") + 1] == "127.0.0.1"
    assert "http://127.0.0.1:5099" in result.output
    assert "not there yet: nothing is shown until a run is filed in it" in result.output
    (here / "mlflow.db").touch()
    assert "not there yet" not in lungio("ui", "--port", 5099).output
    (here / "notes.db").write_text("no database")
    refused = lungio("ui", "--port", 5099, "--tracking-uri", "notes.db")
    assert refused.exit_code == 2
    assert "is not an SQLite database" in refused.output
    assert len(started) == 2
