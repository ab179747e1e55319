"""Features as small integers, cut once at quantiles: no tree sorts, and a column is a byte a patient."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

MOST_BINS = 255  # one more code is left for missing
ROWS_FOR_QUANTILES = 100_000
SEARCHED_TOGETHER = 64
TOP = np.finfo(np.float32).max


@dataclass(frozen=True)
class FeatureBins:
    """Cut points of every feature.

    Attributes
    ----------
    edges : tuple of array of float32
        Increasing; bin b of a feature holds values above ``edges[b - 1]`` and at most ``edges[b]``. With
        all values present a cut lies midway between neighbours.
    """

    edges: tuple[NDArray[np.float32], ...]

    @property
    def counts(self) -> NDArray[np.int64]:
        """Bins of each feature, missing not counted; its code is this number."""
        return np.array([len(e) + 1 for e in self.edges], dtype=np.int64)

    @classmethod
    def of(cls, x: NDArray[np.float32], most: int, n_jobs: int) -> FeatureBins:
        """Choose at most ``most - 1`` cuts a feature; beyond 100,000 rows from evenly spaced ones."""
        step = max(1, len(x) // ROWS_FOR_QUANTILES)
        with ThreadPoolExecutor(n_jobs) as pool:
            return cls(tuple(pool.map(lambda j: _cuts(x[::step, j], most), range(x.shape[1]))))

    def transform(self, x: NDArray[np.float32], n_jobs: int) -> NDArray[np.uint8]:
        """Return the bin of every value, shape (p, n): one feature's bytes lie side by side."""
        codes = np.empty((x.shape[1], len(x)), dtype=np.uint8)
        with ThreadPoolExecutor(n_jobs) as pool:
            list(pool.map(lambda j: place(x[:, j], self.edges[j], codes[j]), range(x.shape[1])))
        return codes

    def thresholds(self, feature: NDArray[np.int32], cut: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return the largest value on the left of each split; past the last cut it is all that is known."""
        starts = np.concatenate([[0], np.cumsum(self.counts)])
        flat = np.concatenate([np.append(e, TOP).astype(np.float32) for e in self.edges])
        inner = feature >= 0
        found = np.zeros(len(feature), dtype=np.float32)
        found[inner] = flat[starts[feature[inner]] + cut[inner]]
        return found


def _cuts(values: NDArray[np.float32], most: int) -> NDArray[np.float32]:
    known = np.sort(values[~np.isnan(values)])
    if len(known) == 0:
        return np.empty(0, dtype=np.float32)
    unique = known[np.concatenate([[True], known[1:] > known[:-1]])]
    if len(unique) > most:
        last = np.ceil(np.arange(1, most) / most * len(known)).astype(int) - 1
        lower = np.unique(known[last])
        lower = lower[lower < unique[-1]]
    else:
        lower = unique[:-1]
    upper = unique[np.searchsorted(unique, lower, side="right")]
    middle = (lower.astype(np.float64) / 2 + upper.astype(np.float64) / 2).astype(np.float32)
    # neighbouring floats have no middle
    return np.asarray(np.where(middle >= upper, lower, middle), dtype=np.float32)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def place(values: NDArray[np.float32], edges: NDArray[np.float32], codes: NDArray[np.uint8]) -> None:
    """Write the bin of every value into `codes`: edges below it, or all bins when missing.

    Many values take each step of the search together: none waits for the one before it, and the
    processor compares several at once.
    """
    count, n = len(edges), len(values)
    size = 1
    while size <= count:
        size *= 2
    padded = np.full(size, np.inf, dtype=np.float32)
    padded[:count] = edges
    below = np.empty(SEARCHED_TOGETHER, dtype=np.uint32)
    for start in range(0, n, SEARCHED_TOGETHER):
        together = min(SEARCHED_TOGETHER, n - start)
        below[:together] = 0
        step = size >> 1
        while step > 0:
            for k in range(together):
                passed = padded[below[k] + np.uint32(step - 1)] < values[start + k]
                below[k] += np.uint32(step) * np.uint32(passed)
            step >>= 1
        for k in range(together):
            missing = np.isnan(values[start + k])
            codes[start + k] = np.uint8(count + 1) if missing else np.uint8(below[k])
