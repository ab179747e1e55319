"""The posterior of Cox's coefficients: what the likelihood's power means, beside rows given twice."""

import numpy as np
import pandas as pd
import pytest

from pipeline.features import FeatureBuilder
from pipeline.models.coefficient_prior import CoefficientPrior
from pipeline.models.posterior import CoxPosterior, Heterogeneity
from pipeline.schema import Column

COLUMNS = tuple(Column(f"x{k}", "baseline", "number", f"X{k}", "", "blood") for k in range(2))
ALLOWED = Heterogeneity(heterogeneity=(0.0, 0.2), heterogeneity_scale=0.2)


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(400, 2))
    died_at = rng.exponential(size=400) / (0.05 * np.exp(x @ np.array([0.7, -0.3])))
    left_at = rng.uniform(5, 30, 400)
    features = FeatureBuilder(COLUMNS).fit(pd.DataFrame(x, columns=["x0", "x1"]))
    months = np.linspace(0.2, 24, 100)
    prior = CoefficientPrior(
        "os", features, np.array([0.4, 0.0]), 0.02 * np.eye(2), np.zeros(2), months, 0.05 * months, 15.0, ""
    )
    return prior, x, np.minimum(died_at, left_at), died_at <= left_at


def test_rows_given_twice_at_half_their_worth_are_rows_given_once(drawn):
    prior, x, months, event = drawn
    once = CoxPosterior.of(prior, ALLOWED, x, months, event)
    # a hair apart, so that doubles are no ties
    twice = np.tile(x, (2, 1)), np.concatenate([months, months + 1e-7]), np.tile(event, 2)
    half = CoxPosterior.of(prior, ALLOWED, *twice, worth=0.5)
    full = CoxPosterior.of(prior, ALLOWED, *twice)
    sd = np.sqrt(np.diag(once.covariance))
    assert np.abs(half.coefficients - once.coefficients).max() < 0.05 * sd.min()
    np.testing.assert_allclose(np.sqrt(np.diag(half.covariance)), sd, rtol=0.02)
    assert np.all(np.sqrt(np.diag(full.covariance)) < 0.9 * sd)
    assert half.heterogeneity[0.2] == pytest.approx(once.heterogeneity[0.2], abs=0.02)
    at = np.searchsorted(half.baseline_months, 12.0)
    expected = np.interp(12.0, once.baseline_months, once.baseline_cumulative_hazard)
    assert half.baseline_cumulative_hazard[at] == pytest.approx(expected, rel=0.03)


def test_a_worth_of_nothing_leaves_the_prior(drawn):
    prior, x, months, event = drawn
    single = Heterogeneity(heterogeneity=(0.0,))
    found = CoxPosterior.of(prior, single, x, months, event, worth=1e-9)
    np.testing.assert_allclose(found.coefficients, prior.mean, atol=1e-5)
    np.testing.assert_allclose(found.covariance, prior.covariance, rtol=1e-5)


def test_survival_is_the_mean_over_what_is_not_known(drawn):
    prior, x, months, event = drawn
    found = CoxPosterior.of(prior, ALLOWED, x, months, event)
    at = np.array([6.0, 12.0])
    survival = found.predict(x[:3], at).survival
    hazard = found.baseline_cumulative_hazard[np.searchsorted(found.baseline_months, at, side="right") - 1]
    draws = np.random.default_rng(1).multivariate_normal(found.coefficients, found.covariance, 200_000)
    for row in range(3):
        expected = np.exp(-np.exp(draws @ x[row])[:, None] * hazard).mean(axis=0)
        np.testing.assert_allclose(survival[row], expected, atol=2e-3)


def test_parameters_name_each_heterogeneity(drawn):
    prior, x, months, event = drawn
    found = CoxPosterior.of(prior, ALLOWED, x, months, event).probabilities()
    assert set(found) == {"probability[heterogeneity=0]", "probability[heterogeneity=0.2]"}
    assert sum(found.values()) == pytest.approx(1, abs=1e-3)
