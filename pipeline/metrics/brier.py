"""How far predicted probabilities lie from what happened: the Brier score, at a horizon and integrated."""

from __future__ import annotations

import numpy as np

from pipeline.metrics.censoring import Censoring, event_weights
from pipeline.metrics.contract import Outcome, required
from pipeline.schema import Floats, Prediction


def brier(
    y: Outcome, prediction: Prediction, null: Prediction, horizon_months: float | None, weights: Floats
) -> Floats:
    """Return the mean squared distance between status and predicted survival at the horizon.

    Events by the horizon weigh 1/G(T-), patients event-free past it 1/G(horizon), those censored before it
    nothing. Assumes independent censoring. Source: Graf et al., Stat Med 1999;18:2529,
    doi:10.1002/(SICI)1097-0258(19990915/30)18:17/18<2529::AID-SIM274>3.0.CO;2-5.
    """
    horizon = required(horizon_months)
    return brier_curve(y, np.array([horizon]), prediction.at(horizon)[:, None], weights)[:, 0]


def ibs(
    y: Outcome, prediction: Prediction, null: Prediction, horizon_months: float | None, weights: Floats
) -> Floats:
    """Return the Brier score averaged over the predicted months, by the trapezoid rule.

    The average runs from the first to the last month of the prediction, in a run from half a month to
    the last horizon. Same weights, assumptions and source as `brier`.
    """
    months = prediction.months
    scores = brier_curve(y, months, prediction.survival, weights)
    return np.asarray(np.trapezoid(scores, months, axis=1) / (months[-1] - months[0]))


def scaled_brier(
    y: Outcome, prediction: Prediction, null: Prediction, horizon_months: float | None, weights: Floats
) -> Floats:
    """Return 1 - Brier / Brier of the training rows' Kaplan-Meier curve: 1 is perfect, 0 no better than it.

    Also called the index of prediction accuracy. Same assumptions as `brier`. Source: Kattan and Gerds,
    Diagn Progn Res 2018;2:7, doi:10.1186/s41512-018-0029-2.
    """
    model = brier(y, prediction, null, horizon_months, weights)
    nothing = brier(y, null, null, horizon_months, weights)
    return np.asarray(1 - model / np.where(nothing > 0, nothing, np.nan))


def brier_curve(y: Outcome, months: Floats, survival: Floats, weights: Floats) -> Floats:
    """Brier score of `survival` (n, m) at each of `months`, shape (b, m); NaN where G is 0."""
    censoring = Censoring.of(y, weights)
    had_event = y["time"][:, None] <= months
    at = censoring.at(months)
    # One product for all months and resamples: an event's weight does not depend on the month.
    error = event_weights(y, weights, censoring) @ np.where(had_event, survival**2, 0.0)
    error += (weights @ np.where(had_event, 0.0, (1 - survival) ** 2)) / np.where(at > 0, at, np.nan)
    return np.asarray(error / weights.sum(axis=1, keepdims=True))


def no_information_brier(y: Outcome, months: Floats, survival: Floats) -> Floats:
    """Return the Brier score (m,) when every prediction is judged against every patient's outcome.

    What a model would score if its predictions had nothing to do with the patients they are of. Source:
    Gerds and Schumacher, Biometrics 2007;63:1283, doi:10.1111/j.1541-0420.2007.00832.x.
    """
    once = np.ones((1, len(y)))
    censoring = Censoring.of(y, once)
    had_event = y["time"][:, None] <= months
    at = censoring.at(months)[0]
    events = event_weights(y, once, censoring)[0] @ had_event
    past = (~had_event).sum(axis=0) / np.where(at > 0, at, np.nan)
    error = events * (survival**2).mean(axis=0) + past * ((1 - survival) ** 2).mean(axis=0)
    return np.asarray(error / len(y))
