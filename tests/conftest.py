"""One small run, made once a session, that the tests of folder, tracking and report share."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from made_cohort import EFFECTS, made_cohort

from pipeline.artifacts import describe_cohort, save_run
from pipeline.config import Analysis
from pipeline.run import RunPlan, RunResult, analyse, plan
from pipeline.schema import Cohort

# The same examples every time: a test that fails, fails for whoever looks next.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

# Nothing may leave the machine, whichever test imports MLflow first.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = os.environ["DO_NOT_TRACK"] = "true"

SMALL = {
    "horizons_months": [6, 12],
    "models": {
        "cox": {"penalties": [0.1]},
        "rsf": {"n_estimators": 10},
        "pdl1": {},
        "oracle": {},
    },
    "cross_validation": {"folds": 2, "repeats": 1},
    "bootstrap": {"replicates": 20},
    "explanation": {"patients": 12, "waterfalls": 3, "horizon_months": 12},
}


@pytest.fixture(scope="session")
def small_analysis() -> Analysis:
    return Analysis.model_validate(SMALL)


def told(cohort: Cohort) -> Cohort:
    """The same cohort with what each marker contributed on record, as the generator leaves it."""
    assert cohort.truth is not None
    frame = cohort.observed
    patients = cohort.truth.patients.assign(**{
        "os_contribution[age_years]": EFFECTS["age_years"] * (frame["age_years"] - 64) / 9,
        "os_contribution[nlr]": EFFECTS["nlr"] * (np.log(frame["nlr"]) - 1.2) / 0.5,
        "os_contribution[noise]": 0.0,
    })  # fmt: skip
    return replace(cohort, truth=replace(cohort.truth, patients=patients))


@pytest.fixture(scope="session")
def small_plan(small_analysis: Analysis) -> RunPlan:
    train, external = made_cohort(260, 1), made_cohort(240, 2, name="made_external")
    return plan(small_analysis, told(train), told(external))


@pytest.fixture(scope="session")
def small_result(small_plan: RunPlan) -> RunResult:
    return analyse(small_plan, np.random.default_rng(3))


@pytest.fixture(scope="session")
def small_facts(small_plan: RunPlan) -> dict[str, Any]:
    assert small_plan.external is not None
    return {
        "name": "small",
        "title": "A <small> run & its title",
        "report_notes": "",
        "seed": 3,
        "simulated": True,
        "started": "2026-01-01T00:00:00+00:00",
        "command": "",
        "cohorts": {
            "train": describe_cohort(small_plan.train),
            "external": describe_cohort(small_plan.external),
        },
        "config_sha256": "c" * 64,
        "evidence": {"folder": "configs/evidence", "sha256": "e" * 64, "files": 3},
        "git": {"commit": "a" * 40, "changed": False},
        "seconds": {"fit": 1.0},
    }


@pytest.fixture(scope="session")
def small_run(
    small_result: RunResult, small_facts: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A run folder; tests read it and leave it as it is."""
    folder = tmp_path_factory.mktemp("runs") / "small"
    return save_run(small_result, folder, facts=small_facts, files={"experiment.yaml": "name: small\n"})
