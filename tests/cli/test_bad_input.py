"""Bad input: exit code 2, one message, nothing written."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
import pytest
from made_run import SMALL

from .calling import experiment, lungio, nothing_new, refused

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sead": 1}, "sead: unknown key; did you mean 'seed'?"),
        (
            {"train": {"cohort": "keynote_198", "patients": 50}},
            "no cohort 'keynote_198'; did you mean keynote_189",
        ),
        ({"train": {"cohort": "keynote_189"}}, "train.patients is missing"),
        ({"analysis": SMALL | {"horizons_months": [400]}}, "400 all lie beyond the follow-up"),
        ({"analysis": SMALL | {"models": {"coks": {}}}}, "unknown model 'coks'"),
        ({"analysis": SMALL | {"metrics": ["c_index"]}}, "unknown metric 'c_index'"),
        ({"analysis": SMALL | {"subgroups": ["eye_colour"]}}, "no column 'eye_colour'"),
    ],
)
def test_a_bad_experiment_is_refused(here: Path, changes: dict[str, Any], said: str) -> None:
    refused(lungio("run", experiment(here, **changes), "--out", "run"), said)
    nothing_new(here, "small.yaml")


def test_an_unknown_trial_offers_the_nearest(here: Path) -> None:
    (here / "mine.yaml").write_text("trial: KEYNOTE-198\n", encoding="utf-8")
    refused(lungio("simulate", "mine.yaml", "--n", 10, "--out", "cohort"), "KEYNOTE-189")
    nothing_new(here, "mine.yaml")


def test_an_existing_folder_is_refused_before_any_work(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(*_: object, **__: object) -> NoReturn:
        raise AssertionError("work was begun")

    monkeypatch.setattr("experiments.run.resolve_sources", work)
    (here / "run").mkdir()
    refused(lungio("run", experiment(here), "--out", "run"), "run exists already and nothing is overwritten")
    (here / "file").write_text("")
    refused(lungio("run", experiment(here), "--out", "file"), "file exists already")


@pytest.mark.parametrize("words", [("run", "keynote_189"), ("simulate", "keynote_189", "--out", "cohort")])
@pytest.mark.parametrize("n", [0, -5])
def test_no_patients_at_all(here: Path, words: tuple[str, ...], n: int) -> None:
    refused(lungio(*words, "--n", n), f"--n must be at least 1. Got {n} instead")
    nothing_new(here)


def test_a_number_that_is_none_is_a_usage_error(here: Path) -> None:
    assert lungio("run", "keynote_189", "--n", "many").exit_code == 2
    refused(lungio("run", "keynote_189", "--seed", -1), "--seed must be at least 0")


def test_a_store_that_cannot_be_written_is_refused_before_any_work(here: Path) -> None:
    refused(
        lungio("run", experiment(here), "--out", "run", "--tracking-uri", "./mlruns"),
        "not a store MLflow can write to",
    )
    nothing_new(here, "small.yaml")


@pytest.mark.parametrize(("number", "said"), [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "read-only")])
def test_a_full_or_read_only_disk(
    here: Path, monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise OSError(number, "as the system says it")

    monkeypatch.setattr(pd.DataFrame, "to_parquet", refuse)
    refused(
        lungio("simulate", "keynote_189", "--n", 60, "--out", "deep/cohort"), "cannot write deep/cohort", said
    )
    nothing_new(here)


def test_a_folder_without_permission(here: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    (here / "closed").mkdir(mode=0o500)
    refused(lungio("simulate", "keynote_189", "--n", 60, "--out", "closed/cohort"), "no permission")


def test_interrupting_leaves_nothing_half_written(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(pd.DataFrame, "to_csv", interrupt)
    result = lungio("simulate", "keynote_189", "--n", 60, "--out", "cohort")
    assert result.exit_code == 130
    assert result.stderr == "lungio: interrupted; nothing half-written is left\n"
    nothing_new(here)


def test_an_error_of_ours_keeps_its_traceback(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(*_: object, **__: object) -> NoReturn:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("experiments.run.simulate_to_folder", bug)
    result = lungio("simulate", "keynote_189", "--n", 60, "--out", "cohort")
    assert isinstance(result.exception, ZeroDivisionError)


def test_what_is_not_a_run_has_no_report(here: Path) -> None:
    refused(lungio("report", "."), "is not a run folder")
    refused(lungio("report", "none"), "there is no run folder none")


def test_the_installed_command_reports_through_its_exit_code(here: Path) -> None:
    words = [sys.executable, "-m", "experiments.cli", "run", "no_such_experiment"]
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(words, capture_output=True, text=True, cwd=root, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith("lungio: no experiment 'no_such_experiment'")
    assert "Traceback" not in done.stderr
