"""Restricted means between halves and beside predictions: R, closed forms, ties at the median."""

import numpy as np
import pytest

from pipeline.metrics.rmst import predicted_mean
from pipeline.schema import Prediction

from .judging import GOLDEN, MONTHS, flat, structured, two_groups, value


def test_the_difference_between_halves_equals_r(golden):
    y, _ = golden
    ranked = 1 - np.array(GOLDEN["distinct_risk"]) / 200
    prediction = Prediction(-ranked, np.array([12.0]), ranked[:, None])
    got = value("rmst_difference", y, prediction)
    assert got == pytest.approx(GOLDEN["rmst_difference"], abs=1e-12)


def test_two_groups_in_closed_form():
    rates = (0.10, 0.03)
    y, prediction = two_groups(40_000, rates, np.random.default_rng(12))
    high, low = ((1 - np.exp(-r * 12)) / r for r in rates)
    # The standard error of a mean of 20,000 times of at most 12 months is below 0.04.
    assert value("rmst_difference", y, prediction) == pytest.approx(low - high, abs=0.15)
    step = prediction.months[1] - prediction.months[0]
    assert abs(value("rmst_bias", y, prediction)) < 0.12 + rates[0] ** 2 * step**2
    late = Prediction(prediction.risk, prediction.months, prediction.survival**2)
    assert value("rmst_bias", y, late) > 1.5  # the twin: twice the hazard is far too pessimistic


def test_patients_tied_at_the_median_are_shared():
    y = structured([2.0, 4.0, 6.0, 8.0], [1, 1, 1, 1])
    prediction = Prediction(np.zeros(4), MONTHS, np.tile([[0.9], [0.5], [0.5], [0.1]], (1, len(MONTHS))))
    # Lower half: the first, and half of each of the tied; upper half: the last, and the other halves.
    low, high = (2 + 0.5 * 4 + 0.5 * 6) / 2, (8 + 0.5 * 4 + 0.5 * 6) / 2
    assert value("rmst_difference", y, prediction) == pytest.approx(low - high)


def test_predicted_months_are_the_area_from_one():
    np.testing.assert_allclose(predicted_mean(flat(2, 1.0), 12.0), 12.0)
    np.testing.assert_allclose(predicted_mean(flat(1, 0.0), 12.0), 0.5)  # one trapezoid from 1 to 0
