"""Classifiers learn a known chance, calibrate on rows not fitted on, and are saved whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from made_cohort import TREATED, context_of
from scipy.special import expit
from sklearn.metrics import log_loss

from pipeline.metrics.probability import log_odds, recalibration, weighted_auc
from pipeline.models import save_model
from pipeline.response import CLASSIFIERS, classifiers, known_responses, load_classifier
from pipeline.response.classifiers import LOGISTIC, CalibratedClassifier, _ridge
from pipeline.schema import Cohort, InputError

from .made_responses import made_responses

OPTIONS = {"logistic": {}, "boosted": {"trials": 2, "max_trees": 100, "inner_folds": 3}}
ONES = np.ones((1, 3000))


@pytest.fixture(scope="module")
def train() -> Cohort:
    return made_responses(1500, 1)


@pytest.fixture(scope="module")
def test() -> Cohort:
    return made_responses(3000, 2)


@pytest.fixture(scope="module")
def fitted(train: Cohort) -> dict[str, CalibratedClassifier]:
    responded = known_responses(train, "no_response").responded
    return {
        name: CLASSIFIERS[name](context_of(train), **options).fit(train, responded, np.random.default_rng(0))
        for name, options in OPTIONS.items()
    }


@pytest.mark.parametrize("name", OPTIONS)
def test_a_classifier_is_close_to_the_true_chance_and_calibrated(name, fitted, test) -> None:
    assert test.truth is not None
    responded, truth = known_responses(test, "no_response").responded, test.truth.response()
    p = fitted[name].probability(test)
    assert ((p > 0) & (p < 1)).all()
    areas = [weighted_auc(q, responded[None] * 1.0, ~responded[None] * 1.0)[0] for q in (p, truth)]
    assert areas[0] > areas[1] - 0.02  # six columns hold all there is to know
    # the slope's standard error in 3,000 new patients is 0.07, and as much from 1,500 to learn from
    _, slope = recalibration(responded, log_odds(p), ONES)[0]
    assert abs(slope - 1) < 0.3
    assert p.mean() == pytest.approx(responded.mean(), abs=3 * np.sqrt(0.25 / 3000 + 0.25 / 1500))


class Extreme(CLASSIFIERS["logistic"]):  # type: ignore[misc]
    """Twice as sure as the regression is."""

    name = "logistic"

    def learn(self, x, responded, parts, rng):
        return 2 * super().learn(x, responded, parts, rng)

    def raw_log_odds(self, x):
        return 2 * super().raw_log_odds(x)


def test_calibration_undoes_a_classifier_that_is_too_sure(train, test, fitted) -> None:
    responded = known_responses(train, "no_response").responded
    sure = Extreme(context_of(train)).fit(train, responded, np.random.default_rng(0))
    np.testing.assert_allclose(sure.probability(test), fitted["logistic"].probability(test), atol=1e-6)
    assert sure.slope == pytest.approx(fitted["logistic"].slope / 2, rel=1e-6)
    x = sure.inputs(test.observed)  # the twin: without calibration it is too sure by far
    new = known_responses(test, "no_response").responded
    assert recalibration(new, sure.raw_log_odds(x), ONES)[0, 1] < 0.75


def test_where_nothing_can_be_learnt_everybody_gets_the_rate(train) -> None:
    shuffled = np.random.default_rng(8).permutation(known_responses(train, "no_response").responded)

    class Backwards(CLASSIFIERS["logistic"]):  # type: ignore[misc]
        name = "logistic"

        def learn(self, x, responded, parts, rng):
            super().learn(x, responded, parts, rng)
            return -1.0 * responded

    found = Backwards(context_of(train)).fit(train, shuffled, np.random.default_rng(0)).probability(train)
    np.testing.assert_allclose(found, shuffled.mean(), atol=1e-9)


def test_the_ridge_fit_is_where_its_penalised_likelihood_is_flat() -> None:
    rng = np.random.default_rng(6)
    x, penalties = rng.normal(size=(300, 3)) * [1.0, 20.0, 0.1], np.array([1e-3, 0.2, 5.0])
    happened = rng.random(300) < expit(x @ [0.8, 0.02, 3.0])
    constant, coefficients = _ridge(x, happened, penalties)
    spread = x.std(axis=0, ddof=1)
    error = happened - expit(constant + x @ coefficients)
    slope = error @ ((x - x.mean(axis=0)) / spread) / 300
    assert error.mean() == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(slope, penalties * coefficients * spread, atol=1e-6)
    assert np.abs(slope - penalties.mean() * coefficients * spread).max() > 0.01  # the twin: one for all


def by_arm(values, cohort) -> np.ndarray:
    return pd.Series(values).groupby(cohort.observed["arm"].to_numpy()).mean().to_numpy()


def test_the_arm_is_not_shrunk_with_the_markers(train, monkeypatch) -> None:
    responded = known_responses(train, "no_response").responded
    rates = by_arm(responded, train)
    assert np.ptp(rates) > 0.05

    def gap(cohort: Cohort) -> float:
        model = CLASSIFIERS["logistic"](context_of(cohort), penalties=[3.0])
        model.fit(cohort, responded, np.random.default_rng(0))
        return float(np.ptp(by_arm(model.raw_log_odds(model.inputs(cohort.observed)), cohort)))

    told = float(np.ptp(log_odds(rates)))
    assert gap(train) == pytest.approx(told, rel=0.1)
    dealt = np.random.default_rng(9).permutation(train.observed["arm"].to_numpy())
    blind = replace(train, observed=train.observed.assign(arm=dealt))  # an arm that says nothing is shrunk
    assert gap(blind) < 0.3 * float(np.ptp(log_odds(by_arm(responded, blind))))
    monkeypatch.setattr(classifiers, "SPARED_SHARE", 1.0)
    assert gap(train) < 0.3 * told  # the twin


def test_trees_start_from_the_rate_of_each_arm(fitted, train) -> None:
    responded = known_responses(train, "no_response").responded
    model = fitted["boosted"]
    start = model.constant + model.inputs(train.observed) @ model.coefficients
    np.testing.assert_allclose(by_arm(start, train), log_odds(by_arm(responded, train)), atol=0.02)
    arm = np.array(model.feature_names)[model.coefficients != 0]
    assert [name.partition("=")[0].partition("__")[0] for name in arm] == ["arm"]


def test_without_arms_trees_start_from_the_rate(train) -> None:
    alone = train.take(train.observed.index[train.observed["arm"] == TREATED])
    columns = tuple(c for c in alone.columns if c.name != "arm")
    alone = replace(alone, observed=alone.observed.drop(columns="arm"), columns=columns, control_arm=None)
    responded = known_responses(alone, "no_response").responded
    model = CLASSIFIERS["boosted"](context_of(alone), **OPTIONS["boosted"])
    model.fit(alone, responded, np.random.default_rng(0))
    assert model.constant == pytest.approx(float(log_odds(responded.mean())))
    assert not model.coefficients.any()


def test_held_out_losses_are_those_of_start_and_trees_together() -> None:
    rng = np.random.default_rng(7)
    x, start = rng.normal(size=(200, 2)).astype(np.float32), rng.normal(size=200)
    label = (rng.random(200) < expit(start + x[:, 0])).astype(float)
    inside = np.arange(200) % 2 == 0
    settings = {"learning_rate": 0.3, "max_depth": 2, "trees": 5}
    losses = LOGISTIC.held_out_losses(
        x, label, np.ones(200), [(inside, ~inside)], settings, 8, 1, starts=[start]
    )
    trees = LOGISTIC.grow(x[inside], label[inside], settings, 1, start[inside])
    odds = start[~inside] + trees.total(x[~inside])
    assert losses[4] == pytest.approx(log_loss(label[~inside], expit(odds)), abs=1e-6)
    assert losses[4] != pytest.approx(log_loss(label[~inside], expit(odds - start[~inside])), abs=1e-3)


@pytest.mark.parametrize("name", OPTIONS)
def test_a_saved_classifier_predicts_the_same(name, fitted, test, tmp_path) -> None:
    save_model(fitted[name], tmp_path / name)
    again = load_classifier(tmp_path / name)
    np.testing.assert_array_equal(again.probability(test), fitted[name].probability(test))
    assert again.parameters() == fitted[name].parameters()


@pytest.mark.parametrize("name", OPTIONS)
def test_the_same_generator_gives_the_same_bits(name, fitted, train, test) -> None:
    responded = known_responses(train, "no_response").responded
    again = CLASSIFIERS[name](context_of(train), **OPTIONS[name])
    again.fit(train, responded, np.random.default_rng(0))
    np.testing.assert_array_equal(again.probability(test), fitted[name].probability(test))


def test_held_out_rows_have_no_say_in_the_fit_that_predicts_them(train) -> None:
    """Calibration of noise is flat: fitted on its own training rows it would be steep."""
    rng = np.random.default_rng(4)
    noise = rng.random(len(train)) < 0.4
    found = CLASSIFIERS["boosted"](context_of(train), trials=1, max_trees=200, inner_folds=3)
    found.fit(train, noise, rng)
    assert found.probability(train).std() < 0.05


def test_what_cannot_train_is_refused(train) -> None:
    with pytest.raises(InputError, match="0 of 1500 training patients responded"):
        CLASSIFIERS["logistic"](context_of(train)).fit(
            train, np.zeros(1500, dtype=bool), np.random.default_rng(0)
        )
    with pytest.raises(InputError, match="penalties must be positive"):
        CLASSIFIERS["logistic"](context_of(train), penalties=[0.0])
    with pytest.raises(InputError, match="unknown option 'trees'"):
        CLASSIFIERS["boosted"](context_of(train), trees=5)
