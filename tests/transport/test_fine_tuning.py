"""Models that start elsewhere: unmoved without evidence, moved by much of it."""

import numpy as np
import pytest
from made_cohort import made_cohort

from pipeline.config import Analysis
from pipeline.evaluate import build_models, model_context
from pipeline.schema import outcome
from pipeline.transport import FineTunedCox, MixtureForest, align

ANALYSIS = Analysis(models={"cox": {}}, published="none")


def pair(patients):
    train, test = made_cohort(1500, 1), made_cohort(patients, 2)
    return align(train, test, np.random.default_rng(0))


def fitted(cohort):
    y = outcome(cohort.observed, "os")
    return build_models(cohort, ANALYSIS)["cox"].fit(cohort.observed, y, np.random.default_rng(0))


def test_a_handful_of_patients_leaves_the_start_as_it_is():
    train, test = pair(300)
    start = fitted(train)
    few = test.take(test.observed.index[:4])
    tuned = FineTunedCox(start).fit(few.observed, outcome(few.observed, "os"), np.random.default_rng(0))
    assert tuned.coefficients == pytest.approx(start.coefficients)
    assert tuned.risk(test.observed) == pytest.approx(start.log_relative_hazard(test.observed))


def test_patients_who_are_the_opposite_turn_the_coefficients_round():
    train, test = pair(1500)
    start = fitted(train)
    turned = test.observed.assign(age_years=128 - test.observed["age_years"])
    tuned = FineTunedCox(start).fit(turned, outcome(turned, "os"), np.random.default_rng(0))
    age = list(start.feature_names).index("age_years")
    assert start.coefficients[age] > 0.2
    assert tuned.coefficients[age] < -0.2
    same = FineTunedCox(start).fit(test.observed, outcome(test.observed, "os"), np.random.default_rng(0))
    assert same.coefficients[age] == pytest.approx(start.coefficients[age], abs=0.15)
    assert same.strength > tuned.strength


def test_the_mixture_follows_whoever_weighs_more():
    train, test = pair(400)
    turned = test.observed.assign(nlr=12 / test.observed["nlr"])
    y = outcome(turned, "os")
    risks = {}
    for weight in (1.0, 100_000.0):
        forest = MixtureForest(
            train.observed, outcome(train.observed, "os"), model_context(train, ANALYSIS), weight, 30
        )
        risks[weight] = forest.fit(turned, y, np.random.default_rng(0)).risk(turned)
    log_nlr = np.log(turned["nlr"].to_numpy())
    assert np.corrcoef(risks[1.0], log_nlr)[0, 1] < 0 < np.corrcoef(risks[100_000.0], log_nlr)[0, 1]
