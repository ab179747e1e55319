"""Calibration and ranking before and now: what is compared, and that chance raises few alarms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_cohort import made_cohort

from benchmarks.planted_drift import ANALYSIS, HORIZON
from pipeline.drift import outcome_drift
from pipeline.evaluate.predictions import Predictions
from pipeline.schema import Cohort, Prediction, outcome


def true_predictions(cohort: Cohort, data: str, shift: float = 0.0, stretch: float = 1.0) -> Predictions:
    """Predictions by the true hazards: right, unless shifted or stretched on the log scale."""
    truth = cohort.truth
    assert truth is not None
    log_hazard = np.array([
        truth.patients.loc[i, f"os_log_hazard[{arm}]"] for i, arm in cohort.observed["arm"].items()
    ])  # fmt: skip
    log_hazard = shift + stretch * (log_hazard - log_hazard.mean()) + log_hazard.mean()
    survival = np.exp(-0.04 * HORIZON * np.exp(log_hazard))
    prediction = Prediction(log_hazard, np.array([HORIZON]), survival[:, None])
    y = outcome(cohort.observed, "os")
    return Predictions(
        data, cohort, y, {"cox": (prediction,)}, (prediction,), np.zeros((1, len(y)), dtype=np.intp)
    )


def found(**wrong: float) -> dict[str, dict[str, float]]:
    old = true_predictions(made_cohort(800, 1), "cross-validation")
    new = true_predictions(made_cohort(700, 2), "external", **wrong)
    table = outcome_drift(old, new, ANALYSIS, HORIZON, np.random.default_rng(3))
    return {row["metric"]: row for row in table.to_dict("records")}


def test_right_predictions_stay_right() -> None:
    rows = found()
    assert set(rows) == {"calibration_intercept", "calibration_slope", "uno_c"}
    for row in rows.values():
        assert row["p"] > 0.01
        assert row["change_low"] < 0 < row["change_high"]
        assert row["change"] == pytest.approx(row["new"] - row["old"])
        assert row["patients"] == 700


def test_too_low_risks_show_in_the_intercept_alone() -> None:
    rows = found(shift=-0.5)
    assert rows["calibration_intercept"]["change"] == pytest.approx(0.5, abs=0.2)
    assert rows["calibration_intercept"]["p"] < 1e-4
    assert rows["uno_c"]["p"] > 0.01


def test_too_extreme_risks_show_in_the_slope() -> None:
    rows = found(stretch=2.0)
    assert rows["calibration_slope"]["new"] == pytest.approx(0.5, abs=0.12)
    assert rows["calibration_slope"]["p"] < 1e-4


def test_chance_alone_is_seldom_significant() -> None:
    rng = np.random.default_rng(4)
    p = []
    for seed in range(40):
        old = true_predictions(made_cohort(250, 100 + seed), "cross-validation")
        new = true_predictions(made_cohort(250, 200 + seed), "external")
        p += outcome_drift(old, new, ANALYSIS, HORIZON, rng)["p"].tolist()
    assert np.mean(np.array(p) < 0.05) < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 40)
    assert len(p) == 120


def test_a_model_not_judged_before_is_left_out() -> None:
    old = true_predictions(made_cohort(300, 1), "cross-validation")
    new = true_predictions(made_cohort(300, 2), "external")
    other = replace(new, models=dict(new.models) | {"rsf": new.models["cox"]})
    table = outcome_drift(old, other, ANALYSIS, HORIZON, np.random.default_rng(5))
    assert set(table["model"]) == {"cox"}
