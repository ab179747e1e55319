"""Whether those said to gain more do gain more: Qini and C-for-benefit of a randomised comparison."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from pipeline.schema import Floats


@dataclass(frozen=True)
class Estimate:
    """A value with its standard error and normal interval."""

    value: float
    error: float
    low: float
    high: float

    @classmethod
    def of(cls, value: float, error: float, level: float) -> Estimate:
        """Return value ± z times error."""
        reach = float(norm.ppf((1 + level) / 2)) * error
        return cls(value, error, value - reach, value + reach)


def ranks_within(benefit: Floats, fold: NDArray[np.intp]) -> Floats:
    """Return ranks of predicted benefit within each fold, from 0 to 1 with mean 1/2, ties shared, (n,).

    Predictions of different folds come of different fits: a fold whose patients happened to gain much was
    predicted by a model that saw less of it, so ranks across folds would be biased downward.
    """
    out = np.empty(len(benefit))
    for part in np.unique(fold):
        rows = fold == part
        out[rows] = (rankdata(benefit[rows]) - 0.5) / rows.sum()
    return out


def gains(treated: NDArray[np.bool_], values: Floats) -> Floats:
    """Return a number a patient whose mean, in any group, is the effect of treatment there, shape (n,).

    ``(A/p - (1 - A)/(1 - p)) (Y - m)`` with p the treated share and m the mean of both arms that makes its
    variance least.
    """
    share = float(treated.mean())
    centre = (1 - share) * values[treated].mean() + share * values[~treated].mean()
    return np.asarray(np.where(treated, 1 / share, -1 / (1 - share)) * (values - centre))


def qini(rank: Floats, treated: NDArray[np.bool_], values: Floats, level: float = 0.95) -> Estimate:
    """Return the Qini coefficient: the mean gain by treating in order of `rank` over treating at random.

    The estimand is ∫ (share treated) (effect among those - effect among all) over shares from 0 to 1, the
    area between the benefit curve and its chord; it equals the covariance of rank and effect, 0 when rank
    says nothing of the effect. Assumes randomised treatment; `values` are pseudo-observations, taken as
    independent. The error is that of a mean, ranks held fixed. Source: Yadlowsky et al.,
    arXiv:2111.07966 (there called RATE with Qini weights).

    Parameters
    ----------
    rank : array, shape (n,)
        From 0 (least benefit predicted) to 1, mean 1/2.
    treated : array of bool, shape (n,)
    values : array, shape (n,)
        Pseudo-observations within arms; more is better.
    level : float
    """
    gained = gains(treated, values)
    each = (rank - rank.mean()) * (gained - gained.mean())
    return Estimate.of(float(each.mean()), float(each.std(ddof=1) / np.sqrt(len(each))), level)


def c_for_benefit(rank: Floats, treated: NDArray[np.bool_], values: Floats, level: float = 0.95) -> Estimate:
    """Return how often, of two matched pairs, the one of which more was predicted gained more.

    Treated and control patients are matched by predicted benefit; a pair's observed benefit is the treated
    one's value less the control's, its prediction the mean of both. Two pairs count by how far their observed
    benefits lie apart, so that what is expected is 1/2 wherever the effect is even, whatever rank says of
    prognosis: the pseudo-observations of censored data tie almost but not quite, in another way in either
    arm, and counting such ties in full would take prognosis for benefit. Tied predictions count as half. The
    larger arm is thinned evenly along its ranks. The error is the infinitesimal jackknife over matched pairs.
    Even the truth stays far below 1, as pairs are noisy. After van Klaveren et al., J Clin Epidemiol
    2018;94:59, doi:10.1016/j.jclinepi.2017.10.021, where outcomes are 0 or 1 and untied pairs count alike.
    """
    mine, others = (np.flatnonzero(side) for side in (treated, ~treated))
    pairs = min(len(mine), len(others))
    chosen = []
    for side in (mine, others):
        evenly = ((np.arange(pairs) + 0.5) / pairs * len(side)).astype(int)
        chosen.append(side[np.argsort(rank[side], kind="stable")][evenly])
    predicted = (rank[chosen[0]] + rank[chosen[1]]) / 2
    observed = values[chosen[0]] - values[chosen[1]]
    apart = np.subtract.outer(observed, observed)
    agree = np.sign(np.subtract.outer(predicted, predicted)) * apart
    size = np.abs(apart)
    total = size.sum()
    if total == 0:
        return Estimate.of(float("nan"), float("nan"), level)
    balance = agree.sum() / total  # concordant less discordant
    # Each pair stands in a row and in a column, hence twice its row.
    influence = 2 * (agree - balance * size).sum(axis=1) / total
    error = float(np.sqrt((influence**2).sum() * pairs / (pairs - 1)) / 2)
    return Estimate.of(float((1 + balance) / 2), error, level)
