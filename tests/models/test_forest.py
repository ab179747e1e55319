"""The forest: its arrays beside scikit-survival, its grid of months, its threads."""

import numpy as np
import pytest
from made_cohort import context_of

from pipeline.models import ForestArrays, build_model
from pipeline.models.forest import on_grid
from pipeline.schema import outcome

from .fitting import MONTHS


@pytest.fixture(scope="module")
def grown():
    """A forest of the library, with missing values, and its arrays."""
    from sksurv.ensemble import RandomSurvivalForest

    rng = np.random.default_rng(4)
    x = rng.normal(size=(300, 6)).astype(np.float32)
    x[rng.random(x.shape) < 0.1] = np.nan
    y = np.empty(300, dtype=[("event", bool), ("time", float)])
    y["event"] = rng.random(300) < 0.7
    y["time"] = np.ceil(rng.exponential(10, 300) * np.exp(-0.5 * np.nan_to_num(x[:, 0])))
    forest = RandomSurvivalForest(n_estimators=15, min_samples_leaf=10, random_state=0, n_jobs=1).fit(x, y)
    return forest, ForestArrays.of(forest), x


def test_forest_curves_equal_the_library(grown):
    forest, arrays, x = grown
    np.testing.assert_allclose(
        arrays.survival(x), forest.predict_survival_function(x, return_array=True), atol=1e-12
    )
    risk, survival = arrays.predict(x, arrays.months)
    np.testing.assert_allclose(risk, forest.predict(x), rtol=1e-12)
    np.testing.assert_allclose(survival, arrays.survival(x), atol=1e-12)


def test_forest_hazards_equal_the_library(grown):
    forest, arrays, x = grown
    hazard = np.mean([t.leaf_hazard[t.apply(x)] for t in arrays.trees], axis=0)
    np.testing.assert_allclose(
        hazard, forest.predict_cumulative_hazard_function(x, return_array=True), atol=1e-12
    )


def test_values_are_compared_as_float32(grown):
    forest, arrays, x = grown
    tree = arrays.trees[0]
    exact = np.nan_to_num(np.tile(x[:1].astype(float), (2, 1)))
    exact[:, tree.feature[0]] = tree.threshold[0] + np.array(
        [0.0, 1e-12]
    )  # apart as doubles, equal as floats
    alike = arrays.survival(exact)
    np.testing.assert_array_equal(alike[0], alike[1])
    np.testing.assert_allclose(
        alike, forest.predict_survival_function(exact.astype(np.float32), return_array=True), atol=1e-12
    )


def test_the_forest_survives_its_arrays(grown):
    _, arrays, x = grown
    again = ForestArrays.from_arrays(arrays.to_arrays())
    np.testing.assert_array_equal(again.survival(x), arrays.survival(x))
    assert len(again.trees) == len(arrays.trees)


def test_between_grid_months_curves_run_straight(grown):
    _, arrays, x = grown
    first, second = arrays.months[3], arrays.months[4]
    _, survival = arrays.predict(x, np.array([first, 0.25 * first + 0.75 * second, second]))
    np.testing.assert_allclose(survival[:, 1], 0.25 * survival[:, 0] + 0.75 * survival[:, 2], atol=1e-12)


def test_leaf_curves_average_to_the_prediction(grown):
    _, arrays, x = grown
    months = np.array([2.5, 7.0, 11.3])
    mean = np.mean([arrays.leaf_survival_at(t, months)[t.apply(x)] for t in arrays.trees], axis=0)
    np.testing.assert_allclose(mean, arrays.predict(x, months)[1], atol=1e-12)


def test_the_number_of_threads_changes_no_bit(cohort):
    y = outcome(cohort.observed, "os")
    curves = [
        build_model("rsf", context_of(cohort), {"n_estimators": 8, "n_jobs": jobs})
        .fit(cohort.observed, y, np.random.default_rng(9))
        .predict(cohort.observed, MONTHS)
        .survival
        for jobs in (1, 2)
    ]
    np.testing.assert_array_equal(*curves)


def test_times_are_rounded_up_to_the_grid():
    y = np.array([(True, 0.0), (True, 0.4), (False, 1.0), (True, 1.0000000001), (True, 1.01)],
                 dtype=[("event", bool), ("time", float)])  # fmt: skip
    assert on_grid(y, 1.0)["time"].tolist() == [1.0, 1.0, 1.0, 1.0, 2.0]
    assert on_grid(y, 0.5)["time"].tolist() == [0.5, 0.5, 1.0, 1.0, 1.5]
    assert y["time"][1] == 0.4  # and the argument is left alone


def test_a_coarser_grid_leaves_survival_at_its_months_nearly_alone(cohort):
    y = outcome(cohort.observed, "os")
    mean = {}
    for grid in (0.25, 1.0, 3.0):
        model = build_model("rsf", context_of(cohort), {"n_estimators": 20, "grid_months": grid})
        prediction = model.fit(cohort.observed, y, np.random.default_rng(9)).predict(
            cohort.observed, np.array([12.0])
        )
        mean[grid] = prediction.survival.mean()
    # Four standard errors of a proportion between two forests would be 0.1; the grid must matter less.
    assert abs(mean[0.25] - mean[1.0]) < 0.02
    assert abs(mean[0.25] - mean[3.0]) < 0.03
