"""Whether predicted risks are right: intercept, slope, errors, D-calibration, and the curve behind them."""

from __future__ import annotations

import numba
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.metrics.bootstrap import interval
from pipeline.metrics.contract import Outcome, required
from pipeline.metrics.stopped_cox import Spline, StoppedCox, cloglog
from pipeline.schema import Floats, Prediction

ERROR_QUANTILES = (0.5, 0.9)  # E50 and E90
D_CALIBRATION_BINS = 10


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
    return slope_within_folds(y, prediction, horizon_months, weights, np.zeros(len(y), dtype=np.intp))


def slope_within_folds(
    y: Outcome,
    prediction: Prediction,
    horizon_months: float | None,
    weights: Floats,
    fold: NDArray[np.intp],
) -> Floats:
    """Return `calibration_slope` of patients whom several fitted models predicted, by the `fold` of each.

    The same Cox model with one slope and a baseline hazard for each fold: patients are compared with those
    whom the same fitted model predicted. Pooled, the slope would also compare the levels of differently
    trained models; a fold with few events leaves more of them to its training patients and is predicted too
    high, which draws pooled slopes down (`pipeline.metrics.probability.calibration_slope` does the same for
    probabilities). Assumes besides that the folds' models share a slope; where they do not, it is a mean of
    theirs weighted by information. Not defined when predictions are equal within every fold. Source of the
    stratified partial likelihood: Kalbfleisch and Prentice, The Statistical Analysis of Failure Time Data,
    2nd ed. 2002, ch. 4.4.
    """
    horizon = required(horizon_months)
    x = cloglog(1 - prediction.at(horizon))
    if max(np.ptp(x[fold == k]) for k in np.unique(fold)) < 1e-9:
        return np.full(len(weights), np.nan)
    return np.asarray(StoppedCox.fit(y, horizon, x[:, None], weights, fold).coefficients[:, 0])


def calibration_intercept(
    y: Outcome, prediction: Prediction, null: Prediction, horizon_months: float | None, weights: Floats
) -> Floats:
    """Return the log of observed over predicted cumulative hazard at the horizon: 0 is right on the whole.

    The log baseline cumulative hazard of a Cox model stopped at the horizon in which the cloglog of predicted
    risk is an offset (slope 1); positive means more events than predicted. Assumes censoring independent
    given the prediction, and hazards proportional between predicted risks up to the horizon. Source: McLernon
    et al., Ann Intern Med 2023;176:105, doi:10.7326/M22-0844.
    """
    horizon = required(horizon_months)
    months = np.minimum(y["time"], horizon)
    order = np.argsort(-months, kind="stable")
    relative = np.exp(cloglog(1 - prediction.at(horizon)))[order]
    months, event = months[order], (y["event"] & (y["time"] <= horizon))[order]
    sorted_weights = weights[:, order]
    at_risk = np.cumsum(sorted_weights * relative, axis=1)
    last = np.searchsorted(-months, -months[event], side="right") - 1
    died = sorted_weights[:, event]
    hazard = np.divide(died, at_risk[:, last], out=np.zeros_like(died), where=died > 0).sum(axis=1)
    return np.asarray(np.log(np.where(hazard > 0, hazard, np.nan)))


def calibration_errors(
    y: Outcome, prediction: Prediction, null: Prediction, horizon_months: float | None, weights: Floats
) -> Floats:
    """Return mean (ICI), median (E50) and 90th percentile (E90) of the calibration error at the horizon.

    The error is the distance between predicted and smoothed observed risk. Observed risk is a Cox model
    stopped at the horizon, on a restricted cubic spline (four knots, fixed over resamples) of the cloglog of
    predicted risk; a prediction of up to four levels has a knot at each. Chance alone makes it positive, the
    more so in small groups. Assumes censoring independent given the prediction. Source: Austin, Harrell and
    van Klaveren, Stat Med 2020;39:2714, doi:10.1002/sim.8570.
    """
    horizon = required(horizon_months)
    risk = 1 - prediction.at(horizon)
    x = cloglog(risk)
    columns = Spline.of(x).basis(x)
    error = np.abs(StoppedCox.fit(y, horizon, columns, weights).risk(columns) - risk)
    mean = (weights * error).sum(axis=1) / weights.sum(axis=1)
    return np.asarray(np.vstack([mean, _quantiles(error, weights, np.array(ERROR_QUANTILES)).T]))


def d_calibration(
    y: Outcome, prediction: Prediction, null: Prediction, horizon_months: float | None, weights: Floats
) -> Floats:
    """Return the chi-square distance of predicted survival at the patients' own times from uniform.

    Survival at the time of an event is uniform when curves are right; it is counted in ten bins, and a
    patient censored at survival s is spread evenly below s. Everybody is censored at the last predicted
    month, and curves are straight between months. Without model error and censoring it exceeds 16.9 (nine
    degrees of freedom) in 5 % of cohorts; censoring makes it smaller. It grows with the number of patients.
    Assumes independent censoring. Source: Haider et al., J Mach Learn Res 2020;21:85.
    """
    shares = weights @ d_calibration_shares(y, prediction)
    expected = weights.sum(axis=1, keepdims=True) / D_CALIBRATION_BINS
    return np.asarray(((shares - expected) ** 2 / expected).sum(axis=1))


def d_calibration_shares(y: Outcome, prediction: Prediction) -> Floats:
    """How much of each patient falls into each bin of predicted survival, shape (n, 10); rows sum to 1."""
    last = prediction.months[-1]
    months = np.concatenate([[0.0], prediction.months])
    curves = np.column_stack([np.ones(len(y)), prediction.survival])
    time = np.minimum(y["time"], last)
    k = np.clip(np.searchsorted(months, time, side="left"), 1, len(months) - 1)
    rows = np.arange(len(y))
    along = (time - months[k - 1]) / (months[k] - months[k - 1])
    survival = curves[rows, k - 1] * (1 - along) + curves[rows, k] * along
    edges = np.arange(D_CALIBRATION_BINS) / D_CALIBRATION_BINS
    seen = y["event"] & (y["time"] <= last)
    at = np.minimum((survival * D_CALIBRATION_BINS).astype(int), D_CALIBRATION_BINS - 1)
    within = (at[:, None] == np.arange(D_CALIBRATION_BINS)).astype(float)
    some = np.maximum(survival, 1e-12)[:, None]
    spread = np.clip(some - edges, 0.0, 1 / D_CALIBRATION_BINS) / some
    return np.asarray(np.where(seen[:, None], within, spread))


def calibration_curve(
    y: Outcome,
    prediction: Prediction,
    horizon_months: float,
    weights: Floats,
    level: float = 0.95,
    bins: int = 10,
    points: int = 50,
) -> pd.DataFrame:
    """Return observed against predicted risk at a horizon: a smooth curve, and Kaplan-Meier risks in bins.

    `weights` are those of `resamples`: the sample itself, then what the band is taken over.

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


def _quantiles(values: Floats, weights: Floats, levels: Floats) -> Floats:
    """Quantiles (b, q) of each row as if every value stood in it as often as it weighs (R's type 7)."""
    order = np.argsort(values, axis=1)
    return np.asarray(_at_levels(values, weights, levels, order))


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _at_levels(values: Floats, weights: Floats, levels: Floats, order: NDArray[np.intp]) -> Floats:
    resamples, patients = values.shape
    out = np.full((resamples, len(levels)), np.nan)
    for b in range(resamples):
        if np.isnan(values[b]).any():
            continue
        total = weights[b].sum()
        for q in range(len(levels)):
            place = (total - 1) * levels[q]
            whole = np.floor(place + 1e-9)
            passed = 0.0
            lower = np.nan
            for i in range(patients):
                here = order[b, i]
                passed += weights[b, here]
                if np.isnan(lower) and passed > whole + 1e-9:
                    lower = values[b, here]
                if passed > whole + 1 + 1e-9 or i == patients - 1:
                    out[b, q] = lower + (place - whole) * (values[b, here] - lower)
                    break
    return out
