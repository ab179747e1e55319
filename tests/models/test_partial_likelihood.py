"""The partial likelihood and its ridge fit, beside R's survival."""

import numpy as np
import pytest

from pipeline.models.partial_likelihood import RiskSets, cross_validated_likelihood, ridge_fit

from .fitting import GOLDEN, golden_outcome


def test_partial_likelihood_equals_r():
    sets = RiskSets.of(
        np.array(GOLDEN["x"], float), np.array(GOLDEN["time"], float), golden_outcome()["event"]
    )
    null, best = GOLDEN["log_likelihood"]
    assert sets.log_likelihood(np.zeros(3)) == pytest.approx(null, abs=1e-9)
    assert sets.log_likelihood(np.array(GOLDEN["coefficients"])) == pytest.approx(best, abs=1e-9)


def test_ridge_coefficients_equal_r():
    sets = RiskSets.of(
        np.array(GOLDEN["standardised"]), np.array(GOLDEN["time"], float), golden_outcome()["event"]
    )
    found = ridge_fit(sets, GOLDEN["theta"], np.zeros(3))
    np.testing.assert_allclose(found, GOLDEN["ridge_coefficients"], atol=1e-7)


def test_derivatives_are_those_of_the_likelihood():
    sets = RiskSets.of(
        np.array(GOLDEN["x"], float), np.array(GOLDEN["time"], float), golden_outcome()["event"]
    )
    beta, small = np.array([0.3, -0.2, 0.1]), 1e-5
    value, gradient = sets.gradient(beta)
    information = sets.information(beta)
    assert value == pytest.approx(sets.log_likelihood(beta), abs=1e-9)
    for j, e in enumerate(np.eye(3) * small):
        numeric = (sets.log_likelihood(beta + e) - sets.log_likelihood(beta - e)) / (2 * small)
        assert gradient[j] == pytest.approx(numeric, abs=1e-5)
        bend = (sets.gradient(beta + e)[1] - sets.gradient(beta - e)[1]) / (2 * small)
        np.testing.assert_allclose(-information[j], bend, atol=1e-5)


def test_cross_validated_likelihood_is_what_it_says():
    x, y = np.array(GOLDEN["standardised"]), golden_outcome()
    found = cross_validated_likelihood(x, y["time"], y["event"], (0.05,), 4, np.random.default_rng(5))
    rng, fold = np.random.default_rng(5), np.empty(len(y), dtype=int)
    for had in (True, False):
        rows = np.flatnonzero(y["event"] == had)
        fold[rng.permutation(rows)] = np.arange(len(rows)) % 4
    total = 0.0
    for k in range(4):
        kept = fold != k
        some = RiskSets.of(x[kept], y["time"][kept], y["event"][kept])
        beta = ridge_fit(some, 0.05 * kept.sum(), np.zeros(3))
        total += RiskSets.of(x, y["time"], y["event"]).log_likelihood(beta) - some.log_likelihood(beta)
    assert found[0] == pytest.approx(total, abs=1e-6)
