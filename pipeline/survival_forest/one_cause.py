"""Sums by bin and best cut of a feature in a node, for one cause: most forests, and most of their time."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from pipeline.survival_forest.codes_present import insert, listed

LEAST_DUE = 1e-6  # events; below it a side has nobody at risk but for rounding


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def sum_one_cause(
    column: NDArray[np.uint8],
    rows: NDArray[np.uint32],
    start: int,
    end: int,
    score: NDArray[np.float32],
    due: NDArray[np.float32],
    count: int,
    sums: NDArray[np.float64],
    present: NDArray[np.uint64],
    bins_here: NDArray[np.int64],
) -> int:
    """Add a node's scores, events due and rows to `sums`, three a bin, and list the bins that occur.

    Parameters
    ----------
    column : array of uint8
        Bin of each row.
    start, end : int
        The node's part of `rows`, `score` and `due`.
    count : int
        Bins of the feature; this code means missing.
    sums : array, shape (at least 3 x (count + 1),)
        Zero before.
    present : array of uint64, shape (4,)
        An empty set, and empty again afterwards.
    bins_here : array, shape (256,)
        Written: the bins that occur, smallest first.

    Returns
    -------
    int
        How many occur.
    """
    if end - start <= 2 * count:
        for i in range(start, end):
            b = column[rows[i]]
            insert(present, b)
            at = np.uint64(b) * np.uint64(3)
            sums[at] += score[i]
            sums[at + np.uint64(1)] += due[i]
            sums[at + np.uint64(2)] += 1.0
        return int(listed(present, bins_here))
    for i in range(start, end):
        at = np.uint64(column[rows[i]]) * np.uint64(3)
        sums[at] += score[i]
        sums[at + np.uint64(1)] += due[i]
        sums[at + np.uint64(2)] += 1.0
    seen = 0
    for b in range(count + 1):  # few beside the patients: cheaper than noting each one's
        if sums[3 * b + 2] > 0:
            bins_here[seen] = b
            seen += 1
    return seen


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def best_cut_of_one_cause(
    sums: NDArray[np.float64],
    bins_here: NDArray[np.int64],
    known: int,
    count: int,
    missing_left: bool,
    happened: float,
    size: int,
    fewest_in_leaf: int,
    best: float,
) -> tuple[float, int, float]:
    """Return the gain of the best cut above `best`, its place in `bins_here` (-1: none) and rows to its left.

    The gain is that of `pipeline.survival_forest.growth.grow_tree`, to the last bit.

    Parameters
    ----------
    sums, bins_here, count
        As `sum_one_cause` leaves them; `known` of `bins_here` are values, not missing ones.
    missing_left : bool
        Whether missing values go left.
    happened : float
        Weighted events in the node.
    size, fewest_in_leaf : int
        Rows of the node, and the fewest of a side.
    """
    observed_less_due, due, rows = 0.0, 0.0, 0.0
    if missing_left:
        observed_less_due, due, rows = sums[3 * count], sums[3 * count + 1], sums[3 * count + 2]
    place, rows_left = -1, 0.0
    for k in range(known):
        at = np.uint64(bins_here[k]) * np.uint64(3)
        observed_less_due += sums[at]
        due += sums[at + np.uint64(1)]
        rows += sums[at + np.uint64(2)]
        if rows < fewest_in_leaf:
            continue
        if size - rows < fewest_in_leaf:
            break
        product = due * (happened - due)
        if product > LEAST_DUE * happened:
            gain = observed_less_due * observed_less_due * happened / product
            if gain > best:
                best, place, rows_left = gain, k, rows
    return best, place, rows_left


@numba.njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator]
def between(bins_here: NDArray[np.int64], k: int, known: int, count: int) -> int:
    """Return the cut after bin `k` of those that occur: midway through the bins that are empty here."""
    return (bins_here[k] + bins_here[k + 1] - 1) // 2 if k + 1 < known else count - 1
