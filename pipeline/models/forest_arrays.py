"""A survival forest as plain arrays: predicted, saved and explained without the library that grew it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.schema import Floats

Integers = NDArray[np.intp]
ROWS_AT_ONCE = 4096  # bounds the (rows, times) block held while trees are summed


@dataclass(frozen=True)
class TreeArrays:
    """One tree; node 0 is its root.

    Attributes
    ----------
    children_left, children_right : array of int, shape (nodes,)
        Next node; -1 at a leaf.
    feature : array of int, shape (nodes,)
        Column compared; -2 at a leaf.
    threshold : array, shape (nodes,)
        A row goes left when its value, rounded to float32, is at most this.
    missing_left : array of bool, shape (nodes,)
        Whether a missing value goes left.
    node_weight : array, shape (nodes,)
        Weighted number of training rows that reached the node.
    leaf : array of int, shape (nodes,)
        Row of the leaf tables; -1 at an inner node.
    leaf_survival, leaf_hazard : array, shape (leaves, times)
        Kaplan-Meier survival and Nelson-Aalen cumulative hazard of a leaf at the forest's `months`.
    """

    children_left: Integers
    children_right: Integers
    feature: Integers
    threshold: Floats
    missing_left: NDArray[np.bool_]
    node_weight: Floats
    leaf: Integers
    leaf_survival: Floats
    leaf_hazard: Floats

    def apply(self, x: NDArray[np.float32]) -> Integers:
        """Row of the leaf tables that each row of `x` ends in, shape (n,)."""
        node = np.zeros(len(x), dtype=np.intp)
        active = np.flatnonzero(self.children_left[node] >= 0)
        while len(active):
            at = node[active]
            value = x[active, self.feature[at]]
            left = np.where(np.isnan(value), self.missing_left[at], value <= self.threshold[at])
            node[active] = np.where(left, self.children_left[at], self.children_right[at])
            active = active[self.children_left[node[active]] >= 0]
        return self.leaf[node]


@dataclass(frozen=True)
class ForestArrays:
    """Trees that share features and a grid of months; a prediction is the mean over trees.

    Attributes
    ----------
    trees : tuple of TreeArrays
    months : array, shape (times,)
        Right ends of the grid's intervals that hold a training time.
    event_months : array of bool, shape (times,)
        Months at which a training patient had the event.
    """

    trees: tuple[TreeArrays, ...]
    months: Floats
    event_months: NDArray[np.bool_]

    def weights_at(self, months: Floats) -> Floats:
        """Return W, shape (times + 1, m): survival at `months` is [1, grid survival] @ W.

        Times were rounded up to the grid, so a curve is known at grid months and runs straight between
        them (from 1 at month 0); past the last grid month the last value is carried on.
        """
        knots = np.concatenate([[0.0], self.months])
        months = np.clip(np.asarray(months, dtype=float), 0.0, knots[-1])
        above = np.clip(np.searchsorted(knots, months, side="left"), 1, len(knots) - 1)
        share = (months - knots[above - 1]) / (knots[above] - knots[above - 1])
        weights = np.zeros((len(knots), len(months)))
        columns = np.arange(len(months))
        weights[above - 1, columns] = 1 - share
        weights[above, columns] += share
        return weights

    def leaf_survival_at(self, tree: TreeArrays, months: Floats) -> Floats:
        """Survival of each leaf of `tree` at any `months`, shape (leaves, m)."""
        weights = self.weights_at(months)
        return np.asarray(weights[0] + tree.leaf_survival @ weights[1:])

    def leaf_hazard_at(self, tree: TreeArrays, months: Floats) -> Floats:
        """Cumulative hazard of each leaf of `tree` at any `months`, shape (leaves, m)."""
        return np.asarray(tree.leaf_hazard @ self.weights_at(months)[1:])

    def cumulative_hazard(self, x: NDArray[np.float32], months: Floats) -> Floats:
        """Mean of the leaves' cumulative hazards, shape (n, m)."""
        total = np.zeros((len(x), len(months)))
        for tree in self.trees:
            total += self.leaf_hazard_at(tree, months)[tree.apply(x)]
        return total / len(self.trees)

    def leaf_risk(self, tree: TreeArrays) -> Floats:
        """Risk of each leaf: its cumulative hazard summed over event months, shape (leaves,)."""
        return np.asarray(tree.leaf_hazard[:, self.event_months].sum(axis=1))

    def survival(self, x: NDArray[Any]) -> Floats:
        """Survival at the forest's `months`, shape (n, times)."""
        x = np.asarray(x, dtype=np.float32)
        total = np.zeros((len(x), len(self.months)))
        for start in range(0, len(x), ROWS_AT_ONCE):
            block = slice(start, start + ROWS_AT_ONCE)
            for tree in self.trees:
                total[block] += tree.leaf_survival[tree.apply(x[block])]
        return total / len(self.trees)

    def predict(self, x: NDArray[Any], months: Floats) -> tuple[Floats, Floats]:
        """Return risk (n,), the mean of `leaf_risk`, and survival (n, m) at `months`."""
        x = np.asarray(x, dtype=np.float32)
        weights = self.weights_at(months)
        risk = np.zeros(len(x))
        survival = np.zeros((len(x), weights.shape[1]))
        for tree in self.trees:
            leaf = tree.apply(x)
            risk += self.leaf_risk(tree)[leaf]
            survival += (weights[0] + tree.leaf_survival @ weights[1:])[leaf]
        survival /= len(self.trees)
        return risk / len(self.trees), np.clip(np.minimum.accumulate(survival, axis=1), 0.0, 1.0)

    @classmethod
    def of(cls, forest: Any) -> ForestArrays:
        """Take what predicting needs out of a fitted ``sksurv.ensemble.RandomSurvivalForest``."""
        return cls(
            trees=tuple(_tree_arrays(estimator.tree_) for estimator in forest.estimators_),
            months=np.asarray(forest.unique_times_, dtype=float),
            event_months=np.asarray(forest.estimators_[0].is_event_time_, dtype=bool),
        )

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the trees laid end to end, and where each one starts."""
        arrays: dict[str, NDArray[Any]] = {
            name: np.concatenate([getattr(tree, name) for tree in self.trees])
            for name in TreeArrays.__dataclass_fields__
        }
        arrays["nodes"] = np.array([len(tree.feature) for tree in self.trees])
        arrays["leaves"] = np.array([len(tree.leaf_survival) for tree in self.trees])
        return arrays | {"months": self.months, "event_months": self.event_months}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> ForestArrays:
        """Rebuild the forest that `to_arrays` laid out."""
        nodes, leaves = np.cumsum(arrays["nodes"])[:-1], np.cumsum(arrays["leaves"])[:-1]
        parts = {
            name: np.split(arrays[name], leaves if name.startswith("leaf_") else nodes)
            for name in TreeArrays.__dataclass_fields__
        }
        trees = tuple(
            TreeArrays(**{name: part[k] for name, part in parts.items()}) for k in range(len(arrays["nodes"]))
        )
        return cls(trees, arrays["months"], arrays["event_months"])


def _tree_arrays(tree: Any) -> TreeArrays:
    is_leaf = tree.children_left < 0
    leaf = np.where(is_leaf, np.cumsum(is_leaf) - 1, -1)
    return TreeArrays(
        children_left=tree.children_left.astype(np.intp),
        children_right=tree.children_right.astype(np.intp),
        feature=tree.feature.astype(np.intp),
        threshold=tree.threshold.astype(float),
        missing_left=tree.missing_go_to_left.astype(bool),
        node_weight=tree.weighted_n_node_samples.astype(float),
        leaf=leaf.astype(np.intp),
        leaf_survival=np.ascontiguousarray(tree.value[is_leaf, :, 1]),
        leaf_hazard=np.ascontiguousarray(tree.value[is_leaf, :, 0]),
    )
