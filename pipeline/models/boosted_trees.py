"""Boosted trees: grown by xgboost, kept as flat arrays, all that predicting and explaining need."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
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


@dataclass(frozen=True)
class Boosting:
    """What xgboost is asked to make small (`objective`), and how held-out rows are scored (`score`).

    Trees may be told, by `start`, what each row's sum starts from; nothing is 0, or xgboost's own.
    """

    objective: str
    score: str

    def held_out_losses(
        self,
        x: NDArray[np.float32],
        label: Floats,
        counted: Floats,
        parts: Sequence[tuple[NDArray[np.bool_], NDArray[np.bool_]]],
        settings: Mapping[str, Any],
        most_trees: int,
        seed: int,
        starts: Sequence[Floats] | None = None,
    ) -> Floats:
        """Return the mean held-out score after each tree, shape (most_trees,).

        `counted`, shape (n,), is what each row adds to the weight of its part; `starts`, one of shape (n,) a
        part, what each row's sum starts from.
        """
        import xgboost

        losses, total = np.zeros(most_trees), 0.0
        from_zero: Sequence[Floats | None] = [None] * len(parts)
        for (inside, outside), start in zip(parts, starts or from_zero, strict=True):
            told: dict[str, Any] = {}
            grown, judged = (
                xgboost.DMatrix(x[k], label=label[k], base_margin=None if start is None else start[k])
                for k in (inside, outside)
            )
            xgboost.train(
                self._asked(settings, seed), grown, most_trees, evals=[(judged, "held_out")],
                evals_result=told, verbose_eval=False,
            )  # fmt: skip
            share = float(counted[outside].sum())
            losses += share * np.asarray(told["held_out"][self.score])
            total += share
        return losses / max(total, 1.0)

    def grow(
        self,
        x: NDArray[np.float32],
        label: Floats,
        settings: Mapping[str, Any],
        seed: int,
        start: Floats | None = None,
    ) -> BoostedTrees:
        """Return ``settings["trees"]`` trees grown on all rows."""
        import xgboost

        data = xgboost.DMatrix(x, label=label, base_margin=start)
        return BoostedTrees.of(xgboost.train(self._asked(settings, seed), data, settings["trees"]))

    def _asked(self, settings: Mapping[str, Any], seed: int) -> dict[str, Any]:
        known = {name: value for name, value in settings.items() if name != "trees"}
        return known | {"objective": self.objective, "seed": seed, "nthread": 1, "verbosity": 0}
