"""What the figures of performance show, and that an empty table is refused."""

from __future__ import annotations

import pandas as pd
import pytest

from pipeline import figures

from .drawn_study import HORIZONS


def test_only_all_patients_are_scored_and_the_oracle_is_the_ceiling(scores):
    figure = figures.metric_forest_figure(scores, metrics=["uno_c"])
    ax = figure.axes[0]
    drawn = [float(x) for line in ax.lines if line.get_marker() in "Do" for x in line.get_xdata()]
    assert max(drawn) < 0.9  # the subgroup's value stays out
    oracle = scores.query("model == 'oracle' and metric == 'uno_c' and group == 'all'")["value"].iloc[0]
    assert any(list(line.get_xdata()) == [oracle, oracle] for line in ax.lines)
    slope = figures.metric_forest_figure(scores, metrics=["calibration_slope"]).axes[0]
    assert not any(list(line.get_xdata()) == [1.1, 1.1] for line in slope.lines)


def test_a_slope_far_off_ends_in_arrows_and_leaves_the_others_their_room(scores):
    wild = scores["metric"].eq("calibration_slope") & scores["model"].eq(scores["model"].iloc[0])
    far = scores.copy()
    far.loc[wild, ["value", "low", "high"]] = [-19.0, -80.0, 3.0]
    ax = figures.metric_forest_figure(far, metrics=["calibration_slope"]).axes[0]
    assert [line.get_marker() for line in ax.lines].count("<") == 2  # once a set of patients
    assert not any(line.get_marker() == ">" for line in ax.lines)
    assert ax.get_xlim()[0] > -3
    assert ax.get_xlabel() == "best at 1; arrows lead off"
    tame = figures.metric_forest_figure(scores, metrics=["calibration_slope"]).axes[0]
    assert tame.get_xlabel() == "best at 1"


def test_a_rule_with_few_answers_gets_no_smooth_curve(calibration):
    def longest_line(table: pd.DataFrame) -> int:
        ax = figures.calibration_figure(table, 12).axes[0]
        return max(len(line.get_xdata()) for line in ax.lines)

    cox = calibration[calibration["model"] == "cox"]
    few = cox[(cox["kind"] == "curve") | (cox["predicted"] < 0.4)]
    assert longest_line(cox) == 30
    assert longest_line(few) == 2  # the diagonal and the intervals of the groups


def test_the_nearest_horizon_is_named_in_the_title(scores):
    ax = figures.metric_forest_figure(scores, 13, metrics=["auc"]).axes[0]
    assert ax.get_title(loc="left") == "AUC at 12 months"


def test_areas_stand_beside_their_curves(roc, scores):
    figure = figures.roc_figure(roc, scores[scores["data"] == "external"])
    assert figure.axes[0].get_legend().get_texts()[0].get_text() == "Cox 0.60"
    assert len(figure.axes) == len(HORIZONS) + 1


@pytest.mark.parametrize("draw", ["calibration", "roc", "fidelity", "scores"])
def test_an_empty_table_is_refused(draw, calibration, roc, published, scores):
    calls = {
        "calibration": lambda: figures.calibration_figure(calibration, 18),
        "roc": lambda: figures.roc_figure(roc.head(0)),
        "fidelity": lambda: figures.fidelity_figure(published.head(0)),
        "scores": lambda: figures.metric_forest_figure(scores, metrics=["ibs"]),
    }
    with pytest.raises(
        ValueError, match=r"no calibration at 18 months|is empty|nothing to compare|none of the metrics"
    ):
        calls[draw]()
