"""Resamples and their intervals."""

import numpy as np
import pytest

from pipeline.metrics import interval, resamples
from pipeline.schema import Prediction

from .judging import GOLDEN, MONTHS, structured, value


def test_resamples_keep_their_size_and_begin_with_the_sample():
    weights = resamples(50, 30, np.random.default_rng(0))
    assert weights.shape == (31, 50)
    assert (weights[0] == 1).all()
    assert (weights.sum(axis=1) == 50).all()
    np.testing.assert_array_equal(weights, resamples(50, 30, np.random.default_rng(0)))


def test_an_interval_is_a_pair_of_percentiles():
    values = np.linspace(0, 1, 1001)[:, None] * np.array([1.0, 10.0])
    low, high = interval(values, 0.9)
    np.testing.assert_allclose(low, [0.05, 0.5])
    np.testing.assert_allclose(high, [0.95, 9.5])


def test_a_percentile_interval_over_patients_equals_r(golden):
    drawn = GOLDEN["bootstrap"]
    values = value("harrell_c", *golden, weights=np.array(drawn["weights"], dtype=float))
    np.testing.assert_allclose(values, drawn["harrell_c"], atol=1e-12)
    ends = interval(values[:, None], 0.95)
    np.testing.assert_allclose(np.ravel(ends), drawn["interval"], atol=1e-12)


@pytest.mark.parametrize(("undefined", "defined"), [(5, True), (15, False)])
def test_an_interval_needs_most_resamples_to_be_defined(undefined, defined):
    values = np.linspace(0, 1, 100)
    values[:undefined] = np.nan
    low, high = interval(values[:, None], 0.95)
    assert np.isfinite([low[0], high[0]]).all() == defined


def test_the_bootstrap_spread_of_a_mean_is_its_standard_error():
    rng = np.random.default_rng(4)
    y = structured(rng.uniform(0, 24, 600), np.ones(600))
    prediction = Prediction(np.zeros(600), MONTHS, np.tile(rng.uniform(0, 1, (600, 1)), (1, len(MONTHS))))
    spread = value("brier", y, prediction, weights=resamples(600, 1000, rng))[1:].std()
    losses = (prediction.at(12.0) - (y["time"] > 12)) ** 2
    # The spread over 1,000 resamples is known to 1/sqrt(2000) = 2.2 %; four of these.
    assert spread == pytest.approx(losses.std() / np.sqrt(600), rel=0.09)
