"""Exact Shapley values: of all outputs of a forest at once, and of a linear predictor."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.explain.leaf_paths import ForestNodes, LeafPaths
from pipeline.explain.tree_kernels import (
    LANES,
    LONGEST_MASK,
    gauss_rules,
    interventional,
    path_dependent,
    path_interactions,
    shapley_weights,
)
from pipeline.schema import Floats

Rows = NDArray[np.floating[Any]]


def tree_shap(
    nodes: ForestNodes,
    leaf_values: Floats,
    x: Rows,
    background: Rows | None = None,
    threads: int | None = None,
) -> tuple[Floats, Floats]:
    """Return exact Shapley values of a mean of trees, and their base.

    Path-dependent without a `background`: the value of a coalition is the expected leaf value when a split
    on an unknown feature sends the patient down both branches in proportion to the training weight that
    went there. With one, interventional: unknown features are those of a background patient, averaged over
    them (Lundberg et al., Nat Mach Intell 2020, doi:10.1038/s42256-019-0138-9).

    Parameters
    ----------
    nodes : ForestNodes
        Splits send ``float32(x) <= threshold`` to the left, missing values where `missing_left` says.
    leaf_values : array, shape (leaves, m)
        What each leaf answers; any linear functional of its curve will do.
    x : array, shape (n, p)
        Features; NaN is missing.
    background : array, shape (b, p), optional
    threads : int, optional
        Patients are shared out between them; as many as there are processors when left out. The same bits
        for any number.

    Returns
    -------
    values : array, shape (n, p, m)
    base : array, shape (m,)
    """
    paths = LeafPaths.of(nodes)
    rows, share = _as_compared(x), np.ascontiguousarray(leaf_values / paths.trees)
    values = np.zeros((*rows.shape, share.shape[1]))
    if background is None:
        rules = gauss_rules(paths.longest)

        def weigh(part: slice) -> None:
            path_dependent(rows[part], *paths.conditions, paths.share, share, *rules, values[part])

        _in_parts(weigh, len(rows), threads)
        return values, paths.base(leaf_values)
    if paths.longest > LONGEST_MASK:
        return tree_shap_by_shap(nodes, leaf_values, x, background)
    known, table = _as_compared(background), shapley_weights(paths.longest)
    base = np.zeros(share.shape[1])

    def compare(part: slice) -> None:
        found = base if part.start == 0 else np.zeros_like(base)
        interventional(rows[part], known, *paths.conditions, share, table, values[part], found)

    _in_parts(compare, len(rows), threads)
    return values, base


def tree_shap_interactions(
    nodes: ForestNodes, leaf_values: Floats, x: Rows, threads: int | None = None
) -> Floats:
    """Return path-dependent Shapley interactions, shape (n, p, p, m).

    A pair's interaction stands half at (i, j) and half at (j, i); what is left of a feature's Shapley value
    stands at (i, i), so that each row sums to it (Lundberg et al., 2020). Memory grows with the square of
    the number of features: ask for a few hundred patients, not for all.
    """
    paths = LeafPaths.of(nodes)
    rows, share = _as_compared(x), np.ascontiguousarray(leaf_values / paths.trees)
    n, p = rows.shape
    values = np.zeros((n, p, p, share.shape[1]))
    rules = gauss_rules(paths.longest)

    def weigh(part: slice) -> None:
        path_interactions(rows[part], *paths.conditions, paths.share, share, *rules, values[part])

    _in_parts(weigh, n, threads)
    whole, _ = tree_shap(nodes, leaf_values, x, threads=threads)
    diagonal = np.arange(p)
    values[:, diagonal, diagonal] = whole - values.sum(axis=2)
    return values


def _as_compared(x: Rows) -> Floats:
    """Round as the trees do before they compare."""
    return np.ascontiguousarray(np.asarray(x, dtype=np.float32), dtype=np.float64)


def _in_parts(work: Callable[[slice], None], n: int, threads: int | None) -> None:
    count = max(min(threads or os.cpu_count() or 1, -(-n // LANES)), 1)
    size = -(-n // (count * LANES)) * LANES
    parts = [slice(first, min(first + size, n)) for first in range(0, n, max(size, 1))]
    if len(parts) < 2:
        for part in parts:
            work(part)
        return
    with ThreadPoolExecutor(len(parts)) as pool:
        list(pool.map(work, parts))


def tree_shap_by_shap(
    nodes: ForestNodes, leaf_values: Floats, x: Rows, background: Rows | None = None
) -> tuple[Floats, Floats]:
    """Return what `tree_shap` returns, by ``shap.TreeExplainer`` on one thread: its reference."""
    trees = len(nodes.tree_start) - 1
    bounds = zip(nodes.tree_start[:-1], nodes.tree_start[1:], strict=True)
    ensemble = {
        "trees": [_shap_tree(nodes, slice(int(a), int(b)), leaf_values / trees) for a, b in bounds],
        "objective": "squared_error",
        "tree_output": "raw_value",
        "base_offset": 0.0,
        "internal_dtype": np.float64,
        "input_dtype": np.float32,
    }
    with warnings.catch_warnings():
        # shap 0.51 builds its colour maps with calls that matplotlib is about to retire
        warnings.filterwarnings("ignore", r"The set_\w+ function", PendingDeprecationWarning)
        import shap

    known = None if background is None else np.asarray(background, dtype=np.float32)
    way = "tree_path_dependent" if background is None else "interventional"
    explainer = shap.TreeExplainer(ensemble, data=known, feature_perturbation=way)
    # shap's own check only knows models of its own list; ours is made against the model's prediction
    found = explainer.shap_values(np.asarray(x, dtype=np.float32), check_additivity=False)
    values = np.asarray(found, dtype=float).reshape(*np.shape(x), leaf_values.shape[1])
    return values, np.atleast_1d(np.asarray(explainer.expected_value, dtype=float))


def _shap_tree(nodes: ForestNodes, part: slice, leaf_values: Floats) -> dict[str, NDArray[Any]]:
    left, right, leaf = (np.asarray(a)[part] for a in (nodes.left, nodes.right, nodes.leaf))
    is_leaf = left < 0
    return {
        "children_left": left,
        "children_right": right,
        "children_default": np.where(np.asarray(nodes.missing_left)[part], left, right),
        "features": np.where(is_leaf, -2, np.asarray(nodes.feature)[part]),
        "thresholds": np.asarray(nodes.threshold, dtype=np.float64)[part],
        "node_sample_weight": np.asarray(nodes.node_weight, dtype=np.float64)[part],
        "values": np.ascontiguousarray(np.where(is_leaf[:, None], leaf_values[leaf], 0.0)),
    }


def linear_shap(coefficients: Floats, x: Floats, background: Floats) -> tuple[Floats, float]:
    """Return exact interventional Shapley values of ``x @ coefficients``, and their base.

    For a linear function they are ``coefficients * (x - background.mean())`` whatever the correlation
    of the features, because unknown features are drawn from the background as a whole.

    Returns
    -------
    values : array, shape (n, p)
    base : float
        Mean linear predictor of the background.
    """
    centre = background.mean(axis=0)
    return coefficients * (x - centre), float(centre @ coefficients)
