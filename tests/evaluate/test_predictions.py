"""Predictions: nobody is judged by a model that knew them."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.evaluate import build_models, cross_validate, fit_models, model_context, prediction_months
from pipeline.models import null_prediction
from pipeline.schema import InputError, outcome

from .small_study import ANALYSIS


def test_every_patient_is_predicted_once_a_repeat(out_of_fold, train):
    assert set(out_of_fold.models) == set(ANALYSIS.models)
    for repeats in out_of_fold.models.values():
        assert len(repeats) == 2
        for prediction in repeats:
            assert len(prediction) == len(train)
            assert np.isfinite(prediction.survival).all()
    assert (np.sort(np.unique(out_of_fold.fold)) == [0, 1, 2]).all()


def test_nobody_is_predicted_from_their_own_fold(out_of_fold, train):
    y = outcome(train.observed, "os")
    months = prediction_months(ANALYSIS)
    for repeat in range(2):
        for fold in range(3):
            inside = out_of_fold.fold[repeat] == fold
            others = y[~inside]
            want = null_prediction(others["time"], others["event"], 1, months).survival[0]
            np.testing.assert_allclose(out_of_fold.null[repeat].survival[inside] - want, 0, atol=1e-12)


def test_a_patient_s_own_outcome_does_not_reach_their_prediction(out_of_fold, train):
    inside = out_of_fold.fold[0] == 0
    changed = train.observed.copy()
    # Times of one fold change hands among patients of equal status, which leaves the folds as they are.
    for status in (True, False):
        rows = np.flatnonzero(inside & (changed["died"] == status).to_numpy())
        changed.iloc[rows, changed.columns.get_loc("os_months")] = changed["os_months"].to_numpy()[rows[::-1]]
    again = cross_validate(replace(train, observed=changed), ANALYSIS, np.random.default_rng(7))
    np.testing.assert_array_equal(again.fold, out_of_fold.fold)
    for name in ("cox", "rsf", "pdl1"):
        before, after = (p.models[name][0].survival for p in (out_of_fold, again))
        np.testing.assert_array_equal(after[inside], before[inside])
        assert not np.array_equal(after[~inside], before[~inside])  # the others did learn from them


def test_the_same_seed_gives_the_same_bits(out_of_fold, train):
    again = cross_validate(train, ANALYSIS, np.random.default_rng(7))
    for name in ANALYSIS.models:
        for one, two in zip(again.models[name], out_of_fold.models[name], strict=True):
            np.testing.assert_array_equal(one.survival, two.survival)


def test_what_each_fit_chose_is_kept(out_of_fold):
    chosen = out_of_fold.parameters
    assert list(chosen.columns) == ["model", "repeat", "fold", "parameter", "value"]
    penalties = chosen[(chosen["model"] == "cox") & (chosen["parameter"] == "penalty")]
    assert len(penalties) == 6


def test_external_patients_have_their_own_truth(outside, held_out):
    months = prediction_months(ANALYSIS)
    np.testing.assert_allclose(outside.models["oracle"][0].survival, held_out.truth.survival("os", months))


def test_progress_is_told_to_the_end(train):
    told = []
    fit_models(train, ANALYSIS, np.random.default_rng(0), lambda *step: told.append(step))
    assert [done for _, done, _ in told] == [1, 2, 3, 4]
    assert {total for *_, total in told} == {4}


def test_models_use_only_the_features_named(train):
    analysis = ANALYSIS.model_copy(update={"features": ("age_years", "male")})
    context = model_context(train, analysis)
    assert [c.name for c in context.columns] == ["age_years", "male", "arm"]


def test_an_unknown_feature_is_named(train):
    with pytest.raises(InputError, match=r"cohort 'train' has no baseline column 'os_months', 'agee'"):
        model_context(train, ANALYSIS.model_copy(update={"features": ("os_months", "agee", "nlr")}))


def test_all_faults_of_the_models_are_told_at_once(train):
    real = replace(train, truth=None, simulated=False)
    analysis = ANALYSIS.model_copy(
        update={"models": {"oracle": {}, "cox": {"alpha": 1}, "lasso": {}, "rsf": {}}}
    )
    with pytest.raises(
        InputError, match=r"oracle needs the truth.*unknown option 'alpha'.*unknown model 'lasso'"
    ):
        build_models(real, analysis)
