"""The posterior of Cox's coefficients: from patients, and from a likelihood known at one point."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipeline.features import FeatureBuilder
from pipeline.models.coefficient_prior import CoefficientPrior
from pipeline.models.partial_likelihood import RiskSets
from pipeline.models.posterior import CoxPosterior, Heterogeneity, QuadraticLikelihood
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


def test_a_likelihood_known_at_one_point_gives_the_same_posterior(drawn):
    prior, x, months, event = drawn
    single = Heterogeneity(heterogeneity=(0.1,))
    whole = CoxPosterior.of(prior, single, x, months, event)
    sets = RiskSets.of(x, months, event)
    at = whole.coefficients
    known = QuadraticLikelihood(at, sets.gradient(at)[1], sets.information(at), 1.0)
    found = CoxPosterior.of_quadratic(prior, single, known, x, months, event)
    np.testing.assert_allclose(found.coefficients, at, atol=1e-7)
    np.testing.assert_allclose(found.covariance, whole.covariance, rtol=1e-6)
    np.testing.assert_allclose(
        found.baseline_cumulative_hazard, whole.baseline_cumulative_hazard, rtol=1e-6
    )  # fmt: skip


def test_heterogeneity_is_weighed_alike_from_one_point(drawn):
    prior, x, months, event = drawn
    whole = CoxPosterior.of(prior, ALLOWED, x, months, event)
    sets = RiskSets.of(x, months, event)
    at = whole.coefficients
    known = QuadraticLikelihood(at, sets.gradient(at)[1], sets.information(at), 1.0)
    found = CoxPosterior.of_quadratic(prior, ALLOWED, known, x, months, event)
    assert found.heterogeneity[0.2] == pytest.approx(whole.heterogeneity[0.2], abs=0.02)
    assert 0.02 < found.heterogeneity[0.2] < 0.98


def test_a_likelihood_that_tells_nothing_leaves_the_prior(drawn):
    prior, x, months, event = drawn
    nothing = QuadraticLikelihood(prior.mean, np.zeros(2), np.zeros((2, 2)), 1e-9)
    single = Heterogeneity(heterogeneity=(0.0,))
    found = CoxPosterior.of_quadratic(prior, single, nothing, x, months, event)
    np.testing.assert_allclose(found.coefficients, prior.mean, atol=1e-12)
    np.testing.assert_allclose(found.covariance, prior.covariance, rtol=1e-9)
    at = np.searchsorted(found.baseline_months, 12.0)
    expected = np.interp(12.0, prior.months, prior.hazard)
    assert found.baseline_cumulative_hazard[at] == pytest.approx(expected, rel=0.02)


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


def test_a_hazard_that_may_differ_between_populations_follows_the_patients(drawn):
    prior, x, months, event = drawn
    twice = replace(prior, hazard=2 * prior.hazard, concentration=2000.0)  # far too sure, and wrong
    single = Heterogeneity(heterogeneity=(0.0,))
    kept, moved = (
        CoxPosterior.of(twice, single.model_copy(update={"hazard_heterogeneity": sd}), x, months, event)
        for sd in (0.0, 0.5)
    )
    at = 12.0
    found = [np.interp(at, p.baseline_months, p.baseline_cumulative_hazard) for p in (kept, moved)]
    truth = 0.05 * at
    assert abs(found[1] - truth) < 0.15 * truth
    assert abs(found[0] - truth) > 0.6 * truth


def test_loosening_adds_to_the_squared_coefficient_of_variation(drawn):
    prior, *_ = drawn
    middle = prior.hazard[np.searchsorted(prior.hazard, prior.hazard[-1] / 2)]
    before, after = (1 / (p.concentration * middle) for p in (prior, prior.loosened(0.3)))
    assert after - before == pytest.approx(0.09)
    assert prior.loosened(0.0) is prior
