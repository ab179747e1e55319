"""lungio verify --replicates: table, folder and exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from .calling import lungio, refused

SPEC = "trial: CANOPY-1\nmarkers: [pdl1_tps, nlr, sex]\n"


def test_a_folder_with_the_drawn_ratios_and_code_0_when_the_published_are_inside(here: Path) -> None:
    Path("mine.yaml").write_text(SPEC)
    result = lungio("verify", "mine.yaml", "--replicates", 60, "--out", "made")
    assert result.exit_code == 0, result.output
    assert "60 replicates of 643 patients" in result.output
    assert {p.name for p in Path("made").iterdir()} == {
        "replicates.csv", "hazard_ratios.csv", "hazard_ratios.png", "hazard_ratios.svg", "replicates.json",
    }  # fmt: skip
    account = json.loads(Path("made/replicates.json").read_text())
    assert account["simulated"] is True
    assert len(pd.read_csv("made/replicates.csv")) == 60 * len(account["hazard_ratios"])
    refused(lungio("verify", "mine.yaml", "--replicates", 60, "--out", "made"), "nothing is overwritten")


def test_a_published_ratio_outside_ends_with_code_1(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from synthetic_data import replicated_trials as module

    true = module.summarised
    monkeypatch.setattr(module, "summarised", lambda plan, drawn: true(plan, drawn).assign(inside=False))
    Path("mine.yaml").write_text(SPEC)
    assert lungio("verify", "mine.yaml", "--replicates", 40, "--n", 200).exit_code == 1


def test_replicates_need_one_cohort_and_enough_of_them(here: Path) -> None:
    refused(lungio("verify", "--all", "--replicates", 100), "--replicates is of one cohort")
    refused(lungio("verify", "CANOPY-1", "--replicates", 3), "--replicates must be at least 40")
