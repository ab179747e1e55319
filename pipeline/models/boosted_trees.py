"""Boosted trees as flat arrays: all that predicting, saving and explaining need, without the library."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.schema import Floats
from pipeline.survival_forest.trees import Trees


@dataclass(frozen=True)
class BoostedTrees(Trees):
    """Trees whose leaves are summed; `node_weight` is the loss's second derivatives, summed over rows.

    Attributes
    ----------
    values : array, shape (leaves,)
        What a leaf adds.
    """

    values: Floats

    @classmethod
    def of(cls, booster: Any) -> BoostedTrees:
        """Read the trees of an xgboost Booster; its constant is left out."""
        model = json.loads(booster.save_raw("json"))["learner"]["gradient_booster"]["model"]
        trees = model["trees"]

        def joined(key: str, kind: Any) -> NDArray[Any]:
            return np.concatenate([np.asarray(t[key], dtype=kind) for t in trees])

        left = joined("left_children", np.int32)
        ends = left < 0
        conditions = joined("split_conditions", np.float32)
        sizes = [len(t["left_children"]) for t in trees]
        return cls(
            tree_start=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
            left=left,
            right=np.where(ends, -1, joined("right_children", np.int32)).astype(np.int32),
            feature=np.where(ends, -1, joined("split_indices", np.int32)).astype(np.int32),
            # xgboost sends what is below the condition to the left, without what is equal to it
            threshold=np.nextafter(conditions, np.float32(-np.inf)),
            missing_left=joined("default_left", bool),
            node_weight=joined("sum_hessian", np.float64),
            leaf=np.where(ends, np.cumsum(ends) - 1, -1).astype(np.int32),
            values=conditions[ends].astype(float),
        )

    def total(self, x: NDArray[np.float32]) -> Floats:
        """Sum of the leaves each row ends in, shape (n,)."""
        total, counted = np.zeros((len(x), 1)), np.zeros(len(x))
        for tree in range(self.tree_count):
            self.add_tree(tree, x, self.values[:, None], 0, total, counted)
        return np.asarray(total[:, 0])

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that `from_arrays` needs."""
        return {f"trees.{f.name}": np.asarray(getattr(self, f.name)) for f in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> BoostedTrees:
        """Rebuild the trees of `to_arrays`."""
        return cls(**{f.name: arrays[f"trees.{f.name}"] for f in fields(cls)})
