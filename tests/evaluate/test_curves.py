"""The tables behind the figures of performance."""

import numpy as np

from pipeline.evaluate import calibration_table, roc_table

from .small_study import ANALYSIS


def test_tables_behind_the_figures(out_of_fold, outside):
    calibration = calibration_table([out_of_fold, outside], ANALYSIS, np.random.default_rng(0))
    assert list(calibration.columns) == [
        "model", "data", "horizon_months", "kind", "predicted", "observed", "low", "high", "patients",
    ]  # fmt: skip
    assert set(calibration["model"]) == set(ANALYSIS.models)
    assert set(calibration["horizon_months"]) == {6.0, 12.0, 18.0}
    roc = roc_table([out_of_fold, outside], ANALYSIS)
    assert list(roc.columns) == [
        "model", "data", "horizon_months", "threshold", "false_positive_rate", "true_positive_rate",
    ]  # fmt: skip
    assert len(roc.groupby(["model", "data", "horizon_months"])) == 24
