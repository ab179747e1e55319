"""A forest seen from its leaves: what a row must satisfy to reach each one, one condition a feature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numba
import numpy as np
from numpy.typing import NDArray

from pipeline.schema import Floats

Integers = NDArray[np.integer[Any]]
Whole = NDArray[np.int64]
Flags = NDArray[np.bool_]


class ForestNodes(Protocol):
    """Trees laid end to end as arrays over their nodes; a row goes left when float32(x) <= threshold."""

    @property
    def tree_start(self) -> Integers:
        """First node of each tree, and the number of nodes; shape (trees + 1,)."""

    @property
    def left(self) -> Integers:
        """Next node on the left, counted from the tree's first node; -1 at a leaf."""

    @property
    def right(self) -> Integers:
        """Next node on the right, likewise."""

    @property
    def feature(self) -> Integers:
        """Column compared; negative at a leaf."""

    @property
    def threshold(self) -> NDArray[np.floating[Any]]:
        """Largest value that goes left."""

    @property
    def missing_left(self) -> NDArray[np.bool_]:
        """Whether a missing value goes left."""

    @property
    def node_weight(self) -> Floats:
        """Training weight that reached the node."""

    @property
    def leaf(self) -> Integers:
        """Row of the leaf tables; -1 at an inner node."""


@dataclass(frozen=True)
class LeafPaths:
    """For each leaf one condition for every feature its path splits on; repeated splits are merged.

    The conditions of leaf k are ``start[k]:start[k + 1]``. A row satisfies condition c when its value of
    `feature[c]` lies in (`low[c]`, `high[c]`], or is missing and `missing[c]`. `share[c]` is the product of
    the shares of training weight that took the path's turns on that feature.

    Attributes
    ----------
    leaf : array of int, shape (leaves,)
        Row of the leaf tables.
    start : array of int, shape (leaves + 1,)
    feature : array of int, shape (conditions,)
    low, high, share : array, shape (conditions,)
    missing : array of bool, shape (conditions,)
    trees : int
    """

    leaf: Whole
    start: Whole
    feature: Whole
    low: Floats
    high: Floats
    missing: Flags
    share: Floats
    trees: int

    @classmethod
    def of(cls, nodes: ForestNodes) -> LeafPaths:
        """Walk every path of a forest once."""
        leaf, start, feature, low, high, missing, share = _walk(
            np.ascontiguousarray(nodes.tree_start, dtype=np.int64),
            np.ascontiguousarray(nodes.left, dtype=np.int64),
            np.ascontiguousarray(nodes.right, dtype=np.int64),
            np.ascontiguousarray(nodes.feature, dtype=np.int64),
            np.ascontiguousarray(nodes.threshold, dtype=np.float64),
            np.ascontiguousarray(nodes.missing_left, dtype=np.bool_),
            np.ascontiguousarray(nodes.node_weight, dtype=np.float64),
            np.ascontiguousarray(nodes.leaf, dtype=np.int64),
        )
        return cls(leaf, start, feature, low, high, missing, share, len(nodes.tree_start) - 1)

    @property
    def conditions(self) -> tuple[NDArray[Any], ...]:
        """Leaves and conditions as the kernels take them."""
        return self.leaf, self.start, self.feature, self.low, self.high, self.missing

    @property
    def longest(self) -> int:
        """Most features that any one path splits on."""
        return int(np.diff(self.start).max(initial=0))

    def base(self, leaf_values: Floats) -> Floats:
        """Mean over trees of the training-weighted mean leaf value, shape (m,)."""
        reached = np.ones(len(self.leaf))
        owner = np.repeat(np.arange(len(self.leaf)), np.diff(self.start))
        np.multiply.at(reached, owner, self.share)
        return np.asarray(reached @ leaf_values[self.leaf] / self.trees)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _walk(
    tree_start: Whole, left: Whole, right: Whole, feature: Whole, threshold: Floats, missing_left: Flags,
    weight: Floats, leaf: Whole
) -> tuple[Whole, Whole, Whole, Floats, Floats, Flags, Floats]:  # fmt: skip
    nodes = len(left)
    parent = np.full(nodes, -1, np.int64)
    depth = np.zeros(nodes, np.int64)
    leaves = 0
    most = 0
    for tree in range(len(tree_start) - 1):
        first = tree_start[tree]
        stack = [first]
        while len(stack) > 0:
            node = stack.pop()
            if left[node] < 0:
                leaves += 1
                most += depth[node]
                continue
            for child in (first + left[node], first + right[node]):
                parent[child] = node
                depth[child] = depth[node] + 1
                stack.append(child)
    rows = np.empty(leaves, np.int64)
    start = np.zeros(leaves + 1, np.int64)
    features = np.empty(most, np.int64)
    low, high, share = np.empty(most), np.empty(most), np.empty(most)
    missing = np.empty(most, np.bool_)
    number = 0
    end = 0
    for tree in range(len(tree_start) - 1):
        first = tree_start[tree]
        for bottom in range(first, tree_start[tree + 1]):
            if left[bottom] >= 0:
                continue
            begin = end
            node = bottom
            while parent[node] >= 0:
                above = parent[node]
                went_left = first + left[above] == node
                slot = begin
                while slot < end and features[slot] != feature[above]:
                    slot += 1
                if slot == end:
                    features[end] = feature[above]
                    low[end], high[end], share[end], missing[end] = -np.inf, np.inf, 1.0, True
                    end += 1
                if went_left:
                    high[slot] = min(high[slot], threshold[above])
                else:
                    low[slot] = max(low[slot], threshold[above])
                missing[slot] &= missing_left[above] == went_left
                share[slot] *= weight[node] / weight[above]
                node = above
            rows[number] = leaf[bottom]
            number += 1
            start[number] = end
    return (rows, start, features[:end].copy(), low[:end].copy(), high[:end].copy(), missing[:end].copy(),
            share[:end].copy())  # fmt: skip
