"""Whether predicted risks are right: slope, integrated calibration index, and the curve behind them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.metrics.bootstrap import interval, resamples
from pipeline.metrics.contract import Outcome
from pipeline.metrics.stopped_cox import Spline, StoppedCox, cloglog
from pipeline.schema import Floats, Prediction


def calibration_slope(
    y: Outcome, prediction: Prediction, null: Prediction, horizon_months: float | None, weights: Floats
) -> Floats:
    """Return the slope of observed on predicted cloglog risk at the horizon; below 1 means overfitted.

    The coefficient of ``cloglog(predicted risk)`` in a Cox model stopped at the horizon: 1 when predictions
    are neither too extreme nor too timid. Assumes censoring independent given the prediction, and hazards
    proportional between predicted risks up to the horizon; where they are not (effects that come late), even
    the truth deviates from 1. Not defined when all predictions are equal. Source: McLernon et al., Ann Intern
    Med 2023;176:105, doi:10.7326/M22-0844.
    """
    horizon = _required(horizon_months)
    x = cloglog(1 - prediction.at(horizon))
    if np.ptp(x) < 1e-9:
        return np.full(len(weights), np.nan)
    return np.asarray(StoppedCox.fit(y, horizon, x[:, None], weights).coefficients[:, 0])


def ici(
    y: Outcome, prediction: Prediction, null: Prediction, horizon_months: float | None, weights: Floats
) -> Floats:
    """Return the mean absolute distance between predicted and smoothed observed risk at the horizon.

    Observed risk is a Cox model stopped at the horizon, on a restricted cubic spline (four knots, fixed over
    resamples) of the cloglog of predicted risk; a prediction of up to four levels has a knot at each. Chance
    alone makes it positive, the more so in small groups. Assumes censoring independent given the prediction.
    Source: Austin, Harrell and van Klaveren, Stat Med 2020;39:2714, doi:10.1002/sim.8570.
    """
    horizon = _required(horizon_months)
    risk = 1 - prediction.at(horizon)
    x = cloglog(risk)
    columns = Spline.of(x).basis(x)
    observed = StoppedCox.fit(y, horizon, columns, weights).risk(columns)
    return np.asarray((weights * np.abs(observed - risk)).sum(axis=1) / weights.sum(axis=1))


def calibration_curve(
    y: Outcome,
    prediction: Prediction,
    horizon_months: float,
    rng: np.random.Generator,
    replicates: int = 200,
    level: float = 0.95,
    bins: int = 10,
    points: int = 50,
) -> pd.DataFrame:
    """Return observed against predicted risk at a horizon: a smooth curve, and Kaplan-Meier risks in bins.

    Returns
    -------
    DataFrame
        `kind` ("curve" or "bin"), `predicted`, `observed`, `low`, `high`, `patients` (of a bin; all of
        them for the curve). The curve is the one behind `ici`, over the middle 98 % of predictions, with a
        percentile bootstrap band over patients; bins are quantile groups with log-log Greenwood intervals.
    """
    risk = 1 - prediction.at(horizon_months)
    x = cloglog(risk)
    spline = Spline.of(x)
    weights = resamples(len(y), replicates, rng)
    fit = StoppedCox.fit(y, horizon_months, spline.basis(x), weights)
    low_risk, high_risk = np.quantile(risk, [0.01, 0.99])
    grid = np.unique(np.linspace(low_risk, high_risk, points))
    smooth = fit.risk(spline.basis(cloglog(grid)))
    low, high = interval(smooth[1:], level)
    curve = pd.DataFrame(
        {
            "kind": "curve",
            "predicted": grid,
            "observed": smooth[0],
            "low": low,
            "high": high,
            "patients": len(y),
        }
    )
    edges = np.unique(np.quantile(risk, np.linspace(0, 1, bins + 1)))
    group = np.clip(np.searchsorted(edges, risk, side="right") - 1, 0, max(len(edges) - 2, 0))
    rows = []
    for number in np.unique(group):
        inside = group == number
        observed, low_bin, high_bin = risk_by(y[inside], horizon_months, level)
        rows.append(("bin", risk[inside].mean(), observed, low_bin, high_bin, int(inside.sum())))
    return pd.concat([curve, pd.DataFrame(rows, columns=list(curve.columns))], ignore_index=True)


def risk_by(y: Outcome, horizon_months: float, level: float) -> tuple[float, float, float]:
    """Return Kaplan-Meier risk by a horizon and its log-log Greenwood interval; NaN past follow-up."""
    from scipy.special import ndtri

    if not (y["time"] >= horizon_months).any() and not y["event"][np.argmax(y["time"])]:
        return np.nan, np.nan, np.nan
    at = np.unique(y["time"][y["event"] & (y["time"] <= horizon_months)])
    at_risk = (y["time"][:, None] >= at).sum(axis=0)
    events = ((y["time"][:, None] == at) & y["event"][:, None]).sum(axis=0)
    survival = float(np.prod(1 - events / at_risk))
    if not 0 < survival < 1:
        return 1 - survival, np.nan, np.nan
    error = np.sqrt((events / (at_risk * (at_risk - events))).sum()) / abs(np.log(survival))
    bounds = survival ** np.exp(np.array([-1, 1]) * ndtri(0.5 + level / 2) * error)
    return 1 - survival, float(1 - bounds[0]), float(1 - bounds[1])


def _required(horizon_months: float | None) -> float:
    if horizon_months is None:
        raise ValueError("this metric needs a horizon in months. Got None instead.")
    return horizon_months
