"""Kaplan-Meier curves, their numbers at risk and the published points on them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline import figures
from pipeline.figures.survival import month_ticks

from .drawn_study import ARMS


def test_curves_equal_lifelines(cohort, curves):
    from lifelines import KaplanMeierFitter

    for arm, curve in curves.groupby("arm"):
        rows = cohort.observed[cohort.observed["arm"] == arm]
        fitter = KaplanMeierFitter().fit(rows["os_months"], rows["died"])
        at = curve["months"].to_numpy()
        np.testing.assert_allclose(curve["survival"], fitter.survival_function_at_times(at), rtol=1e-12)
        limits = fitter.confidence_interval_survival_function_.loc[at].to_numpy()
        inside = curve["low"].notna().to_numpy()
        assert inside.sum() > 10
        np.testing.assert_allclose(curve[["low", "high"]].to_numpy()[inside], limits[inside], rtol=1e-9)
        table = fitter.event_table.loc[at]
        np.testing.assert_array_equal(curve["at_risk"], table["at_risk"])
        np.testing.assert_array_equal(curve["events"], table["observed"])
        np.testing.assert_array_equal(curve["censored"], table["censored"])


def test_curves_of_a_hand_made_cohort():
    frame = pd.DataFrame({"os_months": [1.0, 2.0, 2.0, 3.0, 4.0], "died": [True, True, False, False, True]})
    curve = figures.kaplan_meier_curves(frame, "os")
    assert curve["arm"].unique().tolist() == ["All patients"]
    assert curve["survival"].to_numpy() == pytest.approx([1, 0.8, 0.6, 0.6, 0.0])
    assert curve["at_risk"].tolist() == [5, 5, 4, 2, 1]
    assert figures.medians(curve).loc[0, "median"] == 4
    assert np.isnan(curve["low"].iloc[[0, -1]]).all()


def test_a_median_that_is_not_reached_is_said_to_be_so():
    frame = pd.DataFrame({"os_months": [1.0, 5.0, 6.0, 7.0], "died": [True, False, False, False]})
    curve = figures.kaplan_meier_curves(frame, "os")
    assert np.isnan(figures.medians(curve).loc[0, "median"])
    figure = figures.kaplan_meier_figure(curve)
    assert "median not reached" in figure.axes[0].get_legend().get_texts()[0].get_text()


def test_numbers_at_risk_are_counted_just_before_each_month(cohort, curves):
    months = [0, 6, 12, 1000]
    table = figures.numbers_at_risk(curves, months)
    for arm in ARMS:
        followed = cohort.observed.loc[cohort.observed["arm"] == arm, "os_months"]
        assert table.loc[arm].tolist() == [int((followed >= m).sum()) for m in months]


def test_the_drawn_numbers_at_risk_are_those_of_the_table(curves):
    figure = figures.kaplan_meier_figure(curves)
    written = [t.get_text() for t in figure.axes[1].texts]
    table = figures.numbers_at_risk(curves, month_ticks(curves["months"].max()))
    assert written == [f"{v:,}" for v in table.to_numpy().ravel()]


def test_published_points_are_drawn_where_they_were_published(curves, published):
    figure = figures.kaplan_meier_figure(curves, "os", published)
    points = {(float(x), float(y)) for line in figure.axes[0].lines if line.get_marker() in "Do"
              for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)}  # fmt: skip
    assert points == {(9.7, 0.5), (12.0, 0.42)}  # neither PFS nor what the curve was not built on


def test_groups_nobody_belongs_to_are_refused(cohort):
    with pytest.raises(ValueError, match="no patient belongs to any of the groups Sham"):
        figures.kaplan_meier_curves(cohort.observed, "os", arms=["Sham"])


@pytest.mark.parametrize(("last", "step"), [(7.5, 1), (30, 6), (40, 6), (70, 12), (1000, 120)])
def test_month_ticks_are_round_and_few(last, step):
    ticks = month_ticks(last)
    assert np.diff(ticks) == pytest.approx(step)
    assert len(ticks) <= 10


def test_a_tiny_gap_does_not_fill_a_fidelity_panel(published):
    ax = figures.fidelity_figure(published[published["kind"] == "objective_response"]).axes[0]
    low, high = ax.get_xlim()
    assert high - low >= 20
