"""Figures of enrichment: legible, and saying that what is drawn is hypothetical."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline import figures

from .legible import assert_labels_apart, assert_legible

ARMS = {
    "hypothetical_a": "IL-1 beta blockade, CANOPY-1 patients",
    "hypothetical_b": "IL-6 blockade, PD-L1 high",
}


@pytest.fixture
def thresholds():
    rows = [
        (arm, ratio, p, (1 - ratio) * p / 20, (1 - ratio) * p / 20 - 0.1, (1 - ratio) * p / 20 + 0.1)
        for arm in ARMS
        for ratio in (1.0, 0.75, 0.6)
        for p in (0.0, 25.0, 50.0, 75.0)
    ]
    table = pd.DataFrame(rows, columns=["arm", "ratio_per_sd", "percentile", "value", "low", "high"])
    return table.assign(power=np.clip(table["value"] / 2, 0, 1))


def warned(figure) -> bool:
    return "Hypothetical" in figure.get_suptitle()


def test_gain_by_threshold_is_legible(thresholds):
    figure = figures.threshold_figure(thresholds, "value", "Months gained of 24", ARMS, "ratio_per_sd")
    assert_legible(figure)
    assert_labels_apart(figure)
    assert warned(figure)
    assert [ax.get_title(loc="left") for ax in figure.axes] == list(ARMS.values())


def test_power_with_drawn_trials_is_legible(thresholds):
    drawn = thresholds.query("ratio_per_sd == 0.75").assign(low=0.1, high=0.3, value=0.2)
    figure = figures.threshold_figure(
        thresholds, "power", "Chance of a positive trial", ARMS, "ratio_per_sd", drawn
    )
    assert_legible(figure)
    assert warned(figure)
    said = [t.get_text() for t in figure.legends[0].get_texts()]
    assert said == ["1", "0.75", "0.6", "drawn trials (0.75)"]


def test_published_trials_and_groups_are_legible():
    evidence = pd.DataFrame(
        {"trial": ["CANOPY-1", "CANOPY-A", "X"], "agents": ["il1b", "il1b", "il6"],
         "endpoint": ["OS", "DFS", ""],
         "hazard_ratio": [0.87, 0.94, np.nan], "low": [0.7, 0.78, np.nan], "high": [1.1, 1.14, np.nan]}
    )  # fmt: skip
    figure = figures.trials_figure(evidence)
    assert_legible(figure)
    assert len(figure.axes[0].get_yticks()) == 2
    groups = pd.DataFrame(
        [
            (ratio, group, 0.9, 0.5, 1.4, assumed, 0.3)
            for ratio, step in ((1.0, 0.0), (0.6, 0.2))
            for group, assumed in (("low", 0.9 + step), ("high", 0.9 - step))
        ],
        columns=["ratio_per_sd", "group", "published", "low", "high", "assumed", "p"],
    )
    figure = figures.groups_figure(groups)
    assert_legible(figure)
    assert warned(figure)
