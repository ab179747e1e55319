"""Event times as knots, exact while there are few and pooled where there are many."""

import numpy as np
import pytest
from sksurv.nonparametric import kaplan_meier_estimator

from pipeline.survival_forest import TimeGrid


def test_few_event_times_are_kept_as_they_are():
    time, event = np.array([3.0, 1.0, 2.0, 2.0, 5.0]), np.array([True, True, True, False, False])
    grid = TimeGrid.of(time, event, 10)
    assert grid.months.tolist() == [1.0, 2.0, 3.0]
    assert not grid.pooled
    # at risk up to and including the own month, whether by event or by censoring
    assert grid.ranks(time, event).tolist() == [3, 1, 2, 2, 3]


def test_a_patient_censored_before_the_first_event_is_never_at_risk():
    grid = TimeGrid(np.array([4.0, 6.0]), pooled=False)
    assert grid.ranks(np.array([3.9, 4.0]), np.array([False, False])).tolist() == [0, 1]


def test_many_event_times_become_quantiles_that_hold_equal_shares():
    rng = np.random.default_rng(0)
    time, event = rng.exponential(10, 5000), rng.random(5000) < 0.7
    grid = TimeGrid.of(time, event, 50)
    assert grid.pooled
    assert len(grid.months) == 50
    counts = np.bincount(grid.ranks(time, event)[event], minlength=51)[1:]
    assert counts.min() >= event.sum() // 50 - 1
    assert counts.max() <= event.sum() // 50 + 2


def test_pooled_survival_stays_close_to_that_of_every_event_time():
    rng = np.random.default_rng(1)
    time, event = rng.exponential(10, 5000), rng.random(5000) < 0.6
    grid = TimeGrid.of(time, event, 100)
    leaving = np.bincount(grid.ranks(time, event), minlength=101)
    happened = np.bincount(grid.ranks(time, event)[event], minlength=101)[1:]
    at_risk = leaving[1:][::-1].cumsum()[::-1]
    survival = (1 - happened / at_risk).cumprod()
    months, exact = kaplan_meier_estimator(event, time)
    at_knots = exact[np.searchsorted(months, grid.months, side="right") - 1]
    # the last interval runs from 10 % at risk to the end of follow-up
    assert np.abs(survival - at_knots)[:-1].max() < 0.002


@pytest.mark.parametrize(("pooled", "wanted"), [(False, [1.0, 1.0, 0.8, 0.8, 0.4, 0.4]),
                                                (True, [1.0, 0.9, 0.8, 0.6, 0.4, 0.4])])  # fmt: skip
def test_curves_step_or_run_straight(pooled, wanted):
    grid = TimeGrid(np.array([2.0, 4.0]), pooled)
    found = grid.curve_at(np.array([[0.8, 0.4]]), 1.0, np.array([0.0, 1.0, 2.0, 3.0, 4.0, 9.0]))
    np.testing.assert_allclose(found[0], wanted)
