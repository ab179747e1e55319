"""Binary trees laid end to end as arrays over their nodes: how rows find their leaves."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from pipeline.schema import Floats

EVERYONE = np.empty(0, dtype=np.uint16)


@dataclass(frozen=True)
class Trees:
    """Trees laid end to end.

    Attributes
    ----------
    tree_start : array of int64, shape (trees + 1,)
        Nodes ``tree_start[t]`` to ``tree_start[t + 1]`` belong to tree t, its root first.
    left, right : array of int32, shape (nodes,)
        Children, counted from the tree's start; -1 at a leaf.
    feature : array of int32, shape (nodes,)
        Column compared; -1 at a leaf.
    threshold : array of float32, shape (nodes,)
        A row goes left when its value, as float32, is at most this.
    missing_left : array of bool, shape (nodes,)
        Whether a missing value goes left.
    node_weight : array of float64, shape (nodes,)
        Training weight that reached the node.
    leaf : array of int32, shape (nodes,)
        Row of the leaf table; -1 at an inner node. Leaves of a tree are consecutive.
    """

    tree_start: NDArray[np.int64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    missing_left: NDArray[np.bool_]
    node_weight: Floats
    leaf: NDArray[np.int32]

    @property
    def tree_count(self) -> int:
        """Count trees."""
        return len(self.tree_start) - 1

    @property
    def leaf_start(self) -> NDArray[np.int64]:
        """Leaves ``leaf_start[t]`` to ``leaf_start[t + 1]`` belong to tree t, shape (trees + 1,)."""
        inside = np.concatenate([[0], np.cumsum(self.leaf >= 0)])
        return np.asarray(inside[self.tree_start], dtype=np.int64)

    def check(self, columns: int, leaves: int) -> None:
        """Raise a ValueError unless every path ends at one of `leaves`, and compares only `columns`.

        For trees read from a file: compiled code follows them without looking.
        """
        arrays = (self.left, self.right, self.feature, self.threshold, self.missing_left, self.leaf)
        nodes = len(self.leaf)
        if self.tree_start.ndim != 1 or any(a.shape != (nodes,) for a in arrays):
            raise ValueError("trees: arrays of different lengths")
        places = (self.tree_start, self.left, self.right, self.feature, self.leaf)
        if any(a.dtype.kind != "i" for a in places):
            raise ValueError("trees: places that are no whole numbers")
        sizes = np.diff(self.tree_start)
        if not len(sizes) or self.tree_start[0] != 0 or self.tree_start[-1] != nodes or (sizes < 1).any():
            raise ValueError("trees: starts that do not divide the nodes")
        tree = np.repeat(np.arange(len(sizes)), sizes)
        here, size = np.arange(nodes) - self.tree_start[tree], sizes[tree]
        inner, own = self.feature >= 0, self.leaf_start
        for child in (self.left[inner], self.right[inner]):
            # behind its parent: then no path can lead in a circle
            if ((child <= here[inner]) | (child >= size[inner])).any():
                raise ValueError("trees: a child that is not behind its parent in the same tree")
        if (self.feature[inner] >= columns).any():
            raise ValueError(f"trees: a feature that is none of {columns}")
        ends, row = ~inner, self.leaf
        outside = (row < own[tree]) | (row >= own[tree + 1])
        if (outside & ends).any() or (row[inner] >= 0).any() or own[-1] != leaves:
            raise ValueError("trees: a path that does not end at a leaf of its tree")

    def add_tree(
        self,
        tree: int,
        x: NDArray[np.float32],
        values: Floats,
        first_leaf: int,
        total: Floats,
        counted: Floats,
        drawn: NDArray[np.uint16] = EVERYONE,
    ) -> None:
        """Add to `total` (n, m) the values of the leaf that each row ends in, and 1 to `counted` (n,).

        ``values[k]``, shape (m,), is what leaf ``first_leaf + k`` says; rows `drawn` are left out.
        """
        _add_leaf_values(
            x, int(self.tree_start[tree]), self.left, self.right, self.feature, self.threshold,
            self.missing_left, self.leaf, first_leaf, values, drawn, total, counted,
        )  # fmt: skip


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _add_leaf_values(
    x: NDArray[np.float32],
    root: int,
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    feature: NDArray[np.int32],
    threshold: NDArray[np.float32],
    missing_left: NDArray[np.bool_],
    leaf: NDArray[np.int32],
    first_leaf: int,
    values: Floats,
    drawn: NDArray[np.uint16],
    total: Floats,
    counted: Floats,
) -> None:
    """Send each row that was not `drawn` down one tree and add the values of its leaf to `total`."""
    wide = values.shape[1]
    for i in range(len(x)):
        if len(drawn) > 0 and drawn[i] > 0:
            continue
        node = root
        while feature[node] >= 0:
            value = x[i, feature[node]]
            goes_left = missing_left[node] if np.isnan(value) else value <= threshold[node]
            node = root + (left[node] if goes_left else right[node])
        row = leaf[node] - first_leaf
        for j in range(wide):
            total[i, j] += values[row, j]
        counted[i] += 1.0
