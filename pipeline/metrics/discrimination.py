"""How well a model ranks patients: concordance over the whole follow-up, and AUC at a horizon."""

from __future__ import annotations

import numba
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.metrics.censoring import Censoring, event_weights
from pipeline.metrics.contract import Outcome, required
from pipeline.schema import Floats, Prediction

PAIRS_AT_ONCE = 512  # events compared with everybody in one product: bounds the memory


def harrell_c(
    y: Outcome, prediction: Prediction, null: Prediction, horizon_months: float | None, weights: Floats
) -> Floats:
    """Return the share of usable pairs in which the patient with the earlier event had the higher risk.

    A pair is usable when the shorter of its times ends in an event; of two equal times, an event precedes a
    censoring and two events cannot be ordered. Equal risks count one half. What it estimates depends on the
    censoring, so compare models on the same patients only. Source: Harrell et al., Stat Med 1996;15:361,
    doi:10.1002/(SICI)1097-0258(19960229)15:4<361::AID-SIM168>3.0.CO;2-4.
    """
    return concordance(y, prediction.risk, weights, np.where(y["event"], weights, 0.0))


def uno_c(
    y: Outcome, prediction: Prediction, null: Prediction, horizon_months: float | None, weights: Floats
) -> Floats:
    """Return P(risk_i > risk_j | T_i < T_j, T_i < tau), whatever the censoring.

    Each pair weighs 1/G(T_i-)^2; tau is the last predicted month, in a run the last horizon. Assumes that
    censoring depends neither on the outcome nor on the covariates. Source: Uno et al., Stat Med
    2011;30:1105, doi:10.1002/sim.4154.
    """
    censoring = Censoring.of(y, weights)
    earlier = event_weights(y, weights, censoring)
    np.divide(earlier, censoring.before(), out=earlier, where=earlier > 0)
    earlier[:, y["time"] >= prediction.months[-1]] = 0.0
    return concordance(y, prediction.risk, weights, earlier)


def auc(
    y: Outcome, prediction: Prediction, null: Prediction, horizon_months: float | None, weights: Floats
) -> Floats:
    """Return P(i ranked above j) for i with the event by the horizon and j event-free past it.

    The cumulative/dynamic AUC; patients are ranked by their predicted survival at that horizon, which is the
    best order also when hazards cross, and equal predictions count one half. Cases weigh 1/G(T-). Assumes
    independent censoring. Source: Uno et al., J Am Stat Assoc 2007;102:527, doi:10.1198/016214507000000149;
    Hung and Chiang, Can J Stat 2010;38:8, doi:10.1002/cjs.10046.
    """
    horizon = required(horizon_months)
    cases, controls = cases_and_controls(y, horizon, weights)
    _, rank = np.unique(prediction.at(horizon), return_inverse=True)
    return np.asarray(area(rank, cases, controls))


def median_auc(
    y: Outcome, prediction: Prediction, null: Prediction, horizon_months: float | None, weights: Floats
) -> Floats:
    """Return the median of `auc` over the predicted months at which it is defined.

    In a run it is the median over the horizons, as SCORPIO was judged. Same assumptions as `auc`.
    Source: doi:10.1038/s41591-024-03398-5.
    """
    areas = np.array([auc(y, prediction, null, float(month), weights) for month in prediction.months])
    defined = np.isfinite(areas).any(axis=1)
    if not defined.any():
        return np.full(len(weights), np.nan)
    return np.asarray(np.median(areas[defined], axis=0))


def antolini_c(
    y: Outcome, prediction: Prediction, null: Prediction, horizon_months: float | None, weights: Floats
) -> Floats:
    """Return P(S(T_i | i) < S(T_i | j) | T_i < T_j, T_i < tau): concordance of curves that may cross.

    Pairs are those of Harrell's C, ordered by predicted survival at the time of the earlier event rather
    than by one risk; under proportional hazards the two are the same. Survival is that at the first
    predicted month not before the event, so predictions equal there count one half; tau is the last
    predicted month. What it estimates depends on the censoring, so compare models on the same patients
    only. Source: Antolini, Boracchi and Biganzoli, Stat Med 2005;24:3927, doi:10.1002/sim.2427.
    """
    earlier = np.flatnonzero(y["event"] & (y["time"] < prediction.months[-1]))
    concordant, usable = np.zeros(len(weights)), np.zeros(len(weights))
    for start in range(0, len(earlier), PAIRS_AT_ONCE):
        rows = earlier[start : start + PAIRS_AT_ONCE]
        month = np.searchsorted(prediction.months, y["time"][rows], side="left")
        at_event = prediction.survival[:, month]  # (n, rows): everybody's survival when those events came
        own = at_event[rows, np.arange(len(rows))]
        later = (y["time"][:, None] > y["time"][rows]) | (
            (y["time"][:, None] == y["time"][rows]) & ~y["event"][:, None]
        )
        order = np.where(later, (at_event > own) + 0.5 * (at_event == own), 0.0)
        mine = weights[:, rows]
        concordant += ((weights @ order) * mine).sum(axis=1)
        usable += ((weights @ later.astype(float)) * mine).sum(axis=1)
    return np.asarray(concordant / np.where(usable > 0, usable, np.nan))


def cases_and_controls(y: Outcome, horizon: float, weights: Floats) -> tuple[Floats, Floats]:
    """Weights of events by `horizon` and of patients event-free past it, each of shape (b, n)."""
    cases = event_weights(y, weights, Censoring.of(y, weights))
    cases[:, y["time"] > horizon] = 0.0
    return cases, np.where(y["time"] > horizon, weights, 0.0)


def roc_curve_at(y: Outcome, prediction: Prediction, horizon_months: float) -> pd.DataFrame:
    """Return the cumulative/dynamic ROC curve at a horizon, from (0, 0) to (1, 1).

    Returns
    -------
    DataFrame
        `threshold` (predicted risk from which a patient is called a case; infinite first),
        `false_positive_rate`, `true_positive_rate`. The trapezoid under it is `auc`.
    """
    cases, controls = cases_and_controls(y, horizon_months, np.ones((1, len(y))))
    levels, rank = np.unique(prediction.at(horizon_months), return_inverse=True)
    true = np.cumsum(np.bincount(rank, cases[0], minlength=len(levels)))
    false = np.cumsum(np.bincount(rank, controls[0], minlength=len(levels)))
    return pd.DataFrame(
        {
            "threshold": np.concatenate([[np.inf], 1 - levels]),
            "false_positive_rate": np.concatenate([[0.0], false / false[-1]]),
            "true_positive_rate": np.concatenate([[0.0], true / true[-1]]),
        }
    )


def concordance(y: Outcome, risk: Floats, weights: Floats, earlier: Floats) -> Floats:
    """Weighted concordance in n log n, shape (b,).

    `earlier` (b, n) weighs a patient as the one whose event comes first, `weights` (b, n) as the other one.
    """
    levels, rank = np.unique(risk, return_inverse=True)
    # From the longest time to the shortest; at equal times censorings first, so that they count as later.
    order = np.lexsort((y["event"], -y["time"]))
    months, event = y["time"][order], y["event"][order]
    new_block = np.concatenate([[True], (np.diff(months) != 0) | (np.diff(event.astype(int)) != 0)])
    return np.asarray(
        _concordance(rank[order], np.cumsum(new_block) - 1, weights[:, order], earlier[:, order], len(levels))
    )


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _concordance(
    rank: NDArray[np.intp], block: NDArray[np.intp], weights: Floats, earlier: Floats, levels: int
) -> Floats:
    """Count pairs with a Fenwick tree over ranks of risk; a block holds patients with one time and status."""
    resamples, patients = weights.shape
    out = np.empty(resamples)
    for b in range(resamples):
        tree = np.zeros(levels + 1)
        same = np.zeros(levels)
        inserted = 0.0
        concordant = 0.0
        usable = 0.0
        start = 0
        while start < patients:
            end = start
            while end < patients and block[end] == block[start]:
                i = end
                if earlier[b, i] > 0:
                    below = 0.0
                    node = rank[i]  # Fenwick nodes count from 1: this is the prefix below the rank
                    while node > 0:
                        below += tree[node]
                        node -= node & -node
                    concordant += earlier[b, i] * (below + 0.5 * same[rank[i]])
                    usable += earlier[b, i] * inserted
                end += 1
            for i in range(start, end):
                weight = weights[b, i]
                if weight > 0:
                    inserted += weight
                    same[rank[i]] += weight
                    node = rank[i] + 1
                    while node <= levels:
                        tree[node] += weight
                        node += node & -node
            start = end
        out[b] = concordant / usable if usable > 0 else np.nan
    return out


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def area(rank: NDArray[np.intp], cases: Floats, controls: Floats) -> Floats:
    """Area under the curve where a lower rank (of survival) means a case."""
    resamples, patients = cases.shape
    levels = rank.max() + 1
    out = np.empty(resamples)
    for b in range(resamples):
        case = np.zeros(levels)
        control = np.zeros(levels)
        for i in range(patients):
            case[rank[i]] += cases[b, i]
            control[rank[i]] += controls[b, i]
        above = control.sum()
        pairs = case.sum() * above
        area = 0.0
        for level in range(levels):
            above -= control[level]
            area += case[level] * (above + 0.5 * control[level])
        out[b] = area / pairs if pairs > 0 else np.nan
    return out
