"""Exactness: Shapley values against enumeration of every subset, and against shap itself."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from math import factorial
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.explain import (
    LeafPaths,
    linear_shap,
    tree_shap,
    tree_shap_by_shap,
    tree_shap_interactions,
)
from pipeline.survival_forest import ForestNodes, SurvivalForest


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


def expected_output(nodes, root, outputs, row: np.ndarray, known: set[int], node: int = 0):
    """Mean leaf output of one tree when splits on unknown features follow the training weights."""
    at = root + node
    left, right = nodes.left[at], nodes.right[at]
    if left < 0:
        return outputs[nodes.leaf[at]]
    feature = int(nodes.feature[at])
    if feature in known:
        value = np.float32(row[feature])
        goes_left = nodes.missing_left[at] if np.isnan(value) else value <= nodes.threshold[at]
        return expected_output(nodes, root, outputs, row, known, left if goes_left else right)
    share = nodes.node_weight[root + left] / nodes.node_weight[at]
    return share * expected_output(nodes, root, outputs, row, known, left) + (1 - share) * expected_output(
        nodes, root, outputs, row, known, right
    )


def mean_expected_output(nodes, outputs, row: np.ndarray, known: set[int]) -> float:
    return float(np.mean([expected_output(nodes, r, outputs, row, known) for r in nodes.tree_start[:-1]]))


def grown_forest(p: int, missing: float, seed: int, trees: int = 4) -> tuple[ForestNodes, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(150, p)).astype(np.float32)
    months = np.ceil(rng.exponential(12 * np.exp(-0.8 * x[:, 0] + 0.5 * x[:, 1] * x[:, 2])))
    x[rng.random(x.shape) < missing] = np.nan
    y = np.empty(150, dtype=[("event", bool), ("time", float)])
    y["event"], y["time"] = rng.random(150) < 0.8, np.minimum(months, 36)
    grower = SurvivalForest(n_estimators=trees, min_samples_leaf=8, max_features=2, random_state=seed)
    return grower.fit(x, y).nodes_, x


def explained_survival(nodes, months, x, background=None) -> tuple[np.ndarray, np.ndarray]:
    return tree_shap(nodes, nodes.leaf_survival_at(np.array(months)), x, background)


@pytest.mark.parametrize(("p", "missing"), [(3, 0.0), (4, 0.0), (4, 0.2), (6, 0.3)])
def test_tree_shap_equals_enumeration_of_every_subset(p, missing):
    forest, x = grown_forest(p, missing, seed=p)
    months = np.array([6.0, 12.0])
    outputs = forest.leaf_survival_at(months)
    values, base = explained_survival(forest, months, x[:4])

    for i, k in [(0, 0), (1, 1), (2, 0), (3, 1)]:

        def value_of(known: set[int], i: int = i, k: int = k) -> float:
            return mean_expected_output(forest, outputs[:, k], x[i], known)

        assert base[k] == pytest.approx(value_of(set()), abs=1e-12)
        np.testing.assert_allclose(values[i, :, k], shapley_by_enumeration(value_of, p), rtol=0, atol=1e-12)


def test_the_enumeration_above_can_fail():
    forest, x = grown_forest(3, 0.0, seed=3)
    values, _ = explained_survival(forest, [12.0], x[:1])
    equal_split = replace(forest, node_weight=np.ones_like(forest.node_weight))
    other, _ = explained_survival(equal_split, [12.0], x[:1])
    assert np.abs(values - other).max() > 1e-3


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_interventional_values_equal_enumeration_over_a_background(missing):
    forest, x = grown_forest(4, missing, seed=12)
    background, months = x[100:120], np.array([12.0])
    values, base = explained_survival(forest, months, x[:3], background)

    for i in range(3):

        def value_of(known: set[int], i: int = i) -> float:
            mixed = background.copy()
            mixed[:, sorted(known)] = x[i, sorted(known)]
            return float(forest.survival(mixed, months).mean())

        assert base[0] == pytest.approx(value_of(set()), abs=1e-12)
        np.testing.assert_allclose(values[i, :, 0], shapley_by_enumeration(value_of, 4), rtol=0, atol=1e-12)


@pytest.mark.parametrize("missing", [0.0, 0.25])
def test_values_agree_with_shap(missing):
    forest, x = grown_forest(8, missing, seed=5, trees=20)
    leaves = forest.leaf_survival_at(np.array([3.0, 6.0, 12.0, 24.0]))
    # shap's interventional values are off by up to 1e-8 themselves
    for background, tolerance in ((None, 1e-12), (x[60:90], 1e-7)):
        found, reference = (f(forest, leaves, x[:40], background) for f in (tree_shap, tree_shap_by_shap))
        for mine, theirs in zip(found, reference, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=0, atol=tolerance)


def test_interactions_equal_the_discrete_second_derivative_and_add_up_to_the_values():
    forest, x = grown_forest(4, 0.1, seed=21)
    leaves = forest.leaf_survival_at(np.array([12.0]))
    found = tree_shap_interactions(forest, leaves, x[:2])
    values, _ = tree_shap(forest, leaves, x[:2])
    np.testing.assert_allclose(found.sum(axis=2), values, rtol=0, atol=1e-14)
    np.testing.assert_array_equal(found, found.transpose(0, 2, 1, 3))

    def value_of(known: set[int]) -> float:
        return mean_expected_output(forest, leaves[:, 0], x[0], known)

    for i, j in combinations(range(4), 2):
        rest = [k for k in range(4) if k not in (i, j)]
        total = 0.0
        for size in range(3):
            weight = factorial(size) * factorial(2 - size) / (2 * factorial(3))
            for known in map(set, combinations(rest, size)):
                total += weight * (value_of(known | {i, j}) - value_of(known | {i})
                                   - value_of(known | {j}) + value_of(known))  # fmt: skip
        assert found[0, i, j, 0] == pytest.approx(total, abs=1e-12)


def test_any_number_of_threads_gives_the_same_bits():
    forest, x = grown_forest(5, 0.1, seed=2)
    leaves = forest.leaf_survival_at(np.array([6.0, 12.0]))
    for background in (None, x[:20]):
        alone, shared = (tree_shap(forest, leaves, x, background, threads=t) for t in (1, 3))
        for a, b in zip(alone, shared, strict=True):
            np.testing.assert_array_equal(a, b)
    alone, shared = (tree_shap_interactions(forest, leaves, x, threads=t) for t in (1, 3))
    np.testing.assert_array_equal(alone, shared)


def test_long_paths_lose_no_precision():
    """One tree that splits on 40 features in turn: the rule of 20 points against shap's recursion."""
    depth = 40
    node = np.arange(2 * depth + 1)  # even nodes split, odd ones are leaves; so is the last
    inner = (node % 2 == 0) & (node < 2 * depth)
    reached = 1.1 ** -(node // 2.0)
    nodes = SimpleNamespace(
        tree_start=np.array([0, len(node)]), left=np.where(inner, node + 1, -1),
        right=np.where(inner, node + 2, -1), feature=np.where(inner, node // 2, -1),
        threshold=np.zeros(len(node)), missing_left=np.zeros(len(node), dtype=bool),
        node_weight=np.where(node % 2 == 0, reached, reached * (1 - 1 / 1.1)),
        leaf=np.where(inner, -1, np.cumsum(~inner) - 1),
    )  # fmt: skip
    x = np.random.default_rng(8).normal(size=(30, depth)) + 1.5
    leaves = np.linspace(0, 1, depth + 1)[:, None]
    assert LeafPaths.of(nodes).longest == depth
    values, base = tree_shap(nodes, leaves, x)
    fallen = np.array([leaves[np.argmax(np.append(row <= 0, True)), 0] for row in x])
    np.testing.assert_allclose(base + values.sum(axis=(1, 2)), fallen, rtol=0, atol=1e-12)


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
def test_forest_contributions_add_up_to_the_forest_itself(missing):
    forest, x = grown_forest(6, missing, seed=11, trees=20)
    at = np.array([5.0, 10.0])
    values, base = explained_survival(forest, at, x)
    np.testing.assert_allclose(base + values.sum(axis=1), forest.survival(x, at), rtol=0, atol=1e-12)


def test_inputs_are_compared_as_float32_as_the_trees_do():
    forest, x = grown_forest(3, 0.0, seed=3)
    edge = np.array(x[:1], dtype=np.float64)
    edge[0, forest.feature[0]] = np.nextafter(
        float(forest.threshold[0]), np.inf
    )  # above as float64, equal as float32
    on_edge = edge.copy()
    on_edge[0, forest.feature[0]] = float(forest.threshold[0])
    np.testing.assert_array_equal(
        explained_survival(forest, [12.0], edge)[0], explained_survival(forest, [12.0], on_edge)[0]
    )


def test_a_feature_no_tree_splits_on_contributes_nothing():
    forest, x = grown_forest(3, 0.0, seed=9)
    wider = np.column_stack([x, np.random.default_rng(0).normal(size=len(x)) * 100])
    values, _ = explained_survival(forest, [12.0], wider[:20])
    assert (values[:, 3] == 0).all()
    assert np.abs(values[:, :3]).max() > 0


def test_a_forest_of_stumps_without_splits_has_only_a_base():
    end = np.array([-1, -1])
    nodes = SimpleNamespace(
        tree_start=np.array([0, 1, 2]), left=end, right=end, feature=end, threshold=np.zeros(2),
        missing_left=np.zeros(2, dtype=bool), node_weight=np.full(2, 10.0), leaf=np.array([0, 1]),
    )  # fmt: skip
    for background in (None, np.ones((2, 2))):
        values, base = tree_shap(nodes, np.array([[0.25], [0.75]]), np.zeros((3, 2)), background)
        assert base == pytest.approx([0.5])
        assert values.shape == (3, 2, 1)
        assert (values == 0).all()
