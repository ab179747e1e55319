"""Which of 256 codes occur in a node, and a node's bins copied to where they are reached at once."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba.core import cgutils, types
from numba.extending import intrinsic
from numpy.typing import NDArray

BLOCK_BYTES = 262_144  # a quarter of the second-level cache of today's processors; the rest is for scores


@intrinsic  # type: ignore[untyped-decorator]
def _lowest_bit(_: Any, word: Any) -> Any:
    """Return the number of a word's lowest bit that is set: a processor's own instruction."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], cgutils.false_bit)

    return types.uint64(types.uint64), generate


@numba.njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator]
def insert(present: NDArray[np.uint64], code: int) -> None:
    """Add `code`, below 256, to the set of four words `present`."""
    present[np.uint64(code) >> np.uint64(6)] |= np.uint64(1) << (np.uint64(code) & np.uint64(63))


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def listed(present: NDArray[np.uint64], codes: NDArray[np.int64]) -> int:
    """Write the codes of the set into `codes`, smallest first, empty the set and return their number."""
    found = 0
    for j in range(4):
        word = present[j]
        while word != np.uint64(0):
            codes[found] = np.int64(_lowest_bit(word)) + 64 * j
            found += 1
            word &= word - np.uint64(1)
        present[j] = np.uint64(0)
    return found


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def copy_block(
    by_patient: NDArray[np.uint8], rows: NDArray[np.uint32], start: int, end: int, block: NDArray[np.uint8]
) -> None:
    """Copy the bins of ``rows[start:end]`` into the columns of `block`, and let `rows` point there.

    Parameters
    ----------
    by_patient : array of uint8, shape (n, p)
    rows : array of uint32
        Changed from `start` to `end`: columns of `block` from then on.
    block : array of uint8, shape (p, at least end - start)
    """
    p = by_patient.shape[1]
    for i in range(start, end):
        values = by_patient[rows[i]]
        for j in range(p):
            block[j, i - start] = values[j]
        rows[i] = i - start
