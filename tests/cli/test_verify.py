"""lungio verify: tables, files, exit codes; trials by name, without a cohort file."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from experiments.verify_command import verify_register
from pipeline.schema import InputError

from .calling import lungio, refused

FILES = {"figures.csv", "verify.json", "published_and_reproduced.png", "published_and_reproduced.svg"}


def test_a_trial_that_is_met_ends_with_code_0_and_a_folder(here: Path) -> None:
    result = lungio("verify", "CheckMate-816", "--n", 4000, "--out", "made")
    assert result.exit_code == 0, result.output
    assert "EFS takes the place of PFS" in result.output
    assert {p.name for p in (here / "made").iterdir()} == FILES | {
        "figure_by_figure.png", "figure_by_figure.svg",
    }  # fmt: skip
    account = json.loads((here / "made" / "verify.json").read_text())
    assert account["figures_missed"] == 0
    assert account["trials"][0]["progression_endpoint"] == "EFS"
    assert "z" in pd.read_csv(here / "made" / "figures.csv")


def test_a_missed_figure_ends_with_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: the same trial, with one drawn median a third off."""
    from synthetic_data import fidelity as module

    true = module.fidelity

    def off(cohort, plan):  # type: ignore[no-untyped-def]
        table = true(cohort, plan)
        first = table.index[(table["kind"] == "median") & table["built_on"]][0]
        table.loc[first, "gap"] = 1 / 3
        return table

    monkeypatch.setattr(module, "fidelity", off)
    result = lungio("verify", "keynote_189", "--n", 4000)
    assert result.exit_code == 1, result.output


def test_neither_a_cohort_nor_all_is_refused() -> None:
    assert lungio("verify").exit_code == 2
    both = lungio("verify", "keynote_189", "--all")
    assert both.exit_code == 2
    assert "name one cohort" in both.stderr


def test_a_trial_that_cannot_be_drawn_says_why() -> None:
    result = lungio("verify", "ZUMA-1")
    assert result.exit_code == 2
    assert "had no lung cancer" in result.stderr


def test_an_unknown_name_offers_cohorts_and_trials() -> None:
    result = lungio("verify", "KEYNOTE-999")
    assert result.exit_code == 2
    assert "lungio evidence list" in result.stderr


def test_many_trials_have_a_line_each_and_one_account(here: Path) -> None:
    page = io.StringIO()
    names = ["NADIM", "ZUMA-1", "ANVIL-EA5142"]
    met = verify_register(1500, 0, 1, here / "all", Console(file=page, width=160), names)
    said = page.getvalue()
    assert met
    assert "2 of 3 trials drawn" in said
    assert "not drawn: trial ZUMA-1 cannot be drawn" in said
    assert {p.name for p in (here / "all").iterdir()} == FILES
    account = json.loads((here / "all" / "verify.json").read_text())
    assert [t["drawn"] for t in account["trials"]] == [True, False, True]
    assert set(pd.read_csv(here / "all" / "figures.csv")["trial"]) == {"NADIM", "ANVIL-EA5142"}


@pytest.mark.slow
def test_the_number_of_processes_changes_nothing(here: Path) -> None:
    console = Console(file=io.StringIO(), width=160)
    for jobs in (1, 2):
        verify_register(800, 5, jobs, here / str(jobs), console, ["NADIM", "QUILT-3.055"])
    one, two = ((here / str(jobs) / "figures.csv").read_bytes() for jobs in (1, 2))
    assert one == two


def test_no_drawable_trial_at_all_is_an_error() -> None:
    with pytest.raises(InputError, match="no trial can be drawn"):
        verify_register(500, 0, 1, None, Console(file=io.StringIO()), ["ZUMA-1"])


def test_simulate_takes_a_trial_of_the_register(here: Path) -> None:
    result = lungio("simulate", "neotap01", "--n", 300, "--out", "made")
    assert result.exit_code == 0, result.output
    assert (here / "made").is_dir()


def test_one_line_is_a_cohort(here: Path) -> None:
    (here / "mine.yaml").write_text("trial: DAREON-8\n")
    result = lungio("simulate", "mine.yaml", "--n", 300, "--out", "made")
    assert result.exit_code == 0, result.output


def test_curves_are_drawn_over_digitised_ones(tmp_path) -> None:
    rng = np.random.default_rng(2)
    rows = [f"KEYNOTE-189,placebo_chemo,{t:.2f},1" for t in rng.exponential(15, 200)]
    file = tmp_path / "curves.csv"
    file.write_text("trial,arm,os_months,event\n" + "\n".join(rows))
    words = ("verify", "KEYNOTE-189", "--n", 2_000, "--digitised", file)
    result = lungio(*words, "--out", tmp_path / "out")
    assert "largest gaps: mean" in result.output
    made = {p.name for p in (tmp_path / "out").iterdir()}
    assert {"digitised_gaps.csv", "digitised_curves.png", "published_and_reproduced.png"} <= made
    refused(lungio("verify", "OAK", "--n", 500, "--digitised", file), "has no curve of OAK")
