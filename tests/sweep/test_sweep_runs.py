"""The runs of a sweep: scores of a plain run, and an order and search that nothing outside can change."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from experiments import sweep_runs
from experiments.config import read_experiment
from experiments.replicates import TaskPool
from experiments.sweep_runs import (
    Run,
    carry_out,
    one_run,
    run_objective,
    scores_table,
    sources_of,
    task_of,
)
from experiments.sweep_spec import Sweep, with_setting
from pipeline.run import analyse, plan, stage_generator

SMALL = {
    "train.patients": 120,
    "external.patients": 100,
    "analysis.models": {"cox": {"penalties": [0.1]}, "oracle": {}},
    "analysis.published": "none",
    "analysis.horizons_months": [6, 12],
    "analysis.cross_validation": {"folds": 2, "repeats": 1},
    "analysis.bootstrap.replicates": 20,
    "analysis.explanation.patients": 5,
}
BASE = read_experiment("keynote_189")


def swept(**content: Any) -> Sweep:
    return Sweep.model_validate({"name": "x", "experiment": "keynote_189", **content})


def test_a_run_of_a_sweep_has_the_scores_of_a_plain_run() -> None:
    experiment = with_setting(BASE, SMALL)
    found = one_run(task_of(experiment, None))
    rng = np.random.default_rng(experiment.seed)
    cohorts = {
        role: source.cohort(
            stage_generator(rng, f"cohort {role}"), None if role == "train" else f"{source.name}_{role}"
        )
        for role, source in sources_of(experiment, None).items()
    }
    planned = plan(experiment.analysis, cohorts["train"], cohorts["external"])
    scores = analyse(planned, stage_generator(rng, "analysis")).tables["scores"]
    scores = scores[scores["group"] == "all"].reset_index(drop=True)
    table = scores_table([Run(1, 1, {}, found)])
    pd.testing.assert_frame_equal(
        table.drop(columns="run"), scores[list(sweep_runs.COLUMNS)], check_dtype=False
    )
    other = one_run(task_of(with_setting(BASE, SMALL | {"seed": 5}), None))
    assert other["scores"] != found["scores"]


def test_a_run_that_cannot_be_is_told_and_does_not_end_the_sweep() -> None:
    found = one_run(task_of(with_setting(BASE, SMALL | {"analysis.horizons_months": [400]}), None))
    assert "400 all lie beyond the follow-up" in found["fault"]
    assert run_objective(swept(seeds=[1]), Run(1, 1, {}, found))[0] == ""


def bowl(task: Any) -> dict[str, Any]:
    """A score with its best at 30 patients, told apart by seed, without any patient."""
    experiment = task["experiment"]
    n, seed = experiment["train"]["patients"], experiment["seed"]
    value = 0.7 - ((n - 30) / 100) ** 2 + 0.001 * seed
    row = {"model": "cox", "data": "cross-validation", "metric": "uno_c", "horizon_months": None,
           "value": value, "low": value, "high": value, "patients": n, "events": n}  # fmt: skip
    return {"fault": "too many"} if n > 140 else {"scores": [row], "cohorts": {}, "config_sha256": str(n)}


SEARCH = swept(
    search="optuna",
    trials=24,
    batch=4,
    seeds=[1, 2],
    vary={"train.patients": {"low": 1, "high": 150, "whole": True}},
)


@pytest.fixture
def searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    monkeypatch.setattr(sweep_runs, "one_run", bowl)
    with TaskPool(tmp_path / "journal", jobs=1) as pool:
        return carry_out(SEARCH, BASE, None, pool)


def test_a_search_comes_near_the_best_and_passes_over_failures(searched: list[Run]) -> None:
    assert [run.number for run in searched] == list(range(1, 49))
    asked = [run.setting["train.patients"] for run in searched[::2]]
    assert any("fault" in run.result for run in searched)
    late = asked[12:]
    assert np.mean([abs(n - 30) for n in late]) < np.mean([abs(n - 30) for n in asked[:12]])
    assert min(abs(n - 30) for n in asked) <= 5


class Shuffled(TaskPool):
    """A pool whose tasks finish in another order."""

    def run(self, function: Any, tasks: Any, *told: Any, **more: Any) -> list[dict[str, Any]]:
        order = np.random.default_rng(0).permutation(len(tasks))
        found = super().run(function, [tasks[k] for k in order], *told, **more)
        back = dict(zip(order.tolist(), found, strict=True))
        return [back[k] for k in range(len(tasks))]


def test_a_search_is_the_same_whatever_finishes_first(
    searched: list[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_runs, "one_run", bowl)
    with Shuffled(tmp_path / "other", jobs=1) as pool:
        assert carry_out(SEARCH, BASE, None, pool) == searched
    smaller = SEARCH.model_copy(update={"batch": 3})
    with TaskPool(tmp_path / "third", jobs=1) as pool:
        asked = [run.setting for run in carry_out(smaller, BASE, None, pool)]
    assert asked != [run.setting for run in searched]  # what is known when a setting is proposed does matter


def test_a_search_resumed_from_its_journal_is_the_same(searched: list[Run], tmp_path: Path) -> None:
    journal = tmp_path / "journal"  # the real `one_run` would find no patient this small: it is not called
    with TaskPool(journal, jobs=1) as pool:
        assert carry_out(SEARCH, BASE, None, pool) == searched


def test_the_objective_is_of_the_best_model_but_the_oracle() -> None:
    def row(model: str, value: float, metric: str = "uno_c", months: float | None = None) -> dict[str, Any]:
        return {
            "model": model,
            "data": "cross-validation",
            "metric": metric,
            "horizon_months": months,
            "value": value,
        }

    rows = [row("cox", 0.6), row("rsf", 0.62), row("oracle", 0.7)]
    rows += [row("cox", 0.2, "brier", 6.0), row("cox", 0.3, "brier", 12.0)]
    rows += [row("rsf", 0.24, "brier", 6.0), row("rsf", 0.28, "brier", 12.0)]
    run = Run(1, 1, {}, {"scores": rows})
    assert run_objective(swept(seeds=[1]), run) == ("rsf", 0.62)
    assert run_objective(swept(seeds=[1], objective={"model": "cox"}), run) == ("cox", 0.6)
    assert run_objective(swept(seeds=[1], objective={"metric": "brier", "horizon_months": 6}), run) == (
        "cox",
        0.2,
    )
    assert run_objective(swept(seeds=[1], objective={"metric": "brier"}), run)[0] == "cox"
    assert math.isnan(run_objective(swept(seeds=[1], objective={"metric": "ici"}), run)[1])
