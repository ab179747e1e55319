"""A grown forest as flat arrays over all its trees: all that predicting, saving and explaining need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.schema import Floats
from pipeline.survival_forest.leaves import LeafTable
from pipeline.survival_forest.time_grid import TimeGrid
from pipeline.survival_forest.trees import EVERYONE, Trees

TREES_AT_ONCE = 8  # bounds the tables of leaf values held at a time
LeafValues = Callable[[int, int], Floats]  # leaves first to last -> their values, shape (leaves, m)
Drawn = Callable[[int], NDArray[np.uint16]]  # tree -> how often it drew each training row


@dataclass(frozen=True)
class ForestNodes(Trees):
    """A grown forest; a prediction is the mean over trees of the leaf a row ends in.

    Attributes
    ----------
    leaves : LeafTable
    grid : TimeGrid
    risk_weights : array, shape (knots,)
        Risk is the cumulative hazard of any event, weighted by these and summed.
    """

    leaves: LeafTable
    grid: TimeGrid
    risk_weights: Floats

    def leaf_survival_at(self, months: Floats) -> Floats:
        """Survival of every leaf at `months`, shape (leaves, m)."""
        return self._all_leaves(self._survival_at(months))

    def leaf_hazard_at(self, months: Floats) -> Floats:
        """Cumulative hazard of every leaf at `months`, shape (leaves, m)."""
        return self._all_leaves(self._hazard_at(months))

    def leaf_incidence_at(self, months: Floats) -> Floats:
        """Cumulative incidence of every leaf at `months`, shape (leaves, causes, m)."""
        values = self._all_leaves(self._incidence_at(months))
        return values.reshape(len(values), self.leaves.baseline.shape[0], -1)

    def leaf_risk(self) -> Floats:
        """Risk of every leaf, shape (leaves,)."""
        return self._all_leaves(self._risk)[:, 0]

    def survival(
        self, x: NDArray[np.float32], months: Floats, n_jobs: int = 1, drawn: Drawn | None = None
    ) -> Floats:
        """Mean survival of each row at `months`, shape (n, m); with `drawn` as in `mean_over_trees`."""
        return self.mean_over_trees(x, self._survival_at(months), n_jobs, drawn)

    def cumulative_hazard(self, x: NDArray[np.float32], months: Floats, n_jobs: int = 1) -> Floats:
        """Mean cumulative hazard of any event of each row at `months`, shape (n, m)."""
        return self.mean_over_trees(x, self._hazard_at(months), n_jobs)

    def incidence(self, x: NDArray[np.float32], months: Floats, n_jobs: int = 1) -> Floats:
        """Mean cumulative incidence of each row by cause at `months`, shape (n, causes, m)."""
        mean = self.mean_over_trees(x, self._incidence_at(months), n_jobs)
        return mean.reshape(len(x), self.leaves.baseline.shape[0], -1)

    def risk(self, x: NDArray[np.float32], n_jobs: int = 1, drawn: Drawn | None = None) -> Floats:
        """Mean risk of each row, shape (n,); with `drawn` as in `mean_over_trees`."""
        return self.mean_over_trees(x, self._risk, n_jobs, drawn)[:, 0]

    def mean_over_trees(
        self,
        x: NDArray[np.float32],
        values: LeafValues,
        n_jobs: int = 1,
        drawn: Drawn | None = None,
    ) -> Floats:
        """Mean of leaf `values` over trees, shape (n, m), the same bits for any `n_jobs`.

        With `drawn`, how often tree t drew each row, a row's mean is over the trees that did not draw it,
        and NaN where all did.
        """
        starts, size = self.leaf_start, max(1, -(-len(x) // max(1, n_jobs)))
        blocks = [slice(i, i + size) for i in range(0, len(x), size)]
        width = values(0, 1).shape[1]
        total, counted = np.zeros((len(x), width)), np.zeros(len(x))
        with ThreadPoolExecutor(max(1, n_jobs)) as pool:
            for first in range(0, self.tree_count, TREES_AT_ONCE):
                batch = range(first, min(first + TREES_AT_ONCE, self.tree_count))
                tables = list(pool.map(lambda t: values(int(starts[t]), int(starts[t + 1])), batch))
                inside = [EVERYONE] * len(batch) if drawn is None else list(pool.map(drawn, batch))

                def add(
                    rows: slice, batch: range = batch, tables: list[Floats] = tables,
                    inside: list[NDArray[np.uint16]] = inside,
                ) -> None:  # fmt: skip
                    for t, table, counts in zip(batch, tables, inside, strict=True):
                        self.add_tree(
                            t, x[rows], table, int(starts[t]), total[rows], counted[rows], counts[rows]
                        )

                list(pool.map(add, blocks))
        with np.errstate(invalid="ignore"):
            return np.asarray(total / counted[:, None])

    def _survival_at(self, months: Floats) -> LeafValues:
        return lambda first, last: self.grid.curve_at(self.leaves.survival(first, last), 1.0, months)

    def _hazard_at(self, months: Floats) -> LeafValues:
        return lambda first, last: self.grid.curve_at(self.leaves.cumulative_hazard(first, last), 0.0, months)

    def _incidence_at(self, months: Floats) -> LeafValues:
        def values(first: int, last: int) -> Floats:
            at = self.grid.curve_at(self.leaves.incidence(first, last), 0.0, months)
            return at.reshape(len(at), -1)

        return values

    def _risk(self, first: int, last: int) -> Floats:
        return (self.leaves.cumulative_hazard(first, last) @ self.risk_weights)[:, None]

    def _all_leaves(self, values: LeafValues) -> Floats:
        starts = self.leaf_start
        return np.concatenate([values(int(a), int(b)) for a, b in pairwise(starts)])

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that `from_arrays` needs, as plain arrays."""
        arrays = {f.name: np.asarray(getattr(self, f.name)) for f in fields(self) if f.name not in PARTS}
        for part in PARTS:
            held = getattr(self, part)
            arrays |= {f"{part}.{f.name}": np.asarray(getattr(held, f.name)) for f in fields(held)}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> ForestNodes:
        """Rebuild the forest of `to_arrays`."""
        plain: dict[str, Any] = {f.name: arrays[f.name] for f in fields(cls) if f.name not in PARTS}
        leaves: dict[str, Any] = {f.name: arrays[f"leaves.{f.name}"] for f in fields(LeafTable)}
        leaves["prior_patients"] = float(leaves["prior_patients"].item())
        grid = TimeGrid(np.asarray(arrays["grid.months"]), bool(arrays["grid.pooled"].item()))
        return cls(**plain, leaves=LeafTable(**leaves), grid=grid)


PARTS = ("leaves", "grid")
