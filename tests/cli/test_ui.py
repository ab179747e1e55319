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
    (words,) = started
    assert words[words.index("--backend-store-uri") + 1] == f"sqlite:///{here / 'mlflow.db'}"
    assert words[words.index("--host") + 1] == "127.0.0.1"
    assert "http://127.0.0.1:5099" in result.output
