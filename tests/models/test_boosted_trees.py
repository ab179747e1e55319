"""Boosted trees without their library: the same sums, missing values and ties with a threshold included."""

from __future__ import annotations

import numpy as np
import pytest
import xgboost

from pipeline.models.boosted_trees import BoostedTrees


@pytest.fixture(scope="module")
def grown():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 6, size=(400, 4)).astype(np.float32)  # few values: many rows stand on a threshold
    months = rng.exponential(np.exp(-0.5 * x[:, 0] + 0.3 * x[:, 1] * (x[:, 2] > 2)))
    x[rng.random(x.shape) < 0.15] = np.nan
    data = xgboost.DMatrix(x, label=np.where(rng.random(400) < 0.8, months, -months))
    booster = xgboost.train({"objective": "survival:cox", "max_depth": 4, "nthread": 1}, data, 25)
    return booster, x


def test_they_predict_as_the_library_does_up_to_its_constant(grown):
    booster, x = grown
    trees = BoostedTrees.of(booster)
    assert trees.tree_count == 25
    gap = booster.predict(xgboost.DMatrix(x), output_margin=True) - trees.total(x)
    np.testing.assert_allclose(gap, gap[0], rtol=0, atol=2e-6)  # the library adds in single precision
    turned = BoostedTrees.of(booster).total(-x)
    assert np.ptp(booster.predict(xgboost.DMatrix(x), output_margin=True) - turned) > 0.1


def test_they_contribute_as_the_library_says(grown):
    from pipeline.explain import tree_shap

    booster, x = grown
    trees = BoostedTrees.of(booster)
    values, _ = tree_shap(trees, trees.tree_count * trees.values[:, None], x)
    theirs = booster.predict(xgboost.DMatrix(x), pred_contribs=True)[:, :-1]
    np.testing.assert_allclose(values[:, :, 0], theirs, rtol=0, atol=1e-4)  # theirs is single precision


def test_they_survive_a_round_through_arrays(grown):
    booster, x = grown
    trees = BoostedTrees.of(booster)
    again = BoostedTrees.from_arrays(trees.to_arrays())
    np.testing.assert_array_equal(again.total(x), trees.total(x))
