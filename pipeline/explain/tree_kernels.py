"""Compiled sums over leaves that give exact Shapley values of all outputs of a forest at once.

A leaf is a product over the features of its path, so that the Shapley value of feature j is the integral over
t in (0, 1) of (o_j - z_j) times the product over the other features of t o + (1 - t) z, with o whether the
row meets the condition and z the share of training weight that does. The integrand is a polynomial in t;
Gauss-Legendre rules integrate it exactly. What depends on the row is a number a leaf and feature, and the
outputs of the leaf are multiplied by it in the last step, whatever their number.
"""

from __future__ import annotations

from math import factorial
from typing import Final

import numba
import numpy as np

from pipeline.explain.leaf_paths import Flags, Whole
from pipeline.schema import Floats

LANES: Final = 16  # patients handled side by side, so that their arithmetic shares instructions
LONGEST_MASK: Final = 62  # conditions that fit into the bits of a whole number


def gauss_rules(longest: int) -> tuple[Floats, Floats]:
    """Return points and weights on (0, 1) of every rule that paths of up to `longest` features need.

    Row q holds the Gauss-Legendre rule of q points, exact for polynomials of degree 2 q - 1.
    """
    most = max((longest + 1) // 2, 1)
    points, weights = np.zeros((most + 1, most)), np.zeros((most + 1, most))
    for count in range(1, most + 1):
        at, mass = np.polynomial.legendre.leggauss(count)
        points[count, :count], weights[count, :count] = (at + 1) / 2, mass / 2
    return points, weights


def shapley_weights(longest: int) -> Floats:
    """Return W with W[a, b] = a! b! / (a + b + 1)!, the weight of a known and b unknown others."""
    size = longest + 1
    return np.array([
        [factorial(a) * factorial(b) / factorial(a + b + 1) for b in range(size)] for a in range(size)
    ])  # fmt: skip


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _meet(
    xs: Floats, c: int, feature: Whole, low: Floats, high: Floats, missing: Flags, inside: Floats, at: int
) -> None:  # fmt: skip
    """Write into inside[at] for every lane whether it meets condition c."""
    lo, hi = low[c], high[c]
    if missing[c]:  # a missing value compares as neither too low nor too high
        for b in range(LANES):
            v = xs[feature[c], b]
            inside[at, b] = 0.0 if (v <= lo) | (v > hi) else 1.0
    else:
        for b in range(LANES):
            v = xs[feature[c], b]
            inside[at, b] = 1.0 if (v > lo) & (v <= hi) else 0.0


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _multiply(
    xs: Floats, begin: int, end: int, feature: Whole, low: Floats, high: Floats, missing: Flags,
    share: Floats, at: Floats, mass: Floats, inside: Floats, product: Floats
) -> None:  # fmt: skip
    """Evaluate a leaf's conditions, and the integrand's whole product at the points `at`."""
    for q in range(len(at)):
        for b in range(LANES):
            product[q, b] = mass[q]
    for c in range(begin, end):
        _meet(xs, c, feature, low, high, missing, inside, c - begin)
        for q in range(len(at)):
            f = (1.0 - at[q]) * share[c]
            for b in range(LANES):
                product[q, b] *= f + at[q] * inside[c - begin, b]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _load(x: Floats, first: int, xs: Floats) -> int:
    """Lay LANES rows of `x` side by side, the last one repeated; return how many there are."""
    present = min(LANES, len(x) - first)
    for j in range(x.shape[1]):
        for b in range(LANES):
            xs[j, b] = x[first + min(b, present - 1), j]
    return present


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def path_dependent(
    x: Floats, leaf: Whole, start: Whole, feature: Whole, low: Floats, high: Floats, missing: Flags,
    share: Floats, values: Floats, points: Floats, weights: Floats, out: Floats
) -> None:  # fmt: skip
    """Write into `out`, shape (n, p, m), the sum over leaves of their Shapley values."""
    n, p = x.shape
    m = values.shape[1]
    longest = max(1, (start[1:] - start[:-1]).max())
    xs = np.empty((p, LANES))
    phi = np.empty((p, m, LANES))
    inside = np.empty((longest, LANES))
    product = np.empty((points.shape[1], LANES))
    unmet = np.empty(LANES)
    weight = np.empty(LANES)
    for first in range(0, n, LANES):
        present = _load(x, first, xs)
        phi[:] = 0.0
        for k in range(len(leaf)):
            begin, end = start[k], start[k + 1]
            if begin == end:
                continue
            count = (end - begin + 1) // 2
            at = points[count, :count]
            _multiply(
                xs,
                begin,
                end,
                feature,
                low,
                high,
                missing,
                share,
                at,
                weights[count, :count],
                inside,
                product,
            )
            unmet[:] = 0.0  # every condition that is not met has the same Shapley value
            for q in range(count):
                f = -1.0 / (1.0 - at[q])
                for b in range(LANES):
                    unmet[b] += f * product[q, b]
            row = leaf[k]
            for c in range(begin, end):
                weight[:] = 0.0
                for q in range(count):
                    f = (1.0 - share[c]) / (at[q] + (1.0 - at[q]) * share[c])
                    for b in range(LANES):
                        weight[b] += f * product[q, b]
                for b in range(LANES):
                    weight[b] = weight[b] if inside[c - begin, b] > 0.5 else unmet[b]
                j = feature[c]
                for o in range(m):
                    v = values[row, o]
                    for b in range(LANES):
                        phi[j, o, b] += weight[b] * v
        for b in range(present):
            for j in range(p):
                for o in range(m):
                    out[first + b, j, o] = phi[j, o, b]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def path_interactions(
    x: Floats, leaf: Whole, start: Whole, feature: Whole, low: Floats, high: Floats, missing: Flags,
    share: Floats, values: Floats, points: Floats, weights: Floats, out: Floats
) -> None:  # fmt: skip
    """Write into `out`, shape (n, p, p, m), half the Shapley interaction of each pair of features."""
    n, p = x.shape
    m = values.shape[1]
    longest = max(1, (start[1:] - start[:-1]).max())
    xs = np.empty((p, LANES))
    inside = np.empty((longest, LANES))
    product = np.empty((points.shape[1], LANES))
    ratio = np.empty((longest, points.shape[1], LANES))
    weight = np.empty(LANES)
    for first in range(0, n, LANES):
        present = _load(x, first, xs)
        for k in range(len(leaf)):
            begin, end = start[k], start[k + 1]
            if end - begin < 2:
                continue
            count = (end - begin + 1) // 2
            at = points[count, :count]
            _multiply(
                xs,
                begin,
                end,
                feature,
                low,
                high,
                missing,
                share,
                at,
                weights[count, :count],
                inside,
                product,
            )
            for c in range(end - begin):
                z = share[begin + c]
                for q in range(count):
                    met, not_met = (1.0 - z) / (at[q] + (1.0 - at[q]) * z), -1.0 / (1.0 - at[q])
                    for b in range(LANES):
                        ratio[c, q, b] = met if inside[c, b] > 0.5 else not_met
            row = leaf[k]
            for c in range(end - begin):
                for e in range(c):
                    weight[:] = 0.0
                    for q in range(count):
                        for b in range(LANES):
                            weight[b] += product[q, b] * ratio[c, q, b] * ratio[e, q, b]
                    i, j = feature[begin + c], feature[begin + e]
                    for b in range(present):
                        for o in range(m):
                            half = 0.5 * weight[b] * values[row, o]
                            out[first + b, i, j, o] += half
                            out[first + b, j, i, o] += half


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _mask(
    row: Floats, begin: int, end: int, feature: Whole, low: Floats, high: Floats, missing: Flags
) -> np.int64:  # fmt: skip
    """Return the conditions that `row` meets as bits."""
    bits = np.int64(0)
    for c in range(begin, end):
        v = row[feature[c]]
        if missing[c] if np.isnan(v) else (v > low[c]) & (v <= high[c]):
            bits |= np.int64(1) << (c - begin)
    return bits


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _bits(mask: int) -> int:
    count = 0
    while mask:
        mask &= mask - 1
        count += 1
    return count


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def interventional(
    x: Floats, background: Floats, leaf: Whole, start: Whole, feature: Whole, low: Floats, high: Floats,
    missing: Flags, values: Floats, table: Floats, out: Floats, base: Floats
) -> None:  # fmt: skip
    """Write into `out` and `base` the Shapley values whose unknown features come from `background`.

    For one row and one background row a leaf is reached with the conditions that either of them meets. It
    adds W to each feature that only the row meets, and takes it from each that only the background row
    meets. Background rows that meet the same conditions are counted once.
    """
    m = values.shape[1]
    rows = len(background)
    masks = np.empty(rows, np.int64)
    weight = np.empty(LONGEST_MASK + 1)
    for k in range(len(leaf)):
        begin, end = start[k], start[k + 1]
        d = end - begin
        full = (np.int64(1) << d) - 1
        for r in range(rows):
            masks[r] = _mask(background[r], begin, end, feature, low, high, missing)
        masks.sort()
        distinct = 0
        counts = np.zeros(rows)
        for r in range(rows):
            if r > 0 and masks[r] == masks[distinct - 1]:
                counts[distinct - 1] += 1.0 / rows
            else:
                masks[distinct] = masks[r]
                counts[distinct] = 1.0 / rows
                distinct += 1
        if masks[distinct - 1] == full:
            for o in range(m):
                base[o] += counts[distinct - 1] * values[leaf[k], o]
        for i in range(len(x)):
            mine = _mask(x[i], begin, end, feature, low, high, missing)
            touched = np.int64(0)
            for r in range(distinct):
                theirs = masks[r]
                if (mine | theirs) != full:
                    continue
                only_mine, only_theirs = mine & ~theirs, theirs & ~mine
                a, b = _bits(only_mine), _bits(only_theirs)
                if touched == 0:
                    weight[:d] = 0.0
                touched |= only_mine | only_theirs
                for c in range(d):
                    if only_mine >> c & 1:
                        weight[c] += counts[r] * table[a - 1, b]
                    elif only_theirs >> c & 1:
                        weight[c] -= counts[r] * table[a, b - 1]
            if touched:
                for c in range(d):
                    if touched >> c & 1:
                        for o in range(m):
                            out[i, feature[begin + c], o] += weight[c] * values[leaf[k], o]
