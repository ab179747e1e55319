"""Kaplan-Meier curves of weighted samples, beside two libraries."""

import numpy as np
import pytest

from pipeline.metrics.event_free import EventFree

from .judging import GOLDEN, structured


def test_the_curve_and_its_area_equal_two_libraries(golden):
    from lifelines import KaplanMeierFitter
    from lifelines.utils import restricted_mean_survival_time
    from sksurv.nonparametric import kaplan_meier_estimator

    y, _ = golden
    ours = EventFree.of(y, np.ones((1, len(y))))
    months, survival = kaplan_meier_estimator(y["event"], y["time"])
    np.testing.assert_allclose([ours.at(m)[0] for m in months], survival, atol=1e-12)
    fitter = KaplanMeierFitter().fit(y["time"], y["event"])
    want = restricted_mean_survival_time(fitter, t=12.0)
    assert ours.restricted_mean(12.0)[0] == pytest.approx(want, abs=1e-9)
    assert ours.restricted_mean(12.0)[0] == pytest.approx(GOLDEN["rmst"], abs=1e-12)


def test_weights_are_patients_entered_again(golden):
    y, _ = golden
    weights = np.array([GOLDEN["weights"]], dtype=float)
    again = y[np.repeat(np.arange(len(y)), weights[0].astype(int))]
    one, two = EventFree.of(y, weights), EventFree.of(again, np.ones((1, len(again))))
    for month in (3.0, 9.0, 14.9):
        np.testing.assert_allclose(one.at(month), two.at(month), atol=1e-12)


def test_the_last_value_is_carried_past_follow_up():
    curve = EventFree.of(structured([1.0, 2.0], [1, 0]), np.ones((1, 2)))
    assert curve.at(50.0)[0] == 0.5
    assert curve.restricted_mean(3.0)[0] == pytest.approx(1 + 0.5 * 2)
