"""The forest as a model: what reaches it, what it says, its threads."""

import numpy as np
import pytest
from made_cohort import context_of

from pipeline.models import build_model
from pipeline.schema import InputError, outcome
from pipeline.survival_forest import SurvivalForest

from .fitting import MONTHS


def fitted(cohort, seed=9, **options):
    y = outcome(cohort.observed, "os")
    model = build_model("rsf", context_of(cohort), {"n_estimators": 8} | options)
    return model.fit(cohort.observed, y, np.random.default_rng(seed))


def test_it_says_what_the_estimator_says(cohort):
    model = fitted(cohort, min_samples_leaf=20)
    x = model.inputs(cohort.observed).astype(np.float32)
    seed = int(np.random.default_rng(9).integers(2**31 - 1))
    forest = SurvivalForest(n_estimators=8, min_samples_leaf=20, max_features="third", random_state=seed)
    forest.fit(x, outcome(cohort.observed, "os"))
    found = model.predict(cohort.observed, MONTHS)
    np.testing.assert_array_equal(found.risk, forest.predict(x))
    np.testing.assert_array_equal(found.survival, forest.predict_survival_function(x, times=MONTHS))
    np.testing.assert_array_equal(
        model.cumulative_hazard(cohort.observed, MONTHS),
        forest.predict_cumulative_hazard_function(x, times=MONTHS),
    )
    assert model.parameters()["leaves"] == len(forest.nodes_.leaves)


def test_the_number_of_threads_changes_no_bit(cohort):
    curves = [fitted(cohort, n_jobs=jobs).predict(cohort.observed, MONTHS).survival for jobs in (1, 2)]
    np.testing.assert_array_equal(*curves)
    assert not np.array_equal(curves[0], fitted(cohort, seed=8).predict(cohort.observed, MONTHS).survival)


def test_a_coarser_grid_leaves_survival_nearly_alone(cohort):
    mean = {
        knots: fitted(cohort, n_estimators=20, max_times=knots)
        .predict(cohort.observed, np.array([12.0]))
        .survival.mean()
        for knots in (20, 60, 254)
    }
    # Four standard errors of a proportion between two forests would be 0.1; the grid must matter less.
    assert abs(mean[20] - mean[254]) < 0.03
    assert abs(mean[60] - mean[254]) < 0.02


def test_a_faulty_option_is_named(cohort):
    with pytest.raises(InputError, match=r"models: rsf: .*n_estimators.*Got 0.*unknown option 'grid_months'"):
        build_model("rsf", context_of(cohort), {"n_estimators": 0, "grid_months": 1.0})
