"""Published against reproduced on a diagonal: every figure shown, misses on top."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline import figures
from pipeline.figures import verification_figure

from .legible import assert_labels_apart, assert_legible


def test_the_figure_refuses_a_table_without_figures() -> None:
    table = pd.DataFrame({"kind": ["other"], "published": [1.0]})
    with pytest.raises(ValueError, match="nothing to compare"):
        verification_figure(table)


def test_a_missed_figure_has_a_colour_of_its_own() -> None:
    table = pd.DataFrame(
        {
            "kind": ["median", "median"],
            "published": [10.0, 12.0],
            "low": [9.0, None],
            "high": [11.0, None],
            "reproduced": [10.1, 20.0],
            "built_on": [True, True],
            "within": [True, False],
        }
    )
    ax = verification_figure(table).axes[0]
    _, met, not_built, missed = ax.collections
    assert [len(c.get_offsets()) for c in (met, not_built, missed)] == [1, 0, 1]
    assert tuple(met.get_facecolors()[0]) != tuple(missed.get_facecolors()[0])
    assert ax.get_xlim() == ax.get_ylim()


def test_a_panel_an_arm_with_digitised_drawn_and_plain_curves() -> None:
    months = np.arange(0.5, 20, 0.5)
    curves = pd.concat(
        [
            pd.DataFrame(
                {
                    "trial": "T", "arm": arm, "months": months, "digitised": np.exp(-months / 12),
                    "drawn": np.exp(-months / 13), "plain": np.exp(-months / 9),
                    "at_risk": np.linspace(200, 2, len(months)),
                }
            )
            for arm in ("a", "b")
        ]
    )  # fmt: skip
    gaps = pd.DataFrame(
        {"trial": ["T", "T"], "arm": ["a", "b"], "largest": [0.03, 0.02], "month": [9.0, 9.0]}
    )
    figure = figures.digitised_figure(curves, gaps, "Title")
    shown = [ax for ax in figure.axes if ax.get_visible()]
    assert [ax.get_title(loc="left") for ax in shown] == ["T\nA, gap +0.030", "T\nB, gap +0.020"]
    assert all(len(ax.lines) == 3 for ax in shown)
    assert shown[0].get_ylabel() == "Overall survival (%)"


def test_a_line_a_ratio_with_those_outside_the_drawn_in_a_colour_of_their_own() -> None:
    table = pd.DataFrame(
        {
            "comparison": "a_chemo v b", "endpoint": ["os", "pfs"], "months": [20.0, 9.5],
            "published": [0.8, 0.5],
            "low": [0.6, np.nan], "high": [1.1, np.nan], "drawn_median": [0.85, 0.8],
            "drawn_low": [0.7, 0.65], "drawn_high": [1.0, 0.95], "inside": [True, False],
        }
    )  # fmt: skip
    figure = figures.replicates_figure(table, "Title")
    assert_legible(figure)
    assert_labels_apart(figure)
    ax = figure.axes[0]
    assert [t.get_text() for t in ax.get_yticklabels()] == [
        "OS at 20 months\nA chemo v B",
        "PFS at 10 months\nA chemo v B",
    ]
    points = ax.collections[3]
    assert points.get_offsets()[:, 0].tolist() == [0.8, 0.5]
    assert tuple(points.get_facecolors()[0]) != tuple(points.get_facecolors()[1])
