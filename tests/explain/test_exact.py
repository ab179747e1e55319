"""Exactness: Shapley values against enumeration of every subset."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from math import factorial
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.explain import linear_shap, tree_shap
from pipeline.models import ForestArrays


def shapley_by_enumeration(value_of, p: int) -> np.ndarray:
    """Shapley values from their definition: every subset of the other features, 2^(p-1) for each one."""
    values = []
    for j in range(p):
        others = [k for k in range(p) if k != j]
        total = 0.0
        for size in range(p):
            weight = factorial(size) * factorial(p - size - 1) / factorial(p)
            for known in combinations(others, size):
                total += weight * (value_of({*known, j}) - value_of(set(known)))
        values.append(total)
    return np.array(values)


def expected_output(tree, outputs, row: np.ndarray, known: set[int], node: int = 0):
    """Mean leaf output when splits on unknown features follow the training weights."""
    left, right = tree.children_left[node], tree.children_right[node]
    if left < 0:
        return outputs[node]
    feature = int(tree.feature[node])
    if feature in known:
        value = np.float32(row[feature])
        goes_left = tree.missing_left[node] if np.isnan(value) else value <= tree.threshold[node]
        return expected_output(tree, outputs, row, known, left if goes_left else right)
    share = tree.node_weight[left] / tree.node_weight[node]
    return share * expected_output(tree, outputs, row, known, left) + (1 - share) * expected_output(
        tree, outputs, row, known, right
    )


def grown_forest(p: int, missing: float, seed: int) -> tuple[ForestArrays, np.ndarray]:
    from sksurv.ensemble import RandomSurvivalForest
    from sksurv.util import Surv

    rng = np.random.default_rng(seed)
    x = rng.normal(size=(150, p)).astype(np.float32)
    months = np.ceil(rng.exponential(12 * np.exp(-0.8 * x[:, 0] + 0.5 * x[:, 1] * x[:, 2])))
    x[rng.random(x.shape) < missing] = np.nan
    y = Surv.from_arrays(rng.random(150) < 0.8, np.minimum(months, 36))
    grower = RandomSurvivalForest(n_estimators=4, min_samples_leaf=8, max_features=2, random_state=seed)
    return ForestArrays.of(grower.fit(x, y)), x


@pytest.mark.parametrize(("p", "missing"), [(3, 0.0), (5, 0.0), (5, 0.2), (6, 0.3)])
def test_tree_shap_equals_enumeration_of_every_subset(p, missing):
    forest, x = grown_forest(p, missing, seed=p)
    months = np.array([6.0, 12.0])
    outputs = [forest.leaf_survival_at(t, months)[t.leaf] for t in forest.trees]
    values, base = tree_shap(forest.trees, outputs, x[:4])

    for i, k in [(0, 0), (1, 1), (2, 0), (3, 1)]:

        def value_of(known: set[int], i: int = i, k: int = k) -> float:
            pairs = zip(forest.trees, outputs, strict=True)
            return float(np.mean([expected_output(t, o[:, k], x[i], known) for t, o in pairs]))

        assert base[k] == pytest.approx(value_of(set()), abs=1e-9)
        np.testing.assert_allclose(values[i, :, k], shapley_by_enumeration(value_of, p), rtol=0, atol=1e-9)


def test_the_enumeration_above_can_fail():
    forest, x = grown_forest(3, 0.0, seed=3)
    outputs = [forest.leaf_survival_at(t, np.array([12.0]))[t.leaf] for t in forest.trees]
    values, _ = tree_shap(forest.trees, outputs, x[:1])
    equal_split = [replace(t, node_weight=np.ones_like(t.node_weight)) for t in forest.trees]
    other, _ = tree_shap(equal_split, outputs, x[:1])
    assert np.abs(values - other).max() > 1e-3


def test_linear_shap_equals_enumeration_over_a_background():
    rng = np.random.default_rng(4)
    coefficients, row, background = (
        rng.normal(size=4),
        rng.normal(size=4),
        rng.normal(size=(25, 4)) @ rng.normal(size=(4, 4)),
    )

    def value_of(known: set[int]) -> float:
        mixed = background.copy()
        mixed[:, sorted(known)] = row[sorted(known)]
        return float((mixed @ coefficients).mean())

    values, base = linear_shap(coefficients, row[None], background)
    np.testing.assert_allclose(values[0], shapley_by_enumeration(value_of, 4), rtol=0, atol=1e-12)
    assert base == pytest.approx(value_of(set()), abs=1e-12)


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_forest_contributions_add_up_to_sksurv_itself(missing):
    from sksurv.ensemble import RandomSurvivalForest
    from sksurv.util import Surv

    rng = np.random.default_rng(11)
    x = rng.normal(size=(200, 6)).astype(np.float32)
    months = np.ceil(rng.exponential(10 * np.exp(x[:, 0])))
    x[rng.random(x.shape) < missing] = np.nan
    y = Surv.from_arrays(rng.random(200) < 0.7, np.minimum(months, 30))
    grower = RandomSurvivalForest(n_estimators=20, min_samples_leaf=6, random_state=1).fit(x, y)
    forest, at = ForestArrays.of(grower), np.array([5.0, 10.0])
    outputs = [forest.leaf_survival_at(t, at)[t.leaf] for t in forest.trees]
    values, base = tree_shap(forest.trees, outputs, x)
    curves = grower.predict_survival_function(x, return_array=True)
    wanted = curves[:, np.searchsorted(grower.unique_times_, at)]
    np.testing.assert_allclose(base + values.sum(axis=1), wanted, rtol=0, atol=1e-12)


def test_inputs_are_compared_as_float32_as_the_trees_do():
    forest, x = grown_forest(3, 0.0, seed=3)
    tree = forest.trees[0]
    edge = np.array(x[:1], dtype=np.float64)
    edge[0, tree.feature[0]] = np.nextafter(tree.threshold[0], np.inf)  # above as float64, equal as float32
    on_edge = edge.copy()
    on_edge[0, tree.feature[0]] = tree.threshold[0]
    outputs = [forest.leaf_survival_at(t, np.array([12.0]))[t.leaf] for t in forest.trees]
    np.testing.assert_array_equal(
        tree_shap(forest.trees, outputs, edge)[0], tree_shap(forest.trees, outputs, on_edge)[0]
    )


def test_a_feature_no_tree_splits_on_contributes_nothing():
    forest, x = grown_forest(3, 0.0, seed=9)
    outputs = [forest.leaf_survival_at(t, np.array([12.0]))[t.leaf] for t in forest.trees]
    wider = np.column_stack([x, np.random.default_rng(0).normal(size=len(x)) * 100])
    values, _ = tree_shap(forest.trees, outputs, wider[:20])
    assert (values[:, 3] == 0).all()
    assert np.abs(values[:, :3]).max() > 0


def test_a_forest_of_stumps_without_splits_has_only_a_base():
    leaf = np.array([-1])
    tree = SimpleNamespace(
        children_left=leaf, children_right=leaf, feature=np.array([-2]), threshold=np.array([-2.0]),
        missing_left=np.array([False]), node_weight=np.array([10.0]),
    )  # fmt: skip
    values, base = tree_shap([tree, tree], [np.array([[0.25]]), np.array([[0.75]])], np.zeros((3, 2)))
    assert base == pytest.approx([0.5])
    assert values.shape == (3, 2, 1)
    assert (values == 0).all()
