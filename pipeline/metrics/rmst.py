"""Months event-free up to a horizon: between low and high predicted risk, and beside what was predicted."""

from __future__ import annotations

import numpy as np

from pipeline.metrics.contract import Outcome, required
from pipeline.metrics.event_free import EventFree
from pipeline.schema import Floats, Prediction


def rmst_difference(
    y: Outcome, prediction: Prediction, null: Prediction, horizon_months: float | None, weights: Floats
) -> Floats:
    """Return how many months longer the half at lower predicted risk is event-free, up to the horizon.

    The estimand is E[min(T, h) | lower half] - E[min(T, h) | upper half], halves by predicted survival at the
    horizon h; patients tied at the median are shared between the halves, so that equal predictions give 0.
    Each mean is the area under a Kaplan-Meier curve. Assumes independent censoring within halves. Source:
    Royston and Parmar, BMC Med Res Methodol 2013;13:152, doi:10.1186/1471-2288-13-152.
    """
    horizon = required(horizon_months)
    lower = weights * _share_in_lower_half(1 - prediction.at(horizon), weights)
    low, high = (EventFree.of(y, part).restricted_mean(horizon) for part in (lower, weights - lower))
    return low - high


def rmst_bias(
    y: Outcome, prediction: Prediction, null: Prediction, horizon_months: float | None, weights: Floats
) -> Floats:
    """Return observed minus mean predicted months event-free up to the horizon; positive is too pessimistic.

    The estimand is E[min(T, h)] - E[sum of predicted survival up to h]; observed is the area under the
    Kaplan-Meier curve, predicted the trapezoid under each curve from 1 at month 0. Assumes independent
    censoring. Source: Royston and Parmar, BMC Med Res Methodol 2013;13:152, doi:10.1186/1471-2288-13-152.
    """
    horizon = required(horizon_months)
    predicted = weights @ predicted_mean(prediction, horizon) / weights.sum(axis=1)
    return np.asarray(EventFree.of(y, weights).restricted_mean(horizon) - predicted)


def predicted_mean(prediction: Prediction, horizon_months: float) -> Floats:
    """Area under each predicted curve up to a predicted horizon, shape (n,); curves begin at 1."""
    inside = prediction.months <= horizon_months
    months = np.concatenate([[0.0], prediction.months[inside]])
    curves = np.column_stack([np.ones(len(prediction)), prediction.survival[:, inside]])
    return np.asarray(np.trapezoid(curves, months, axis=1))


def _share_in_lower_half(risk: Floats, weights: Floats) -> Floats:
    """How much of each patient belongs to the half at lower risk, shape (b, n)."""
    levels, rank = np.unique(risk, return_inverse=True)
    if len(levels) == len(risk):
        mass = np.empty_like(weights)
        mass[:, rank] = weights
    else:
        mass = np.zeros((len(weights), len(levels)))
        np.add.at(mass.T, rank, weights.T)
    below = np.cumsum(mass, axis=1) - mass
    half = 0.5 * weights.sum(axis=1, keepdims=True)
    share = np.divide(half - below, mass, out=np.zeros_like(mass), where=mass > 0)
    return np.asarray(np.clip(share, 0.0, 1.0)[:, rank])
