"""Figures of benefit show every learner and the line of no knowledge."""

import numpy as np
import pandas as pd

from pipeline import figures


def test_the_curve_has_a_panel_a_quantity_and_the_random_order():
    shares = np.linspace(0, 1, 5)
    curves = pd.concat([
        pd.DataFrame({"quantity": q, "learner": x, "share": shares, "gain": shares * 0.1})
        for q in ("survival", "rmst") for x in ("t_learner", "truth")
    ])  # fmt: skip
    axes = figures.benefit_curve_figure(curves, 12, "Overall survival").axes
    assert len(axes) == 2
    labels = [text.get_text() for text in axes[0].get_legend().get_texts()]
    assert labels == ["T-learner", "True benefit", "In random order"]
    assert "months event-free up to 12" in axes[1].get_ylabel()
    assert axes[0].lines[-1].get_ydata().tolist() == [0, 0.1]


def test_groups_stand_at_what_was_predicted():
    groups = pd.DataFrame({
        "quantity": "survival", "learner": ["t_learner"] * 2 + ["control_risk"] * 2, "group": [1, 2, 1, 2],
        "predicted": [0.0, 0.2, 5.0, 9.0], "survival_difference": [0.1, 0.3, 0, 0],
        "survival_difference_low": [0.0, 0.1, 0, 0], "survival_difference_high": [0.2, 0.5, 0, 0],
    })  # fmt: skip
    ax = figures.benefit_groups_figure(groups, 12).axes[0]
    line = ax.containers[0].lines[0]
    assert line.get_xdata().tolist() == [0.0, 0.2]
    assert len(ax.containers) == 1  # a risk is on another scale than a benefit
