"""Exact Shapley values: of a forest's survival probabilities, and of a linear predictor."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.schema import Floats


class Tree(Protocol):
    """One survival tree as arrays over its nodes; children of a leaf are -1."""

    @property
    def children_left(self) -> NDArray[Any]:
        """Next node on the left; -1 at a leaf."""

    @property
    def children_right(self) -> NDArray[Any]:
        """Next node on the right; -1 at a leaf."""

    @property
    def feature(self) -> NDArray[Any]:
        """Column compared."""

    @property
    def threshold(self) -> NDArray[Any]:
        """Largest value that goes left."""

    @property
    def missing_left(self) -> NDArray[Any]:
        """Whether a missing value goes left."""

    @property
    def node_weight(self) -> NDArray[Any]:
        """Training weight that reached the node."""


def tree_shap(
    trees: Sequence[Tree], leaf_outputs: Sequence[Floats], x: NDArray[np.floating[Any]]
) -> tuple[Floats, Floats]:
    """Return exact path-dependent Shapley values of a mean of trees, and their base.

    The value of a coalition is the expected leaf output when a split on an unknown feature sends the
    patient down both branches in proportion to the training weight that went there (Lundberg et al.,
    Nat Mach Intell 2020, doi:10.1038/s42256-019-0138-9).

    Parameters
    ----------
    trees : sequence of Tree
        Splits send ``float32(x) <= threshold`` to the left, missing values where `missing_left` says.
    leaf_outputs : sequence of array, shape (nodes, m)
        What each node of each tree answers; only the rows of leaves are read.
    x : array, shape (n, p)
        Features; NaN is missing.

    Returns
    -------
    values : array, shape (n, p, m)
    base : array, shape (m,)
    """
    share = 1 / len(trees)
    ensemble = {
        "trees": [_shap_tree(t, out * share) for t, out in zip(trees, leaf_outputs, strict=True)],
        "objective": "squared_error",
        "tree_output": "raw_value",
        "base_offset": 0.0,
        "internal_dtype": np.float64,
        "input_dtype": np.float32,  # scikit-learn's trees compare float32 inputs
    }
    with warnings.catch_warnings():
        # shap 0.51 builds its colour maps with calls that matplotlib is about to retire
        warnings.filterwarnings("ignore", r"The set_\w+ function", PendingDeprecationWarning)
        import shap

    explainer = shap.TreeExplainer(ensemble, feature_perturbation="tree_path_dependent")
    # shap's own check only knows models of its own list; ours is made against the model's prediction
    found = explainer.shap_values(np.asarray(x, dtype=np.float32), check_additivity=False)
    outputs = leaf_outputs[0].shape[1]
    values = np.asarray(found, dtype=float).reshape(*np.shape(x), outputs)
    return values, np.atleast_1d(np.asarray(explainer.expected_value, dtype=float))


def _shap_tree(tree: Tree, outputs: Floats) -> dict[str, NDArray[Any]]:
    left, right = np.asarray(tree.children_left), np.asarray(tree.children_right)
    leaf = left < 0
    return {
        "children_left": left,
        "children_right": right,
        "children_default": np.where(np.asarray(tree.missing_left, dtype=bool), left, right),
        "features": np.where(leaf, -2, tree.feature),
        "thresholds": np.asarray(tree.threshold, dtype=np.float64),
        "node_sample_weight": np.asarray(tree.node_weight, dtype=np.float64),
        "values": np.ascontiguousarray(np.where(leaf[:, None], outputs, 0.0)),
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
