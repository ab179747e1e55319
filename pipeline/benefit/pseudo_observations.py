"""Pseudo-observations: a number for every patient, censored or not, whose mean is the estimate."""

from __future__ import annotations

from typing import Literal

import numpy as np

from pipeline.metrics.contract import Outcome
from pipeline.metrics.event_free import EventFree
from pipeline.schema import Floats

Quantity = Literal["survival", "rmst"]
BLOCK = 500  # patients left out at once, so that memory stays small


def pseudo_observations(y: Outcome, horizon_months: float, quantity: Quantity) -> Floats:
    """Return jackknife pseudo-observations of survival at, or restricted mean months to, the horizon, (n,).

    ``n θ - (n - 1) θ(without i)`` with θ from the Kaplan-Meier curve of `y`. Their conditional mean given
    covariates is that of the patient's 1{T > h} or min(T, h) when censoring is independent of both.
    Source: Andersen and Perme, Stat Methods Med Res 2010;19:71, doi:10.1177/0962280209105020.

    >>> y = np.array([(True, 1.0), (True, 5.0)], dtype=[("event", bool), ("time", float)])
    >>> pseudo_observations(y, 3.0, "survival").tolist()
    [0.0, 1.0]
    """
    n = len(y)
    if n < 2:
        raise ValueError(f"pseudo-observations need at least 2 patients. Got {n} instead")
    whole = _estimate(y, np.ones((1, n)), horizon_months, quantity)[0]
    without = np.empty(n)
    for first in range(0, n, BLOCK):
        rows = np.arange(first, min(first + BLOCK, n))
        weights = np.ones((len(rows), n))
        weights[np.arange(len(rows)), rows] = 0.0
        without[rows] = _estimate(y, weights, horizon_months, quantity)
    return np.asarray(n * whole - (n - 1) * without)


def _estimate(y: Outcome, weights: Floats, horizon_months: float, quantity: Quantity) -> Floats:
    curve = EventFree.of(y, weights)
    return curve.at(horizon_months) if quantity == "survival" else curve.restricted_mean(horizon_months)
