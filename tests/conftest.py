"""Made once a session and shared: the register, its simulated markers, and one small run."""

from __future__ import annotations

import os
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from made_cohort import made_cohort
from made_run import SMALL, told

from experiments.finishing import REPORT_SCRIPT
from pipeline.artifacts import describe_cohort, save_run
from pipeline.config import Analysis
from pipeline.report import make_report
from pipeline.run import RunPlan, RunResult, analyse, plan
from synthetic_data.evidence import MarkerSpec, Register, load_register

# The same examples every time: a test that fails, fails for whoever looks next.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

# Nothing may leave the machine, whichever test imports MLflow first.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = os.environ["DO_NOT_TRACK"] = "true"


@pytest.fixture(scope="session")
def register() -> Register:
    return load_register()


@pytest.fixture(scope="session")
def markers(register: Register) -> dict[str, MarkerSpec]:
    """Return the markers that a cohort is drawn with."""
    return {k: m for k, m in register.markers.items() if m.simulate is not None}


@pytest.fixture(scope="session")
def small_analysis() -> Analysis:
    return Analysis.model_validate(SMALL)


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
        "system": {"wall_seconds": 9.5, "cpu_seconds": 14.0, "peak_memory_megabytes": 512.0},
    }


@pytest.fixture(scope="session")
def small_run(
    small_result: RunResult, small_facts: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A run folder; tests read it and leave it as it is."""
    folder = tmp_path_factory.mktemp("runs") / "small"
    return save_run(small_result, folder, facts=small_facts, files={"experiment.yaml": "name: small\n"})


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite store of MLflow's without any run, to be copied: making one takes five seconds."""
    from pipeline.tracking.client import quiet_mlflow

    file = tmp_path_factory.mktemp("empty") / "mlflow.db"
    uri = f"sqlite:///{file}"
    with quiet_mlflow(uri) as mlflow:
        mlflow.MlflowClient(tracking_uri=uri).search_experiments()
    return file


@pytest.fixture(scope="session")
def reported(small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the small run with its report."""
    folder = tmp_path_factory.mktemp("reported") / "small"
    shutil.copytree(small_run, folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of the notebook tools
        make_report(folder, REPORT_SCRIPT)
    return folder
