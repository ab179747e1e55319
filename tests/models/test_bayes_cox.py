"""The Bayesian Cox model: posterior beside exact integration, coverage, and what evidence is worth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipeline.artifacts import write_json
from pipeline.features import FeatureBuilder
from pipeline.metrics import METRICS
from pipeline.models import build_model, null_prediction
from pipeline.models.bayes_cox import BayesCox
from pipeline.models.coefficient_prior import CoefficientPrior
from pipeline.models.contract import ModelContext
from pipeline.models.partial_likelihood import RiskSets
from pipeline.schema import OUTCOMES, Cohort, Column, InputError

FEATURES = 6
COLUMNS = tuple(Column(f"x{k}", "baseline", "number", f"X{k}", "", "blood") for k in range(FEATURES))
MEAN = np.array([0.6, -0.5, 0.4, 0.3, -0.2, 0.0])
SPREAD = 0.15
RATE = 0.05


def drawn(patients, beta, rng, rate=RATE):
    x = rng.normal(size=(patients, FEATURES))
    died_at = rng.exponential(size=patients) / (rate * np.exp(x @ beta))
    left_at = rng.uniform(10, 40, patients)
    observed = pd.DataFrame(x, columns=[c.name for c in COLUMNS])
    observed["os_months"] = np.maximum(np.minimum(died_at, left_at), 0.01)
    observed["died"] = died_at <= left_at
    observed.index.name = "patient"
    return Cohort("drawn", observed, (*COLUMNS, OUTCOMES[0], OUTCOMES[1]), simulated=True)


def outcome(cohort):
    y = np.empty(len(cohort), dtype=[("event", bool), ("time", float)])
    y["event"], y["time"] = cohort.observed["died"], cohort.observed["os_months"]
    return y


CONTEXT = ModelContext(COLUMNS, "os", (12.0,), 40.0)


@pytest.fixture(scope="module")
def prior():
    rng = np.random.default_rng(1)
    worlds = [MEAN + SPREAD * rng.normal(size=FEATURES) for _ in range(40)]
    cohorts = [drawn(1500, beta, rng, RATE * np.exp(rng.normal(0, 0.1))) for beta in worlds]
    return CoefficientPrior.of(cohorts, "os", COLUMNS, "made for a test")


@pytest.fixture(scope="module")
def prior_file(prior, tmp_path_factory):
    path = tmp_path_factory.mktemp("prior") / "prior.json"
    write_json(path, prior.to_dict())
    return str(path)


def fitted(prior_file, cohort, **options):
    model = BayesCox(CONTEXT, prior=prior_file, **options)
    return model.fit(cohort.observed, outcome(cohort), np.random.default_rng(0))


def per_unit(prior):
    """Features are standardised; the truth of a test is per unit of a column."""
    return prior.features.transform(
        pd.DataFrame(np.eye(FEATURES), columns=[c.name for c in COLUMNS])
    ).to_numpy() - (
        prior.features.transform(
            pd.DataFrame(np.zeros((1, FEATURES)), columns=[c.name for c in COLUMNS])
        ).to_numpy()
    )


def test_the_prior_recovers_what_its_cohorts_were_drawn_from(prior):
    scale = np.diag(per_unit(prior))
    assert np.allclose(prior.mean * scale, MEAN, atol=3.3 * SPREAD / np.sqrt(40))
    sd = np.sqrt(np.diag(prior.covariance)) * scale
    # the spread of the worlds and, of cohorts of 1,500, a standard error of about 0.03
    assert np.allclose(sd, np.hypot(SPREAD, 0.03), rtol=0.35)
    at = np.searchsorted(prior.months, 10)
    assert prior.hazard[at] == pytest.approx(RATE * 10, rel=0.15)


def test_the_prior_survives_its_file(prior, prior_file):
    model = BayesCox(CONTEXT, prior=prior_file)
    np.testing.assert_array_equal(model.prior.mean, prior.mean)
    np.testing.assert_array_equal(model.prior.covariance, prior.covariance)


def test_the_posterior_equals_exact_integration_in_one_dimension(prior, tmp_path):
    one = replace(
        prior,
        features=FeatureBuilder(COLUMNS[:1]).fit(drawn(500, MEAN, np.random.default_rng(2)).observed),
        mean=prior.mean[:1], covariance=prior.covariance[:1, :1], feature_means=prior.feature_means[:1],
    )  # fmt: skip
    path = tmp_path / "one.json"
    write_json(path, one.to_dict())
    cohort = drawn(60, MEAN, np.random.default_rng(3))
    model = fitted(str(path), cohort, heterogeneity=(0.1,))
    x = one.features.transform(cohort.observed).to_numpy() - one.feature_means
    y = outcome(cohort)
    sets = RiskSets.of(x, y["time"], y["event"])
    grid = np.linspace(-2, 3, 4001)
    variance = one.covariance[0, 0] + 0.01
    log_density = np.array([sets.log_likelihood(np.array([b])) for b in grid]) - (grid - one.mean[0]) ** 2 / (
        2 * variance
    )
    density = np.exp(log_density - log_density.max())
    density /= density.sum()
    mean = float(grid @ density)
    sd = float(np.sqrt(((grid - mean) ** 2) @ density))
    assert model.coefficients[0] == pytest.approx(mean, abs=0.1 * sd)
    assert np.sqrt(model.posterior.covariance[0, 0]) == pytest.approx(sd, rel=0.05)


def test_without_an_event_the_posterior_is_the_prior(prior, prior_file):
    cohort = drawn(10, MEAN, np.random.default_rng(4))
    cohort = replace(cohort, observed=cohort.observed.assign(died=False))
    model = fitted(prior_file, cohort)
    np.testing.assert_allclose(model.coefficients, prior.mean)
    assert np.all(
        np.diag(model.posterior.covariance) > np.diag(prior.covariance)
    )  # others may differ from the published


def test_intervals_are_those_of_the_mixture_not_of_one_normal(prior_file):
    cohort = drawn(40, MEAN, np.random.default_rng(8))
    nobody_died = replace(cohort, observed=cohort.observed.assign(died=False))
    model = fitted(prior_file, nobody_died, heterogeneity=(0.0, 1.0), heterogeneity_scale=1.0)
    weight = np.array(list(model.posterior.heterogeneity.values()))
    np.testing.assert_allclose(weight, np.array([1, np.exp(-0.5)]) / (1 + np.exp(-0.5)))
    rng = np.random.default_rng(9)
    kind = rng.choice(len(weight), 400_000, p=weight)
    table = model.intervals(0.9)
    means, sds = model.posterior.means_by_heterogeneity, model.posterior.sds_by_heterogeneity
    for k in range(FEATURES):
        sample = rng.normal(means[kind, k], sds[kind, k])
        inside = np.mean((table["low"][k] <= sample) & (sample <= table["high"][k]))
        assert abs(inside - 0.9) < 4 * np.sqrt(0.09 / len(sample))
    one_normal = model.coefficients - 1.645 * np.sqrt(np.diag(model.posterior.covariance))
    assert np.abs(one_normal - table["low"]).min() > 0.02
    single = fitted(prior_file, cohort, heterogeneity=(0.1,))
    expected = single.coefficients + 1.6448536 * np.sqrt(np.diag(single.posterior.covariance))
    np.testing.assert_allclose(single.intervals(0.9)["high"], expected, atol=1e-6)


def coverage(prior, prior_file, replicates, shift=0.0, **options):
    rng, scale = np.random.default_rng(5), np.diag(per_unit(prior))
    inside = []
    for _ in range(replicates):
        beta = MEAN + shift + SPREAD * rng.normal(size=FEATURES)
        table = fitted(prior_file, drawn(60, beta, rng), **options).intervals(0.9)
        inside.append((table["low"] * scale <= beta) & (beta <= table["high"] * scale))
    return float(np.mean(inside))


def test_intervals_cover_what_the_evidence_allows(prior, prior_file):
    # 150 x 6 near-independent checks: a standard error of 0.01
    assert abs(coverage(prior, prior_file, 150) - 0.90) < 0.035


def test_intervals_fail_where_evidence_is_wrong_and_no_heterogeneity_is_allowed(prior, prior_file):
    wrong = coverage(prior, prior_file, 60, shift=0.6, heterogeneity=(0.0,))
    assert wrong < 0.6
    assert coverage(prior, prior_file, 60, shift=0.6) > wrong + 0.05


def test_evidence_helps_small_cohorts_and_yields_to_large_ones(prior, prior_file):
    rng = np.random.default_rng(6)
    gains = []
    for _ in range(12):
        beta = MEAN + SPREAD * rng.normal(size=FEATURES)
        train, test = drawn(40, beta, rng), drawn(600, beta, rng)
        y = outcome(test)
        null = null_prediction(y["time"], y["event"], len(y), np.array([12.0]))
        found = []
        scratch = build_model("cox", CONTEXT)
        scratch.fit(train.observed, outcome(train), np.random.default_rng(0))
        for model in (fitted(prior_file, train), scratch):
            prediction = model.predict(test.observed, np.array([12.0]))
            found.append(
                [METRICS[m](y, prediction, null, h)[0] for m, h in (("uno_c", None), ("brier", 12.0))]
            )
        gains.append(np.subtract(*found))
    t = np.mean(gains, axis=0) / (np.std(gains, axis=0, ddof=1) / np.sqrt(len(gains)))
    assert t[0] > 2
    assert t[1] < -2
    beta = MEAN + 0.5
    large = drawn(8000, beta, rng)
    model = fitted(prior_file, large)
    scale = np.diag(per_unit(prior))
    np.testing.assert_allclose(model.coefficients * scale, beta, atol=0.1)


def test_a_prior_that_does_not_fit_is_refused(prior_file, tmp_path):
    with pytest.raises(InputError, match=r"prior is of endpoint 'os', the analysis of 'pfs'.*lacks x5"):
        BayesCox(replace(CONTEXT, endpoint="pfs", columns=COLUMNS[:5]), prior=prior_file)
    with pytest.raises(InputError, match="lungio prior COHORT"):
        BayesCox(CONTEXT, prior=str(tmp_path / "none.json"))
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    with pytest.raises(InputError, match="not a prior that can be read"):
        BayesCox(CONTEXT, prior=str(broken))


def test_too_few_cohorts_make_no_prior():
    with pytest.raises(InputError, match="at least 5 drawn cohorts"):
        CoefficientPrior.of([drawn(50, MEAN, np.random.default_rng(0))], "os", COLUMNS, "")
