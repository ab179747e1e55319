"""What a forest says of its own training rows by the trees that did not draw them, and what that shows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.metrics import interval, resamples
from pipeline.metrics.discrimination import concordance
from pipeline.schema import Floats

RESAMPLES = 200


def harrell(time: Floats, event: NDArray[np.bool_], risk: Floats, weights: Floats | None = None) -> Floats:
    """Return Harrell's C for each row of case `weights`, (b, n), or of the patients as they are."""
    y = np.empty(len(time), dtype=[("event", bool), ("time", float)])
    y["event"], y["time"] = event, time
    weights = np.ones((1, len(time))) if weights is None else weights
    return concordance(y, risk, weights, np.where(event, weights, 0.0))


def permutation_importance(
    forest: Any,
    X: Any,
    y: NDArray[np.void],
    repeats: int = 5,
    level: float = 0.95,
    random_state: int = 0,
) -> pd.DataFrame:
    """Return how much the out-of-bag C falls when a feature's values are shuffled among patients.

    Parameters
    ----------
    forest : SurvivalForest
        Fitted on exactly `X` and `y`, with rows left out of each tree.
    X, y
        The training set.
    repeats : int
        Shuffles of each feature.
    level : float
        Of the interval, from 200 bootstrap resamples of the patients in each shuffle: it spans the chance of
        the patients and of the shuffle, with the forest as it is.
    random_state : int

    Returns
    -------
    DataFrame
        `feature`, `importance` (C of the forest less its C with the feature shuffled, averaged over
        shuffles), `lower`, `upper`; the most important first. Features that go with each other share what
        they know: shuffling one leaves the other in place (Strobl et al., BMC Bioinformatics 2008;9:307).

    Raises
    ------
    ValueError
        When X is not the training set's size, or trees left no row out.
    """
    x, time, event, drawn = forest.training_set(X, y)
    base = forest.nodes_.risk(x, forest.threads(), drawn)
    known = np.flatnonzero(np.isfinite(base))
    if not event[known].any():
        raise ValueError("permutation importance needs rows with an event that some tree did not draw.")
    patients, shuffler = np.random.default_rng(random_state).spawn(2)
    weights = resamples(len(known), RESAMPLES, patients)
    whole = harrell(time[known], event[known], base[known], weights)
    names = getattr(forest, "feature_names_in_", np.array([f"x{j}" for j in range(x.shape[1])]))
    used = np.unique(forest.nodes_.feature)
    rows = []
    for j, name in enumerate(names):
        falls = np.zeros((repeats, RESAMPLES + 1))
        if j in used:
            for k in range(repeats):
                shuffled = x.copy()
                shuffled[:, j] = x[shuffler.permutation(len(x)), j]
                risk = forest.nodes_.risk(shuffled, forest.threads(), drawn)
                falls[k] = whole - harrell(time[known], event[known], risk[known], weights)
        low, high = interval(falls[:, 1:].ravel(), level)
        rows.append((name, falls[:, 0].mean(), float(low), float(high)))
    table = pd.DataFrame(rows, columns=["feature", "importance", "lower", "upper"])
    return table.sort_values("importance", ascending=False, ignore_index=True)
