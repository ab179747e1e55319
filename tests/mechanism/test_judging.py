"""Judging of deficits: right, calibrated, and better for its silence."""

import numpy as np
import pandas as pd
import pytest

from pipeline.mechanism import (
    CLASSES,
    UNKNOWN,
    MechanismModel,
    accuracy_table,
    calibration_error,
    confusion,
    reliability,
)

from .causes import COLUMNS, drawn


@pytest.fixture(scope="module")
def judged():
    frame, cause, _ = drawn(1500, 1, missing=0.2)
    model = MechanismModel(COLUMNS).fit(frame, cause, np.random.default_rng(0))
    frame, cause, _ = drawn(2000, 2, missing=0.2)
    return cause, model.probabilities(frame), list(model.answers(frame))


def test_silence_is_where_the_model_would_be_wrong(judged):
    table = accuracy_table(*judged, np.random.default_rng(0), 100).set_index("patients_meant")
    assert table.loc["all", "value"] > 2 * table.loc["one class at random", "value"]
    assert table.loc["answered", "low"] > table.loc["silent", "high"]
    assert table.loc["all", "low"] < table.loc["all", "value"] < table.loc["all", "high"]


def test_calibration_error_is_small_and_large_where_probabilities_are_exaggerated(judged):
    cause, probabilities, _ = judged
    assert calibration_error(cause, probabilities) < 0.05
    sharpened = probabilities**4
    sharpened = sharpened.div(sharpened.sum(axis=1), axis=0)
    assert calibration_error(cause, sharpened) > 0.1
    assert reliability(cause, probabilities)["patients"].sum() == len(cause)


def test_confusion_counts_by_hand():
    cause = np.array([CLASSES[0], CLASSES[0], CLASSES[1]], dtype=object)
    table = confusion(cause, [CLASSES[0], UNKNOWN, CLASSES[0]])
    assert table.loc[CLASSES[0], CLASSES[0]] == 0.5
    assert table.loc[CLASSES[0], UNKNOWN] == 0.5
    assert table.loc[CLASSES[1], CLASSES[0]] == 1
    assert isinstance(table, pd.DataFrame)
    assert list(table.columns) == [*CLASSES, UNKNOWN]
