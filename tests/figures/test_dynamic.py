"""Figures of dynamic prediction: scores over landmarks, one patient over time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline import figures

from .legible import assert_labels_apart, assert_legible


@pytest.fixture
def scores():
    rows = [
        (landmark, model, metric, 6.0, 0.6 + 0.1 * k, 0.55 + 0.1 * k, 0.65 + 0.1 * k, 900 - 50 * k, 400)
        for landmark in (1.5, 3, 6, 9, 12)
        for k, model in enumerate(("baseline_cox", "supermodel", "landmark_forest"))
        for metric in ("auc", "brier")
    ]
    names = [
        "landmark_months",
        "model",
        "metric",
        "horizon_months",
        "value",
        "low",
        "high",
        "patients",
        "events",
    ]
    return pd.DataFrame(rows, columns=names)


def test_scores_over_landmarks_are_legible(scores):
    figure = figures.landmark_scores_figure(scores, ["auc", "brier"], 6.0)
    assert_legible(figure)
    assert_labels_apart(figure)
    assert "6 months ahead" in figure.axes[0].get_ylabel()
    assert "900" in figure.axes[0].get_xticklabels()[0].get_text()


@pytest.mark.parametrize("event", [True, False])
def test_a_patient_over_time_is_legible(event):
    risk = pd.DataFrame(
        {"landmark_months": [3.0, 6.0] * 2, "model": ["supermodel"] * 2 + ["baseline_cox"] * 2,
         "risk": [0.2, 0.7, 0.3, 0.35]}
    )  # fmt: skip
    visits = pd.DataFrame({"months": [0.0, 2.0, 5.0, 7.0], "nlr": [4.0, np.nan, 5.0, 9.0]})
    outcome = {"months": 9.0, "event": event, "label": "death"}
    figure = figures.updated_risk_figure(risk, visits, outcome, ("nlr", "NLR"), 6.0)
    assert_legible(figure)
    assert_labels_apart(figure)
    said = [t.get_text().strip() for t in figure.axes[0].texts]
    assert said == ["death" if event else "last seen without it"]
