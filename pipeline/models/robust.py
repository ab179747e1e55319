"""The variance of a Cox model whose rows are not independent: several rows of one patient count as one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.schema import Floats


def score_residuals(x: Floats, months: Floats, event: NDArray[np.bool_], beta: Floats) -> Floats:
    """Return each row's contribution to the score of Cox's partial likelihood (Breslow ties), shape (n, p).

    A row's residual is ``δ (x - x̄(t)) - exp(xβ) Σ (x - x̄(u)) / S0(u)`` over events u up to its time, with
    x̄(u) the weighted mean of those at risk and S0(u) the sum of their weights (Lin and Wei, J Am Stat Assoc
    1989;84:1074-1078). They sum to the score.
    """
    order = np.argsort(-months, kind="stable")
    x, months, event = x[order], months[order], event[order]
    weight = np.exp(x @ beta)
    # row k's risk set: all rows up to the last with the same time
    end = np.searchsorted(-months, -months, side="right") - 1
    total = np.cumsum(weight)[end]
    mean = np.cumsum(x * weight[:, None], axis=0)[end] / total[:, None]
    # sums over events at or before a row's time: from the end of the order up to the first row of its time
    first = np.searchsorted(-months, -months, side="left")
    jump = np.where(event, 1 / total, 0.0)
    hazard = np.cumsum(jump[::-1])[::-1][first]
    drift = np.cumsum((mean * jump[:, None])[::-1], axis=0)[::-1][first]
    residual = np.where(event[:, None], x - mean, 0.0) - weight[:, None] * (x * hazard[:, None] - drift)
    out = np.empty_like(residual)
    out[order] = residual
    return np.asarray(out)


def clustered_covariance(residuals: Floats, curvature: Floats, cluster: NDArray[np.intp]) -> Floats:
    """Return ``C⁻¹ (Σ u_c u_c') C⁻¹`` with u_c the residuals of cluster c summed, shape (p, p).

    `curvature` is the information, and the ridge where there is one: the result then is the variance of the
    shrunken estimate about its own expectation, not about the truth.
    """
    sums = np.zeros((int(cluster.max()) + 1, residuals.shape[1]))
    np.add.at(sums, cluster, residuals)
    half = np.linalg.solve(curvature, sums.T)
    return np.asarray(half @ half.T)
