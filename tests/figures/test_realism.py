"""Figures of real beside simulated patients."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline.figures.realism import (
    agreement_figure_of,
    changes_figure,
    detection_figure,
    margins_figure,
)
from pipeline.realism import correlation_summary, correlation_table, cox_coefficients, margin_table
from pipeline.schema import Column

COLUMNS = (
    Column("age_years", "baseline", "number", "Age", "years"),
    Column("nlr", "baseline", "number", "NLR", positive=True),
    Column("male", "baseline", "boolean", "Male"),
)


@pytest.fixture(scope="module")
def tables():
    rng = np.random.default_rng(1)
    return tuple(
        pd.DataFrame(
            {
                "arm": "a",
                "age_years": rng.normal(62, 9, 300),
                "nlr": rng.lognormal(1, 0.5, 300),
                "male": rng.random(300) < 0.6,
                "os_months": rng.exponential(10, 300),
                "died": True,
            }
        )
        for _ in range(2)
    )


def test_a_panel_a_number_and_one_for_the_shares(tables) -> None:
    real, simulated = tables
    margins = margin_table(real, simulated, COLUMNS)
    figure = margins_figure(real, simulated, COLUMNS, margins, "Title")
    assert len(figure.axes) == 3
    labels = [ax.get_xlabel() for ax in figure.axes]
    assert labels[0] == "Age (years)"
    assert figure.axes[1].get_xscale() == "log"
    assert "(%)" in labels[2]


def test_correlations_and_coefficients_have_a_diagonal_each(tables) -> None:
    real, simulated = tables
    correlations = correlation_table(real, simulated, COLUMNS)
    coefficients = cox_coefficients(real, simulated, COLUMNS, "os")
    figure = agreement_figure_of(correlations, coefficients, correlation_summary(correlations), "Title")
    assert [ax.get_xlabel() for ax in figure.axes] == [
        "Rank correlation, real",
        "Log hazard ratio, real (95 % interval)",
    ]
    assert all(ax.get_xlim() == ax.get_ylim() for ax in figure.axes)
    assert len(agreement_figure_of(correlations, None, {}, "Title").axes) == 1


def test_the_limit_and_chance_are_drawn_beside_the_auc() -> None:
    scores = pd.DataFrame(
        {"columns": ["all"], "classifier": ["boosted trees"], "auc": [0.63], "lowest": [0.6],
         "highest": [0.66], "control": [0.5]}
    )  # fmt: skip
    importance = pd.DataFrame({"column": ["os_months", "nlr"], "drop": [0.05, 0.01]})
    figure = detection_figure(scores, importance, 0.65, "Title")
    left, right = figure.axes
    assert {line.get_xdata()[0] for line in left.lines} >= {0.5, 0.65}
    assert [t.get_text() for t in right.get_yticklabels()] == ["Os months", "Nlr"]


def test_changes_stand_side_by_side_at_each_week() -> None:
    row = {"week": 6.0, "ks": 0.1} | {
        f"{side}_{part}": value
        for side in ("real", "simulated")
        for part, value in (("10%", -0.5), ("25%", -0.2), ("50%", 0.0), ("75%", 0.2), ("90%", 0.6))
    }
    (ax,) = changes_figure(pd.DataFrame([row]), "Title").axes
    assert ax.get_ylabel() == "Change from baseline (%)"
    assert ax.get_xticks().tolist() == [6.0]
