"""Dynamic models: what they learn from visits, and that the future is closed to them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dynamic import DYNAMIC_MODELS, LANDMARK, DynamicAnalysis, build_dynamic, stack_landmarks
from pipeline.dynamic.supermodel import LandmarkSupermodel
from pipeline.landmark import LandmarkFeatures
from pipeline.metrics import METRICS
from pipeline.models import null_prediction
from pipeline.schema import InputError

from .joint_patients import joint_patients
from .priors import kept, learnt

LANDMARKS = (3.0, 6.0)
OPTIONS = {"landmark_forest": {"n_estimators": 60, "min_samples_leaf": 20, "n_jobs": 1}}
SIX = np.array([6.0])


@pytest.fixture(scope="module")
def cohort():
    return joint_patients(700, 5)


@pytest.fixture(scope="module")
def features(cohort):
    return LandmarkFeatures().fit(cohort.visits, cohort.observed.index)


@pytest.fixture(scope="module")
def options():
    analysis = DynamicAnalysis(endpoint="os", landmarks_months=LANDMARKS, window_months=12)
    prior = learnt([joint_patients(300, 100 + k) for k in range(5)], analysis)
    return {name: OPTIONS.get(name, {}) for name in DYNAMIC_MODELS} | {
        "bayes_supermodel": {"prior": kept(prior)}
    }


@pytest.fixture(scope="module")
def fitted(cohort, features, options):
    stack = stack_landmarks(cohort, "os", LANDMARKS, 12.0, features)
    models = build_dynamic(options)
    return {name: model.fit(stack, np.random.default_rng(0)) for name, model in models.items()}


@pytest.fixture(scope="module")
def tested(features):
    return stack_landmarks(joint_patients(700, 6), "os", LANDMARKS, 12.0, features)


def auc(stack, prediction):
    null = null_prediction(stack.y["time"], stack.y["event"], len(stack), prediction.months)
    return float(METRICS["auc"](stack.y, prediction, null, 6.0)[0])


@pytest.mark.parametrize("name", sorted(DYNAMIC_MODELS))
def test_survival_falls_and_higher_risk_dies_earlier(fitted, tested, name):
    prediction = fitted[name].predict(tested.table, np.array([0.0, 3.0, 6.0, 12.0]))
    assert np.all(np.diff(prediction.survival, axis=1) <= 1e-12)
    assert np.all((prediction.survival >= 0) & (prediction.survival <= 1))
    np.testing.assert_allclose(prediction.survival[:, 0], 1)
    if name == "landmark_forest":
        return  # its risk is mortality over the whole window
    for landmark in LANDMARKS:
        rows = tested.landmarks == landmark
        order = np.argsort(prediction.risk[rows])
        assert np.all(np.diff(prediction.survival[rows][order, 2]) <= 1e-9) or name != "baseline_cox"


def test_visits_tell_what_baseline_cannot(fitted, tested):
    found = {name: auc(tested, model.predict(tested.table, SIX)) for name, model in fitted.items()}
    assert abs(found["baseline_cox"] - 0.5) < 0.06  # nothing at baseline acts on these deaths
    assert found["supermodel"] > 0.75
    assert found["bayes_supermodel"] > 0.75
    assert found["landmark_forest"] > 0.72


def test_kinds_of_coefficients_bear_the_penalty_by_their_shares(cohort, features):
    stack = stack_landmarks(cohort, "os", LANDMARKS, 12.0, features)

    def size(**shares):
        model = LandmarkSupermodel(penalties=(0.3,), **shares).fit(stack, np.random.default_rng(0))
        found = np.abs(model.coefficients * model.scale)
        changing = np.array([name.endswith("× landmark") for name in model.names])
        column = np.array([model.source_of.get(name, LANDMARK.name) for name in model.names])
        serial = np.isin(column, list(stack.serial))
        baseline = ~changing & ~serial & (column != LANDMARK.name) & ~np.char.startswith(column, "arm")
        return {
            "baseline": found[baseline].sum(),
            "serial": found[serial].sum(),
            "changing": found[changing].sum(),
        }

    even = {"baseline_share": 1.0, "missing_share": 1.0, "interaction_share": 1.0}
    alike, apart, changed = (
        size(**even),
        size(**even | {"baseline_share": 6.0}),
        size(**even | {"interaction_share": 9.0}),
    )
    assert apart["baseline"] < 0.5 * alike["baseline"]
    assert apart["serial"] > 0.9 * alike["serial"]
    assert changed["changing"] < 0.5 * alike["changing"]


def test_landmark_and_arm_are_not_shrunk_with_the_markers(cohort, features):
    stack = stack_landmarks(cohort, "os", LANDMARKS, 12.0, features)
    by_penalty = {}
    for penalty in (0.001, 30.0):
        model = LandmarkSupermodel(interactions=False, penalties=(penalty,))
        model.fit(stack, np.random.default_rng(0))
        by_penalty[penalty] = dict(zip(model.names, model.coefficients * model.scale, strict=True))
    weak, strong = by_penalty.values()
    spared = {name for name in weak if name.startswith(("arm=", LANDMARK.name))}
    assert len(spared) == 3
    shrunk = [
        abs(strong[name]) / abs(weak[name]) for name in weak if abs(weak[name]) > 0.1 and name not in spared
    ]
    assert shrunk
    assert max(shrunk) < 0.2
    (arm,) = (name for name in spared if name.startswith("arm="))
    assert abs(strong[arm]) > 0.3 * abs(weak[arm])


def test_predictions_are_calibrated(fitted, tested):
    for name in ("supermodel", "bayes_supermodel", "landmark_forest"):
        for landmark in LANDMARKS:
            rows = tested.landmarks == landmark
            y, predicted = tested.y[rows], fitted[name].predict(tested.table[rows], SIX).survival[:, 0]
            known = (y["time"] >= 6) | y["event"]  # nobody is censored before eight months
            died = float((y["event"] & (y["time"] <= 6))[known].mean())
            assert abs(died - (1 - predicted[known]).mean()) < 3.3 * np.sqrt(0.25 / known.sum())


@settings(max_examples=8, deadline=None)
@given(factor=st.floats(0.01, 100), which=st.integers(0, 5))
def test_no_value_after_a_landmark_moves_a_prediction_at_it(cohort, features, fitted, factor, which):
    landmark = LANDMARKS[which % 2]
    visits = cohort.visits.copy()
    later = visits["months"] > landmark
    visits.loc[later, "target_lesions_mm"] *= factor
    changed = replace(cohort, visits=visits)
    for name, model in fitted.items():
        before, after = (
            model.predict(stack_landmarks(c, "os", (landmark,), 12.0, features).table, SIX)
            for c in (cohort, changed)
        )
        np.testing.assert_array_equal(before.risk, after.risk, err_msg=name)
        np.testing.assert_array_equal(before.survival, after.survival, err_msg=name)


def test_a_value_before_the_landmark_does_move_it(cohort, features, fitted):
    visits = cohort.visits.copy()
    visits.loc[(visits["months"] > 0) & (visits["months"] <= 3), "target_lesions_mm"] *= 2
    table = stack_landmarks(replace(cohort, visits=visits), "os", (3.0,), 12.0, features).table
    before = stack_landmarks(cohort, "os", (3.0,), 12.0, features).table
    for name in fitted:
        moves = name != "baseline_cox"
        same = np.array_equal(fitted[name].predict(before, SIX).risk, fitted[name].predict(table, SIX).risk)
        assert same is not moves, name


def test_effects_may_change_with_the_landmark(fitted):
    table = fitted["supermodel"].table()
    changing = table["term"].str.endswith("× landmark")
    assert changing.sum() == (~changing).sum() - 2  # but for the landmark and its square
    assert (table["standard_error"] > 0).sum() > len(table) / 2
    plain = LandmarkSupermodel("supermodel", interactions=False)
    assert not plain.options.interactions


def test_the_same_generator_gives_the_same_model(cohort, features, options):
    stack = stack_landmarks(cohort, "os", LANDMARKS, 12.0, features)
    for name in DYNAMIC_MODELS:
        first, second = (
            build_dynamic({name: options[name]})[name].fit(stack, np.random.default_rng(3))
            for _ in range(2)
        )
        np.testing.assert_array_equal(
            first.predict(stack.table, SIX).survival, second.predict(stack.table, SIX).survival
        )


def test_a_horizon_beyond_the_window_is_refused(fitted, tested):
    for name in ("supermodel", "bayes_supermodel"):
        with pytest.raises(InputError, match="exceeds the window of 12 months"):
            fitted[name].predict(tested.table, np.array([13.0]))


def test_unknown_models_and_options_are_named_together():
    with pytest.raises(InputError, match=r"unknown dynamic model 'lstm'.*unknown option 'tree'"):
        build_dynamic({"lstm": {}, "landmark_forest": {"tree": 3}})
    assert LANDMARK.unit == "months"
