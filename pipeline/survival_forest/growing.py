"""Many trees from one training set, in threads: the same trees for any number of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.schema import Floats
from pipeline.survival_forest.binning import FeatureBins
from pipeline.survival_forest.codes_present import BLOCK_BYTES
from pipeline.survival_forest.growth import grow_tree
from pipeline.survival_forest.leaves import LeafTable
from pipeline.survival_forest.nodes import Drawn, ForestNodes
from pipeline.survival_forest.random_draws import drawn_counts
from pipeline.survival_forest.time_grid import TimeGrid

BYTE = 255


@dataclass(frozen=True)
class Growth:
    """How trees are grown, every option resolved to a number.

    Attributes
    ----------
    draws : int
        Rows drawn for each tree.
    replace : bool
        Whether rows are drawn with replacement.
    features_tried, fewest_in_leaf, fewest_in_split, deepest : int
    random_cuts : bool
        One random cut a feature in place of the best.
    most_bins, most_knots : int
    monotone : array of int8, shape (p,) or (0,)
    prior_patients : float
        See `LeafTable`.
    n_jobs : int
    """

    draws: int
    replace: bool
    features_tried: int
    fewest_in_leaf: int
    fewest_in_split: int
    deepest: int
    random_cuts: bool
    most_bins: int
    most_knots: int
    monotone: NDArray[np.int8]
    prior_patients: float
    n_jobs: int

    def drawn(self, seeds: NDArray[np.uint64], patients: int) -> Drawn:
        """Return the function that says how often tree t drew each of the training `patients`."""
        return lambda t: np.asarray(
            drawn_counts(np.array([seeds[t]], dtype=np.uint64), patients, self.draws, self.replace)
        )


def grow_forest(
    x: NDArray[np.float32],
    time: Floats,
    cause: NDArray[np.intp],
    weight: NDArray[np.float32],
    seeds: NDArray[np.uint64],
    growth: Growth,
) -> ForestNodes:
    """Grow one tree a seed.

    Parameters
    ----------
    x : array of float32, shape (n, p)
        Features; NaN is missing.
    time : array, shape (n,)
    cause : array of int, shape (n,)
        0 when censored, else the number of the cause, from 1 on.
    weight : array of float32, shape (n,)
    seeds : array of uint64, shape (trees,)
    """
    weighed = weight > 0
    event = cause > 0
    grid = TimeGrid.of(time[weighed], event[weighed], growth.most_knots)
    rank = grid.ranks(time, event)
    baseline, leaving = _baseline(rank, cause, weight, len(grid.months))
    bins = FeatureBins.of(x, growth.most_bins, growth.n_jobs)
    codes = bins.transform(x, growth.n_jobs)
    by_patient = np.ascontiguousarray(codes[:, : codes.shape[1] if codes.size > BLOCK_BYTES else 0].T)
    code = rank.astype(np.uint16) + (cause << 8).astype(np.uint16)
    by_rank = np.concatenate([[0.0], baseline.sum(axis=0).cumsum()])

    def grow(seed: np.uint64) -> Any:
        return grow_tree(
            codes, by_patient, bins.counts, code, weight, by_rank, len(baseline), seed, growth.draws,
            growth.replace, growth.features_tried, growth.fewest_in_leaf, growth.fewest_in_split,
            growth.deepest, growth.random_cuts, growth.monotone,
        )  # fmt: skip

    with ThreadPoolExecutor(growth.n_jobs) as pool:
        trees = list(pool.map(grow, seeds))
    left, right, feature, cut, missing_left, node_weight, leaf, ratio, entries, at, left_by, events = (
        list(part) for part in zip(*trees, strict=True)
    )
    leaf_count = np.cumsum([0, *map(len, ratio)])
    table = LeafTable(
        starts=np.concatenate([[0], np.cumsum(np.concatenate(entries))]).astype(np.int64),
        rank=np.concatenate(at),
        leaving=_compact(left_by),
        events=_compact(events),
        ratio=np.concatenate(ratio),
        baseline=baseline,
        prior_patients=growth.prior_patients,
    )
    shifted = [np.where(a >= 0, a + b, -1) for a, b in zip(leaf, leaf_count, strict=False)]
    features = np.concatenate(feature)
    return ForestNodes(
        tree_start=np.cumsum([0, *map(len, feature)]).astype(np.int64),
        left=np.concatenate(left),
        right=np.concatenate(right),
        feature=features,
        threshold=bins.thresholds(features, np.concatenate(cut)),
        missing_left=np.concatenate(missing_left),
        node_weight=np.concatenate(node_weight),
        leaf=np.concatenate(shifted).astype(np.int32),
        leaves=table,
        grid=grid,
        risk_weights=leaving,
    )


def _baseline(
    rank: NDArray[np.uint8], cause: NDArray[np.intp], weight: NDArray[np.float32], knots: int
) -> tuple[Floats, Floats]:
    """Hazard steps of each cause over all patients, (causes, knots), and the weight leaving at each knot."""
    leaving = np.bincount(rank, weight, minlength=knots + 1)
    at_risk = leaving[1:][::-1].cumsum()[::-1]
    causes = max(1, int(cause.max()))
    steps = np.zeros((causes, knots))
    for c in range(causes):
        rows = cause == c + 1
        happened = np.bincount(rank[rows], weight[rows], minlength=knots + 1)[1:]
        np.divide(happened, at_risk, out=steps[c], where=happened > 0)
    return steps, np.asarray(leaving[1:], dtype=float)


def _compact(parts: list[NDArray[np.float32]]) -> NDArray[Any]:
    """Join `parts`, as bytes when all are small whole numbers, as bootstrap counts are."""
    if all((part <= BYTE).all() and (part == np.floor(part)).all() for part in parts):
        return np.concatenate([part.astype(np.uint8) for part in parts])
    return np.concatenate(parts)
