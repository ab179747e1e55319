"""The future is closed: no value after a landmark moves a feature, a prediction or a score at it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dynamic import (
    DYNAMIC_MODELS,
    DynamicAnalysis,
    fit_dynamic,
    judging_analysis,
    predict_landmarks,
    stack_landmarks,
)
from pipeline.evaluate import judge, score
from pipeline.landmark import landmark_cohort
from pipeline.mechanism import CLASSES, MechanismModel, MechanismOptions
from pipeline.schema import OUTCOMES
from tests.landmark.made_visits import SERIES, with_visits

from .priors import kept, learnt

OPTIONS = {"landmark_forest": {"n_estimators": 30, "min_samples_leaf": 15, "n_jobs": 1}}
ANALYSES = {
    endpoint: DynamicAnalysis(
        endpoint=endpoint,
        landmarks_months=(1.4, 3, 6),
        metrics=("auc", "brier", "uno_c"),
        bootstrap={"replicates": 20},
    )
    for endpoint in ("os", "pfs")
}


def progressing(patients, seed):
    """Patients with every series there is and one that nobody declared, and progression before death."""
    cohort = with_visits(patients, seed)
    rng = np.random.default_rng(seed)
    observed = cohort.observed.assign(
        pfs_months=cohort.observed["os_months"] * rng.uniform(0.3, 1, patients),
        progressed_or_died=rng.random(patients) < 0.8,
    )
    return replace(cohort, observed=observed, columns=(*cohort.columns, OUTCOMES[2], OUTCOMES[3]))


def with_models(analysis):
    """Every dynamic model there is, the Bayesian one with a prior for this analysis."""
    prior = learnt([progressing(200, 50 + k) for k in range(5)], analysis)
    options = OPTIONS | {"bayes_supermodel": {"prior": kept(prior)}}
    models = {name: options.get(name, {"penalties": [0.1]}) for name in DYNAMIC_MODELS}
    return analysis.model_copy(update={"models": models})


@pytest.fixture(scope="module")
def fitted():
    """Every dynamic model for both endpoints, and a mechanism model for each landmark."""
    train = progressing(300, 3)
    rng = np.random.default_rng(0)
    dynamic = {endpoint: fit_dynamic(train, with_models(a), rng) for endpoint, a in ANALYSES.items()}
    assert all(set(one.models) == set(DYNAMIC_MODELS) for one in dynamic.values())
    features = dynamic["pfs"].features
    mechanism = {}
    for landmark in ANALYSES["pfs"].landmarks_months:
        at = landmark_cohort(train, "pfs", landmark, features)
        columns = tuple(c for c in at.columns if c.role == "baseline")
        options = MechanismOptions(inverse_penalties=(0.1,), inner_folds=2)
        cause = np.resize(np.array(CLASSES, dtype=object), len(at))
        mechanism[landmark] = MechanismModel(columns, options).fit(at.observed, cause, rng)
    return dynamic, mechanism


@pytest.fixture(scope="module")
def tested():
    return progressing(120, 4)


def told_at(fitted, cohort, landmark):
    """Return everything told at one landmark: features, predictions, scores, risks, causes."""
    dynamic, mechanism = fitted
    found = {}
    for endpoint, analysis in ANALYSES.items():
        here = analysis.model_copy(update={"landmarks_months": (landmark,)})
        features = dynamic[endpoint].features
        stack = stack_landmarks(cohort, endpoint, (landmark,), analysis.window_months, features)
        found[f"{endpoint} features"] = stack.table
        judged = predict_landmarks({"train": dynamic[endpoint]}, cohort, here)
        for name, (prediction,) in judged[0].models.items():
            found[f"{endpoint} {name}"] = pd.DataFrame(prediction.survival).assign(risk=prediction.risk)
        judgement = judge(judged, judging_analysis(here), np.random.default_rng(1))
        found[f"{endpoint} scores"] = score(judgement)
    frame = landmark_cohort(cohort, "pfs", landmark, dynamic["pfs"].features).observed
    found["causes"] = mechanism[landmark].probabilities(frame)
    found["answers"] = mechanism[landmark].answers(frame).to_frame()
    return found


def with_another_future(cohort, landmark, rng, kind):
    """Change what lies after the landmark, and only that."""
    visits = cohort.visits.copy()
    later = (visits["months"] > landmark).to_numpy()
    size = int(later.sum())
    if kind == "values":
        for column in SERIES:
            visits.loc[later, column] = rng.choice([0.0, np.nan, 1e-9, 1.0, 1e6], size)
        visits.loc[later, "new_lesion"] = rng.random(size) < 0.5
    elif kind == "months":
        left = cohort.observed["os_months"].reindex(visits["patient"]).to_numpy()[later] - landmark
        visits.loc[later, "months"] = landmark + left * rng.uniform(0.01, 0.99, size)
        visits = visits.sort_values(["patient", "months"], kind="stable").reset_index(drop=True)
    elif kind == "gone":
        visits = visits[~later].reset_index(drop=True)
    else:  # progression that comes after the landmark comes at another time, or never
        observed = cohort.observed.copy()
        after = (observed["pfs_months"] > landmark).to_numpy()
        left = observed["os_months"].to_numpy() - landmark
        observed.loc[after, "pfs_months"] = landmark + (left * rng.uniform(0.01, 1, len(left)))[after]
        return replace(cohort, observed=observed)
    return replace(cohort, visits=visits)


@settings(max_examples=12, deadline=None)
@given(
    landmark=st.sampled_from(ANALYSES["os"].landmarks_months),
    seed=st.integers(0, 10_000),
    kind=st.sampled_from(["values", "months", "gone", "progression"]),
)
def test_no_value_after_a_landmark_moves_anything_told_at_it(fitted, tested, landmark, seed, kind):
    other = with_another_future(tested, landmark, np.random.default_rng(seed), kind)
    before, after = (told_at(fitted, c, landmark) for c in (tested, other))
    for what, table in before.items():
        if kind == "progression" and what == "pfs scores":
            continue  # progression itself is what is scored there
        pd.testing.assert_frame_equal(after[what], table, obj=f"{what} at {landmark} months")


def test_values_before_a_landmark_move_all_but_baseline(fitted, tested):
    other = with_another_future(tested, 0.0, np.random.default_rng(1), "values")
    before, after = (told_at(fitted, c, 6) for c in (tested, other))
    same = {what for what, table in before.items() if after[what].equals(table)}
    assert same == {"os baseline_cox", "pfs baseline_cox"}
