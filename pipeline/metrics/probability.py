"""Metrics of the probability of something that happens or does not, of a sample and its resamples at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.metrics.discrimination import area
from pipeline.schema import Floats

LEAST_PROBABILITY: Final = 1e-4  # what a log odds is taken of is kept so far from 0 and 1
MOST_STEPS: Final = 50  # of Newton's method; who needs more has no finite maximum
LARGEST_STEP: Final = 2.0


class ProbabilityMetric(NamedTuple):
    """What a metric is called, and which values are good: "higher", "lower", or next to "one" or "zero"."""

    label: str
    better: str


PROBABILITY_METRICS: Final[Mapping[str, ProbabilityMetric]] = {
    "auc": ProbabilityMetric("AUC", "higher"),
    "brier": ProbabilityMetric("Brier score", "lower"),
    "scaled_brier": ProbabilityMetric("Scaled Brier score", "higher"),
    "calibration_slope": ProbabilityMetric("Calibration slope", "one"),
    "calibration_intercept": ProbabilityMetric("Calibration intercept", "zero"),
}


def probability_metrics(
    happened: NDArray[np.bool_],
    probability: Floats,
    null: Floats,
    weights: Floats,
    fold: NDArray[np.intp] | None = None,
) -> dict[str, Floats]:
    """Return every one of PROBABILITY_METRICS, each of shape (b,), for b resamples of n cases.

    Parameters
    ----------
    happened : array of bool, shape (n,)
    probability : array, shape (n,)
        Predicted for each.
    null : array, shape (n,)
        Predicted without looking at the case: what the scaled Brier score starts from.
    weights : array, shape (b, n)
        How often each case stands in each resample.
    fold : array of int, shape (n,), optional
        Cases with the same number were predicted by the same fitted model; only these are ranked against
        each other (Parker et al., BMC Bioinformatics 2007;8:326), and each fold has an intercept of its own
        beside one slope of calibration (`calibration_slope`). The other metrics are sums over cases, to
        which folds make no difference.
    """
    error = (weights @ (happened - probability) ** 2) / weights.sum(axis=1)
    before = (weights @ (happened - null) ** 2) / weights.sum(axis=1)
    odds = log_odds(probability)
    return {
        "auc": weighted_auc(probability, weights * happened, weights * ~happened, fold),
        "brier": error,
        "scaled_brier": 1 - error / np.where(before > 0, before, np.nan),
        "calibration_slope": calibration_slope(happened, odds, weights, fold),
        "calibration_intercept": calibration_in_the_large(happened, odds, weights),
    }


def log_odds(probability: Floats) -> Floats:
    """Return log(p / (1 - p)), probabilities kept within LEAST_PROBABILITY of 0 and 1."""
    p = np.clip(probability, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    return np.asarray(np.log(p / (1 - p)))


def weighted_auc(
    predicted: Floats, cases: Floats, controls: Floats, fold: NDArray[np.intp] | None = None
) -> Floats:
    """Return the chance that a case was predicted higher than a control, ties counting half, shape (b,).

    Parameters
    ----------
    predicted : array, shape (n,)
    cases, controls : array, shape (b, n)
        What each weighs as the one and as the other.
    fold : array of int, shape (n,), optional
        Pairs are compared only within it: risks of two differently trained models do not rank
        patients against each other (Parker et al., BMC Bioinformatics 2007;8:326).
    """
    parts = (
        [np.arange(len(predicted))] if fold is None else [np.flatnonzero(fold == k) for k in np.unique(fold)]
    )
    won, pairs = np.zeros(len(cases)), np.zeros(len(cases))
    for rows in parts:
        rank = np.unique(-predicted[rows], return_inverse=True)[1]
        case, control = (np.take(weight, rows, axis=1) for weight in (cases, controls))
        there = case.sum(axis=1) * control.sum(axis=1)
        won += np.where(there > 0, there * area(rank, case, control), 0.0)
        pairs += there
    return np.where(pairs > 0, won / np.where(pairs > 0, pairs, 1.0), np.nan)


def recalibration(happened: NDArray[np.bool_], odds: Floats, weights: Floats) -> Floats:
    """Return intercept and slope of the logistic regression of what happened on predicted log odds, (b, 2).

    A slope of 1 and an intercept of 0 leave the predictions as they are; a slope below 1 means that they are
    too extreme. NaN where all predictions are equal or the fit has no finite maximum.
    Source: Cox, Biometrika 1958;45:562.
    """
    if np.ptp(odds) < 1e-9:
        return np.full((len(weights), 2), np.nan)
    centre, spread = odds.mean(), odds.std()
    columns = np.column_stack([np.ones(len(odds)), (odds - centre) / spread])
    fitted = _logistic(happened, columns, np.zeros(len(odds)), weights)
    slope = fitted[:, 1] / spread
    return np.column_stack([fitted[:, 0] - slope * centre, slope])


def calibration_slope(
    happened: NDArray[np.bool_], odds: Floats, weights: Floats, fold: NDArray[np.intp] | None = None
) -> Floats:
    """Return the slope of the logistic regression of what happened on predicted log odds, shape (b,).

    The estimand is how much steeper than the predicted log odds the observed ones are among cases that the
    same fitted model predicted: one slope, an intercept for each fold. Pooled over folds it would also
    compare the levels of differently trained models. A fold with few responders leaves more of them to its
    training cases, so it is predicted too high: pooled slopes are drawn below 1, and below 0 where
    predictions differ little within a fold. Assumes that the folds' models share a slope; where they do not,
    it is a mean of theirs weighted by information. Folds of m cases draw it away from 0 by about a share
    1 / (m - 1) (Neyman and Scott, Econometrica 1948;16:1). A fold where everything or nothing happened tells
    nothing and is passed over. NaN where predictions are equal within every fold, or without a finite
    maximum.
    Source: Cox, Biometrika 1958;45:562; the stratified model: Breslow and Day, Statistical Methods in Cancer
    Research I, IARC 1980, ch. 6.
    """
    if fold is None or len(np.unique(fold)) < 2:
        return recalibration(happened, odds, weights)[:, 1]
    own = (fold[:, None] == np.unique(fold)).astype(float)
    within = odds - own @ ((odds @ own) / own.sum(axis=0))
    if np.ptp(within) < 1e-9:
        return np.full(len(weights), np.nan)
    spread = within.std()
    telling = ((weights * happened) @ own > 0) & ((weights * ~happened) @ own > 0)
    held = np.column_stack([np.zeros(len(weights), dtype=bool), ~telling])
    columns = np.column_stack([within / spread, own])
    fitted = _logistic(happened, columns, np.zeros(len(odds)), weights * (telling @ own.T), held)
    return np.asarray(fitted[:, 0] / spread)


def calibration_in_the_large(happened: NDArray[np.bool_], odds: Floats, weights: Floats) -> Floats:
    """Return the intercept of that regression with the slope held at 1, shape (b,); positive: too low.

    Folds make no difference to what it says: with the slope held, every case enters by its own prediction,
    and the intercept balances what happened and what was predicted over all of them.
    Source: Van Calster et al., BMC Med 2019;17:230, doi:10.1186/s12916-019-1466-7.
    """
    return _logistic(happened, np.ones((len(odds), 1)), odds, weights)[:, 0]


def _logistic(
    happened: NDArray[np.bool_],
    columns: Floats,
    offset: Floats,
    weights: Floats,
    held: NDArray[np.bool_] | None = None,
) -> Floats:
    """Coefficients (b, k) of weighted logistic regressions with an offset, by Newton's method.

    Those that are `held` stay at 0.
    """
    from scipy.special import expit

    beta = np.zeros((len(weights), columns.shape[1]))
    pairs = columns[:, :, None] * columns[:, None, :]
    reached = np.zeros(len(weights), dtype=bool)
    for _ in range(MOST_STEPS):
        p = expit(offset + beta @ columns.T)
        slope = (weights * (happened - p)) @ columns
        curvature = np.einsum("bn,nij->bij", weights * p * (1 - p), pairs, optimize=True)
        if held is not None:  # none of its columns weighs anything: nothing moves it
            curvature += held[:, :, None] * np.eye(columns.shape[1])
        flat = ~(np.linalg.det(curvature) > 1e-12)
        curvature[flat] = np.eye(columns.shape[1])
        step = np.clip(np.linalg.solve(curvature, slope[:, :, None])[:, :, 0], -LARGEST_STEP, LARGEST_STEP)
        beta = beta + step
        reached = ~flat & (np.abs(step).max(axis=1) < 1e-9)
        if reached.all():
            break
    beta[~reached] = np.nan
    return np.asarray(beta)
