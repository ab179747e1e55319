"""A run's folder: tables, models, figures and facts, never overwritten."""

from __future__ import annotations

import errno
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import pytest

from pipeline.artifacts import load_run, save_run, update_facts, write_json
from pipeline.models import load_model
from pipeline.run import RunPlan, RunResult
from pipeline.schema import InputError

from .folder_contents import everything


def test_a_run_folder_holds_tables_models_figures_and_facts(small_run: Path, small_result: RunResult) -> None:
    view = load_run(small_run)
    assert set(view.tables) == set(small_result.tables)
    assert set(view.models()) == {"cox", "rsf", "pdl1"}
    names = {p.stem for p in view.figures()}
    assert {"kaplan_meier", "scores", "roc_external", "beeswarm_cox", "waterfall_rsf_3", "agreement"} <= names
    assert all(p.with_suffix(".svg").is_file() for p in view.figures())
    assert (small_run / "experiment.yaml").read_text() == "name: small\n"
    assert not [name for name in everything(small_run) if "partial" in name]


def test_run_json_says_what_the_run_was(small_run: Path) -> None:
    facts = load_run(small_run).facts
    assert facts["research_use"].startswith("For research only")
    assert facts["simulated"] is True
    assert facts["seed"] == 3
    assert len(facts["cohorts"]["train"]["sha256"]) == 64
    assert facts["versions"]["python"].startswith("3.")
    assert facts["versions"]["scikit-survival"] == "0.28.0"
    assert {c["name"] for c in facts["checks"]} >= {"oracle_is_ceiling"}
    assert facts["metrics"]["uno_c"] == {"label": "Uno's C", "better": "higher"}


def test_tables_come_back_as_they_were(small_run: Path, small_result: RunResult) -> None:
    for name in ("scores", "predictions", "contributions", "findings"):
        pd.testing.assert_frame_equal(load_run(small_run).table(name), small_result.tables[name], obj=name)


def test_saved_models_predict_as_the_fitted_ones(
    small_run: Path, small_result: RunResult, small_plan: RunPlan
) -> None:
    assert small_plan.external is not None
    months = np.array([3.0, 12.0])
    for name, folder in load_run(small_run).models().items():
        fitted = small_result.models[name].predict(small_plan.external.observed, months)
        stored = load_model(folder).predict(small_plan.external.observed, months)
        np.testing.assert_allclose(stored.survival, fitted.survival, rtol=0, atol=1e-12, err_msg=name)


def test_equal_runs_are_equal_files(
    small_result: RunResult, small_facts: dict[str, Any], small_run: Path, tmp_path: Path
) -> None:
    kept = {name: t for name, t in small_result.tables.items() if name != "importance"}
    slim = replace(small_result, tables=kept)  # fewer figures, for speed
    folder = save_run(slim, tmp_path / "again", facts=small_facts, files={"experiment.yaml": "name: small\n"})
    for path in [p for p in folder.rglob("*") if p.is_file() and p.suffix != ".parquet"]:
        twin = small_run / path.relative_to(folder)
        assert path.read_bytes() == twin.read_bytes(), path.name


def test_a_failure_while_saving_leaves_nothing(
    small_result: RunResult, small_facts: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pipeline.artifacts.gallery.draw_gallery", full)
    with pytest.raises(InputError, match="the disk is full"):
        save_run(small_result, tmp_path / "runs" / "one", facts=small_facts)
    assert everything(tmp_path) == []


def test_a_run_is_never_overwritten(
    small_run: Path, small_result: RunResult, small_facts: dict[str, Any]
) -> None:
    before = everything(small_run)
    with pytest.raises(InputError, match="nothing is overwritten"):
        save_run(small_result, small_run, facts=small_facts)
    assert everything(small_run) == before


def test_what_is_not_a_run_is_refused(tmp_path: Path, small_run: Path) -> None:
    with pytest.raises(InputError, match="there is no run folder"):
        load_run(tmp_path / "none")
    with pytest.raises(InputError, match="is not a run folder"):
        load_run(tmp_path)
    with pytest.raises(InputError, match="has no table 'skores'; it has"):
        load_run(small_run).table("skores")


def test_facts_can_be_added(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    write_json(tmp_path / "run.json", {"name": "x", "seconds": {"fit": 1.0}})
    update_facts(tmp_path, {"seconds": {"fit": 2.0}})
    assert load_run(tmp_path).facts == {"name": "x", "seconds": {"fit": 2.0}}


def test_json_holds_no_number_that_json_does_not_know(tmp_path: Path) -> None:
    write_json(
        tmp_path / "a.json", {"a": math.inf, "b": np.float64("nan"), "c": np.arange(2), "d": Path("x")}
    )
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": None, "b": None, "c": [0, 1], "d": "x"}
