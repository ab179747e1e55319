"""Models: the contract that holds for every entry of the registry."""

import json

import numpy as np
import pytest
from made_cohort import context_of, made_cohort

from pipeline.metrics import METRICS
from pipeline.models import MODELS, build_model, null_prediction
from pipeline.models.contract import restricted_mean, steps_at
from pipeline.models.published_scores import SCORES
from pipeline.schema import InputError, outcome

from .fitting import MONTHS, OPTIONS
from .fitting_scores import with_score_inputs

LEARNING = sorted(set(MODELS) - {"oracle"})


# --- the contract over the registry ---


@pytest.mark.parametrize("name", sorted(MODELS))
def test_survival_is_a_probability_that_never_rises(name, fitted, cohort):
    prediction = fitted[name].predict(cohort.observed, MONTHS)
    assert prediction.survival.shape == (len(cohort), len(MONTHS))
    assert prediction.survival.min() >= 0
    assert prediction.survival.max() <= 1
    assert (np.diff(prediction.survival, axis=1) <= 0).all()
    assert np.ptp(prediction.survival[:, -1]) > 0.05  # and it tells patients apart


@pytest.mark.parametrize("name", sorted(MODELS))
def test_row_order_is_irrelevant(name, fitted, cohort):
    there = fitted[name].predict(cohort.observed, MONTHS)
    back = fitted[name].predict(cohort.observed[::-1], MONTHS)
    np.testing.assert_allclose(back.risk[::-1], there.risk, rtol=1e-12)
    np.testing.assert_allclose(back.survival[::-1], there.survival, rtol=1e-12)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_patient_is_predicted_alone_as_in_company(name, fitted, cohort):
    company = fitted[name].predict(cohort.observed, MONTHS)
    alone = fitted[name].predict(cohort.observed.iloc[[17]], MONTHS)
    np.testing.assert_allclose(alone.survival[0], company.survival[17], rtol=1e-12)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_the_same_seed_gives_the_same_bits(name, fitted, cohort):
    again = build_model(name, context_of(cohort), OPTIONS.get(name))
    again = again.fit(cohort.observed, outcome(cohort.observed, "os"), np.random.default_rng(3))
    np.testing.assert_array_equal(
        again.predict(cohort.observed, MONTHS).survival,
        fitted[name].predict(cohort.observed, MONTHS).survival,
    )


@pytest.mark.parametrize("name", sorted(MODELS))
def test_it_ranks_new_patients_better_than_chance(name, fitted):
    new = with_score_inputs(made_cohort(400, seed=2))
    y = outcome(new.observed, "os")
    prediction = fitted[name].with_truths((new.truth,)).predict(new.observed, MONTHS)
    null = null_prediction(y["time"], y["event"], len(y), MONTHS)
    # 400 patients, some 200 events: the standard error of C is about 0.02
    assert METRICS["harrell_c"](y, prediction, null)[0] > (0.52 if name in {"pdl1", *SCORES} else 0.60)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_curves_start_at_one(name, fitted, cohort):
    np.testing.assert_allclose(fitted[name].predict(cohort.observed, np.array([0.0])).survival, 1.0)


@pytest.mark.parametrize("name", LEARNING)
def test_the_last_value_is_carried_past_follow_up(name, fitted, cohort):
    last = np.ceil(cohort.observed["os_months"].max())
    survival = fitted[name].predict(cohort.observed, np.array([last, last + 50])).survival
    np.testing.assert_array_equal(survival[:, 0], survival[:, 1])


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_misspelt_option_is_named(name, cohort):
    with pytest.raises(InputError, match=rf"models: {name}: unknown option 'penality'"):
        build_model(name, context_of(cohort), {"penality": 1})


@pytest.mark.parametrize("name", sorted(MODELS))
def test_parameters_are_flat_and_json_ready(name, fitted):
    parameters = fitted[name].parameters()
    assert parameters
    assert all(isinstance(v, str | int | float | type(None)) for v in parameters.values())
    json.dumps(parameters, allow_nan=False)


# what bayes_cox says without an event is what the evidence says: see its own test
@pytest.mark.parametrize("name", sorted(set(LEARNING) - {"bayes_cox"}))
def test_training_without_events_is_refused(name, cohort):
    y = outcome(cohort.observed, "os")
    y["event"] = False
    with pytest.raises(InputError, match=f"models: {name}: none of 400 training patients"):
        build_model(name, context_of(cohort), OPTIONS.get(name)).fit(
            cohort.observed, y, np.random.default_rng(0)
        )


def test_an_unknown_model_lists_the_known_ones(cohort):
    with pytest.raises(
        InputError, match=r"unknown model 'coxx'; known: bayes_cox, cox, dnlr, epsilon, gbm, lipi, .*rsf, tmb"
    ):
        build_model("coxx", context_of(cohort))


# --- small parts ---


def test_steps_hold_from_their_knot_on():
    got = steps_at(
        np.array([0.0, 1.0, 1.5, 2.0, 9.0]), np.array([1.0, 2.0]), np.array([0.8, 0.5]), before=1.0
    )
    assert got.tolist() == [1.0, 0.8, 0.8, 0.5, 0.5]


def test_restricted_mean_of_an_exponential():
    months = np.linspace(0, 24, 2001)[1:]
    rates = np.array([0.02, 0.1])
    got = restricted_mean(months, np.exp(-np.outer(rates, months)), 18.0)
    np.testing.assert_allclose(got, (1 - np.exp(-18 * rates)) / rates, rtol=1e-5)
