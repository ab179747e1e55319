"""Loss to follow-up: as many as asked for whoever they are, and a bias that the truth shows."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from pipeline.schema import InputError
from synthetic_data.conduct.leaving import LeavingSpec, build_leaving
from synthetic_data.copula import correlated_scores
from synthetic_data.dependence import dependence_of

N = 40_000
RATE = 0.03
SPEC = LeavingSpec(markers={"ecog_ps": 0.5, "nlr": 0.3}, unmeasured=1.5)


@pytest.fixture(scope="module")
def dependence(markers):
    return dependence_of({k: markers[k] for k in ("age", "ecog_ps", "nlr")})


def patients(dependence, n=N, seed=1):
    """Return normal scores by column, and the unmeasured log hazard with standard deviation 0.5."""
    rng = np.random.default_rng(seed)
    scores = correlated_scores(dependence.root, rng.standard_normal((3, n)))
    names = [dependence.margins[i].simulation.column for i in dependence.ids]
    return dict(zip(names, scores, strict=True)), 0.5 * rng.standard_normal(n)


def lost(dependence, spec=SPEC, rate=RATE, n=N):
    scores, hidden = patients(dependence, n)
    leaving = build_leaving(spec, rate, 0.5, dependence)
    months, log_hazard = leaving.draw(scores, hidden, np.random.default_rng(2).random(len(hidden)))
    return months, log_hazard, hidden


def test_time_to_loss_is_exponential_in_the_population(dependence):
    months, log_hazard, _ = lost(dependence)
    assert log_hazard.std() > 0.8
    assert kstest(months, "expon", args=(0, 1 / RATE)).pvalue > 1e-3


def test_the_exponential_test_can_fail(dependence):
    """The same hazards without a solved baseline: too many leave early, too few late."""
    _, log_hazard, _ = lost(dependence)
    raw = np.random.default_rng(2).exponential(size=N) / RATE / np.exp(log_hazard)
    assert kstest(raw, "expon", args=(0, 1 / RATE)).pvalue < 1e-3


def survival_at(months, event, at):
    """Kaplan-Meier estimate, ties not expected."""
    order = np.argsort(months)
    steps = np.where(event[order], 1 - 1 / np.arange(len(months), 0, -1), 1.0)
    return float(np.prod(steps[months[order] <= at]))


@pytest.mark.parametrize(("spec", "biased"), [(SPEC, True), (LeavingSpec(unmeasured=0.0), False)])
def test_kaplan_meier_is_biased_when_the_sick_leave_and_right_when_anybody_does(dependence, spec, biased):
    months, _, hidden = lost(dependence, spec)
    death = np.random.default_rng(3).exponential(size=N) / (0.05 * np.exp(2 * hidden))
    truth = (death > 24).mean()
    seen = survival_at(np.minimum(death, months), death <= months, 24.0)
    error = math.sqrt(truth * (1 - truth) / N)
    if biased:
        assert seen > truth + 8 * error
    else:
        assert abs(seen - truth) < 5 * error


def test_nobody_is_lost_at_a_rate_of_zero(dependence):
    months, _, _ = lost(dependence, rate=0.0, n=100)
    assert np.isinf(months).all()


def test_an_unknown_marker_is_named(dependence):
    with pytest.raises(InputError, match="'shoe_size' is not drawn"):
        build_leaving(LeavingSpec(markers={"shoe_size": 1}), RATE, 0.5, dependence)


def test_the_account_says_how_wide_the_hazards_spread(dependence):
    account = build_leaving(SPEC, RATE, 0.5, dependence).account()
    scores, hidden = patients(dependence)
    spread = (0.5 * scores["ecog_ps"] + 0.3 * scores["nlr"] + 1.5 * hidden).std()
    assert abs(account["log_hazard_sd"] - spread) < 4 * spread / math.sqrt(2 * N)


@given(
    strengths=st.dictionaries(st.sampled_from(["age_years", "ecog_ps", "nlr"]), st.floats(-1, 1)),
    unmeasured=st.floats(-2, 2),
    rate=st.floats(0.001, 0.15),
)
def test_any_legal_dependence_keeps_the_rate(dependence, strengths, unmeasured, rate):
    spec = LeavingSpec(markers=strengths, unmeasured=unmeasured)
    months, *_ = lost(dependence, spec, rate, 4_000)
    for at in (3.0, 12.0, 36.0):
        wanted = math.exp(-rate * at)
        assert abs((months > at).mean() - wanted) < 5 * math.sqrt(wanted * (1 - wanted) / 4_000) + 2e-3
