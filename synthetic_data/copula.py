"""The mathematics of a Gaussian copula: latent correlations, the nearest correlation matrix, its root."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.polynomial.legendre import leggauss
from scipy.optimize import brentq
from scipy.special import ndtr

from pipeline.schema import Floats

# Normal scores at which a margin is tabulated; beyond 8 lies 1e-15 of the mass.
GRID: Final[Floats] = np.linspace(-8.0, 8.0, 8001)
DEGREE: Final = 40
STRONGEST: Final = 0.98  # latent correlations are kept within this bound
LEAST_EIGENVALUE: Final = 1e-3


def _hermite_weights() -> Floats:
    """Normalised probabilists' Hermite polynomials times the normal mass of each grid cell."""
    edges = np.concatenate([[-np.inf], (GRID[1:] + GRID[:-1]) / 2, [np.inf]])
    mass = np.diff(ndtr(edges))
    values = np.empty((DEGREE + 1, len(GRID)))
    values[0] = 1.0
    values[1] = GRID
    for k in range(1, DEGREE):
        values[k + 1] = (GRID * values[k] - math.sqrt(k) * values[k - 1]) / math.sqrt(k + 1)
    return np.asarray(values * mass)


HERMITE: Final[Floats] = _hermite_weights()
GRID_MASS: Final[Floats] = HERMITE[0]


def expansion(values: Floats) -> Floats:
    """Return the Hermite coefficients, shape (DEGREE + 1,), of a function tabulated on `GRID`.

    The first one is its mean. For normal scores with correlation ρ, the covariance of two functions
    is ``sum_k a_k b_k ρ^k`` over k >= 1 (Mehler's formula); the variance comes from `spread`.
    """
    return np.asarray(HERMITE @ values)


def spread(values: Floats) -> float:
    """Return the standard deviation over a standard normal of a function tabulated on `GRID`."""
    mean = float(GRID_MASS @ values)
    return math.sqrt(max(float(GRID_MASS @ (values - mean) ** 2), 0.0))


def correlation_of(first: Floats, second: Floats, rho: float) -> float:
    """Return the correlation of two functions on `GRID` whose normal scores correlate by `rho`."""
    scale = spread(first) * spread(second)
    if scale == 0:
        return 0.0
    return covariance_of(expansion(first), expansion(second), rho) / scale


def covariance_of(first: Floats, second: Floats, rho: float) -> float:
    """Return the covariance of two expanded functions whose normal scores correlate by `rho`."""
    powers = np.concatenate([[0.0], (first * second)[1:]])
    return float(np.polynomial.polynomial.polyval(rho, powers))


def latent_correlation(first: Floats, second: Floats, target: float) -> float:
    """Return the correlation of normal scores that gives two functions on `GRID` the correlation `target`.

    A target out of reach (two binary markers of very different prevalence, say) gives the bound
    ±`STRONGEST`.
    """
    scale = spread(first) * spread(second)
    if scale == 0:
        return 0.0
    coefficients = (expansion(first) * expansion(second)) / scale
    coefficients[0] = -target

    def excess(rho: float) -> float:
        return float(np.polynomial.polynomial.polyval(rho, coefficients))

    low, high = excess(-STRONGEST), excess(STRONGEST)
    if low >= 0 or high <= 0:
        return STRONGEST if high <= 0 else -STRONGEST
    return float(brentq(excess, -STRONGEST, STRONGEST, xtol=1e-10))


_NODES, _WEIGHTS = leggauss(24)


def both_above(first: float, second: float, rho: float) -> float:
    """Return P(X > first, Y > second) for standard normals with correlation `rho`.

    Plackett's identity: the derivative in ρ is the bivariate normal density, integrated here by
    Gauss-Legendre over the angle whose sine is ρ.
    """
    angle = math.asin(rho)
    theta = angle * (_NODES + 1) / 2
    sine, squared_cosine = np.sin(theta), np.cos(theta) ** 2
    kernel = np.exp(-(first**2 + second**2 - 2 * first * second * sine) / (2 * squared_cosine))
    integral = float(np.sum(_WEIGHTS * kernel)) * angle / 2 / (2 * math.pi)
    return float(ndtr(-first) * ndtr(-second)) + integral


def latent_from_odds_ratio(first: float, second: float, odds_ratio: float) -> float:
    """Return the latent correlation at which exceeding two thresholds has this odds ratio."""
    p, q = float(ndtr(-first)), float(ndtr(-second))

    def excess(rho: float) -> float:
        both = both_above(first, second, rho)
        neither = 1 - p - q + both
        apart = max(p - both, 1e-300) * max(q - both, 1e-300)
        return math.log(max(both, 1e-300) * max(neither, 1e-300) / apart) - math.log(odds_ratio)

    if excess(-STRONGEST) >= 0 or excess(STRONGEST) <= 0:
        return STRONGEST if odds_ratio > 1 else -STRONGEST
    return float(brentq(excess, -STRONGEST, STRONGEST, xtol=1e-10))


def nearest_correlation(
    target: Floats, fixed: int = 0, least_eigenvalue: float = LEAST_EIGENVALUE, tolerance: float = 1e-9
) -> Floats:
    """Return the correlation matrix nearest to `target` in the Frobenius norm.

    Alternating projections with Dykstra's correction (Higham, IMA J Numer Anal 2002;22:329) onto
    matrices with eigenvalues of at least `least_eigenvalue` and onto those with a unit diagonal whose
    leading `fixed` x `fixed` block is kept.

    Parameters
    ----------
    target : array, shape (d, d)
        Symmetric, unit diagonal.
    fixed : int
        Size of the leading block to keep; it must itself be a correlation matrix.
    """
    wanted = np.array(target, dtype=float)
    current, correction = wanted.copy(), np.zeros_like(wanted)
    for _ in range(5000):
        start = current - correction
        values, vectors = np.linalg.eigh(start)
        if values[0] >= least_eigenvalue and not correction.any():
            return current
        projected = (vectors * np.maximum(values, least_eigenvalue)) @ vectors.T
        correction = projected - start
        following = (projected + projected.T) / 2
        np.fill_diagonal(following, 1.0)
        following[:fixed, :fixed] = wanted[:fixed, :fixed]
        moved = np.linalg.norm(following - current) / np.linalg.norm(following)
        current = following
        if moved < tolerance:
            break
    return _positive_definite(current, fixed)


def _positive_definite(matrix: Floats, fixed: int) -> Floats:
    """Shrink what is not fixed towards zero until the matrix has a Cholesky root.

    Alternating projections end on the boundary, a rounding error outside of it.
    """
    free = np.ones_like(matrix)
    free[:fixed, :fixed] = 0.0
    np.fill_diagonal(free, 0.0)
    for shrink in (0.0, *np.geomspace(1e-12, 0.5, 40)):
        candidate: Floats = matrix * (1 - shrink * free)
        if np.linalg.eigvalsh(candidate)[0] > 0:
            return candidate
    raise ValueError(f"the leading {fixed} x {fixed} block is not a correlation matrix")


def lower_root(matrix: Floats) -> Floats:
    """Return the Cholesky factor, row after row in exactly rounded sums.

    Row j depends on the first j + 1 rows only and on no library's blocking, so that a variable added
    at the end leaves every earlier row the same to the last bit.
    """
    size = len(matrix)
    root = np.zeros((size, size))
    for j in range(size):
        for k in range(j):
            done = math.fsum(root[j, :k] * root[k, :k])
            root[j, k] = (matrix[j, k] - done) / root[k, k]
        left = matrix[j, j] - math.fsum(root[j, :j] ** 2)
        if left <= 0:
            raise ValueError(f"not positive definite: row {j} is a combination of earlier ones")
        root[j, j] = math.sqrt(left)
    return root


def correlated_scores(root: Floats, noise: Floats) -> Floats:
    """Return normal scores, shape (d, n), from independent ones of that shape.

    Summed term by term in a fixed order: the bits depend neither on threads nor on later rows.
    """
    scores: Floats = np.empty_like(noise)
    size, n = noise.shape
    for start in range(0, n, 8192):  # a block of columns stays in the processor's cache
        part = noise[:, start : start + 8192]
        for j in range(size):
            total = root[j, j] * part[j]
            for k in np.flatnonzero(root[j, :j]):
                total += root[j, k] * part[k]
            scores[j, start : start + 8192] = total
    return scores
