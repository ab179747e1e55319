"""Random numbers inside compiled code: one stream a tree, the same bits on any thread."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

_STEP, _MIX_1, _MIX_2 = (
    np.uint64(0x9E3779B97F4A7C15),
    np.uint64(0xBF58476D1CE4E5B9),
    np.uint64(0x94D049BB133111EB),
)
_S30, _S27, _S31, _S32 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(32)


@numba.njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator]
def next_bits(state: NDArray[np.uint64]) -> Any:
    """Advance `state` (one number) and return 64 bits; SplitMix64 (Steele et al., OOPSLA 2014)."""
    state[0] += _STEP
    z = state[0]
    z = (z ^ (z >> _S30)) * _MIX_1
    z = (z ^ (z >> _S27)) * _MIX_2
    return z ^ (z >> _S31)


@numba.njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator]
def below(state: NDArray[np.uint64], bound: int) -> Any:
    """Return an integer from 0 to ``bound - 1``; `bound` is below 2^32."""
    return np.int64(((next_bits(state) >> _S32) * np.uint64(bound)) >> _S32)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def drawn_counts(state: NDArray[np.uint64], n: int, draws: int, replace: bool) -> NDArray[np.uint16]:
    """Return how often each of `n` rows is drawn."""
    counts = np.zeros(n, dtype=np.uint16)
    if replace:
        for _ in range(draws):
            counts[below(state, n)] += np.uint16(1)
    elif draws >= n:
        counts[:] = 1
    else:
        left = draws
        for i in range(n):  # selection sampling (Knuth, The Art of Computer Programming 3.4.2, algorithm S)
            if below(state, n - i) < left:
                counts[i] = 1
                left -= 1
    return counts
