"""The Bayesian landmark supermodel: its limits, the worth of a row, coverage, and what it refuses."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from pipeline.dynamic import LANDMARK, DynamicAnalysis, check_names, stack_landmarks
from pipeline.dynamic.bayes_supermodel import BayesSupermodel
from pipeline.dynamic.supermodel import LandmarkSupermodel
from pipeline.landmark import LandmarkFeatures
from pipeline.models.posterior import CoxPosterior
from pipeline.schema import InputError

from .alike_rows import MARKERS, made_stack, prior_of
from .joint_patients import joint_patients
from .priors import kept, learnt

RNG = np.random.default_rng(0)
OPEN = 0.3  # spread of a coefficient between worlds
ANALYSIS = DynamicAnalysis(endpoint="os", landmarks_months=(1.5, 3, 6), window_months=12)


@pytest.fixture(scope="module")
def stack():
    return made_stack(150, np.array([0.6, -0.4, 0.2]), np.random.default_rng(1))


def test_without_an_event_the_posterior_is_the_prior(stack):
    quiet = stack.y.copy()
    quiet["event"] = False
    prior = prior_of(stack, 0.2, 0.04)
    model = BayesSupermodel(prior=kept(prior), heterogeneity=(0.0,)).fit(replace(stack, y=quiet), RNG)
    np.testing.assert_allclose(model.posterior.coefficients, prior.mean)
    np.testing.assert_allclose(model.posterior.covariance, prior.covariance)
    assert model.likelihood.worth == 1.0
    assert model.predict(stack.table, np.array([6.0])).survival.mean() > 0.7  # nobody died


def test_with_a_very_wide_prior_it_is_the_supermodel(stack):
    scratch = LandmarkSupermodel(penalties=(1e-9,)).fit(stack, np.random.default_rng(0))
    model = BayesSupermodel(prior=kept(prior_of(stack, 0.0, 1e8)), heterogeneity=(0.0,)).fit(stack, RNG)
    assert tuple(model.table()["term"]) == scratch.names
    np.testing.assert_allclose(model.posterior.coefficients, scratch.coefficients, atol=1e-4)
    tight = BayesSupermodel(prior=kept(prior_of(stack, 0.0, 1e-3)), heterogeneity=(0.0,)).fit(stack, RNG)
    assert np.abs(tight.posterior.coefficients - scratch.coefficients).max() > 0.1


def test_order_of_rows_and_threads_change_no_bit(stack):
    path = kept(prior_of(stack, 0.1, 0.05))
    order = np.random.default_rng(4).permutation(len(stack))
    turned = replace(
        stack, table=stack.table.iloc[order], y=stack.y[order],
        patient=pd.factorize(stack.table.index[order])[0],
    )  # fmt: skip
    first = BayesSupermodel(prior=path).fit(stack, np.random.default_rng(1))
    with threadpool_limits(2):
        second = BayesSupermodel(prior=path).fit(turned, np.random.default_rng(2))
    assert first.likelihood.worth == second.likelihood.worth
    np.testing.assert_array_equal(first.posterior.coefficients, second.posterior.coefficients)
    np.testing.assert_array_equal(first.posterior.covariance, second.posterior.covariance)


def covered(replicates, weighed):
    """Share of 90 % intervals for effects of markers that hold the truth, drawn from the prior."""
    rng = np.random.default_rng(7)
    reference = made_stack(2000, np.zeros(3), rng)
    names = prior_of(reference, 0.0, 1.0).names
    main = np.array([names.index(c.name) for c in MARKERS])
    mean, variance = np.zeros(len(names)), np.full(len(names), 1e-6)
    variance[main] = OPEN**2
    variance[:2] = 1.0
    inside = []
    for _ in range(replicates):
        beta = OPEN * rng.normal(size=3)  # features are standardised with a spread of 1 but for 2 %
        small = made_stack(60, beta, rng)
        prior = prior_of(reference, mean, variance)
        if weighed:
            model = BayesSupermodel(prior=kept(prior), heterogeneity=(0.0,)).fit(small, RNG)
            table = model.intervals(0.9)
        else:
            options = BayesSupermodel(prior=kept(prior), heterogeneity=(0.0,)).options
            y = small.y
            found = CoxPosterior.of(prior, options, prior.centred(small.table), y["time"], y["event"])
            table = found.intervals(prior, 0.9)
        inside.append((table["low"][main] <= beta) & (beta <= table["high"][main]))
    return float(np.mean(inside))


def test_intervals_cover_and_would_not_if_rows_counted_as_independent():
    # 120 x 3 checks: a standard error of 0.016
    assert abs(covered(120, weighed=True) - 0.90) < 0.05
    assert covered(120, weighed=False) < 0.82


def test_the_prior_helps_a_small_cohort():
    prior = learnt([joint_patients(300, 300 + k) for k in range(6)], ANALYSIS)
    tested = joint_patients(600, 50)
    gains = []
    for seed in range(6):
        train = joint_patients(40, 60 + seed)
        features = LandmarkFeatures().fit(train.visits, train.observed.index)
        stack = stack_landmarks(train, "os", ANALYSIS.landmarks_months, 12.0, features)
        judged = stack_landmarks(tested, "os", (3.0,), 12.0, features)
        risks = [
            model.fit(stack, np.random.default_rng(0)).predict(judged.table, np.array([6.0])).survival[:, 0]
            for model in (BayesSupermodel(prior=kept(prior)), LandmarkSupermodel())
        ]
        alive = (judged.y["time"] > 6) & ~(judged.y["event"] & (judged.y["time"] <= 6))
        known = alive | judged.y["event"]
        gains.append(np.subtract(*(np.mean((s[known] - alive[known]) ** 2) for s in risks)))
    assert np.mean(gains) + 2 * np.std(gains, ddof=1) / np.sqrt(len(gains)) < 0


def test_all_that_does_not_fit_is_named_before_any_work(stack):
    path = kept(prior_of(stack, 0.0, 0.1))
    asked = DynamicAnalysis(
        endpoint="pfs", landmarks_months=(3, 24), window_months=9,
        models={"bayes_supermodel": {"prior": path}}, metrics=("auc", "acc"),
    )  # fmt: skip
    with pytest.raises(InputError) as refused:
        check_names(asked)
    for said in ("metrics: unknown 'acc'", "prior is of endpoint 'os', the analysis of 'pfs'",
                 "of a window of 12 months, the analysis of 9", "24 lie beyond it"):  # fmt: skip
        assert said in str(refused.value), said
    other = replace(stack, columns=(*MARKERS[:2], LANDMARK), table=stack.table.drop(columns="x2"))
    with pytest.raises(InputError, match="the cohort lacks x2, which the prior uses"):
        BayesSupermodel(prior=path).fit(other, RNG)
    with pytest.raises(InputError, match="prior is missing"):
        BayesSupermodel()
    with pytest.raises(InputError, match=r"heterogeneity_scale: .*Got -1 .*unknown option 'penalty'"):
        BayesSupermodel(penalty=1, heterogeneity_scale=-1)
