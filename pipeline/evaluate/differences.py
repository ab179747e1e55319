"""Differences between models on the same resamples: intervals, p-values, and the distance to the ceiling."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pipeline.evaluate.scoring import KEY, Judgement
from pipeline.metrics import METRICS, interval
from pipeline.schema import Floats, InputError


def differences(judgement: Judgement, reference: str) -> pd.DataFrame:
    """Return every other model's metric minus that of `reference`, paired resample by resample.

    Returns
    -------
    DataFrame
        `model`, `reference`, `data`, `metric`, `horizon_months`, `group`, `patients`, `events`, `value`,
        `low`, `high`; `better`, the share of resamples in which the model was the better one; `p`, twice
        the smaller share of resamples on either side of no difference (never below two in the number of
        resamples plus one); and `p_holm`, the same after Holm's correction over the models compared on one
        metric, horizon and group. The oracle is no candidate and has no `p_holm`.

    Raises
    ------
    InputError
        When `reference` was not judged.
    """
    rows = judgement.rows
    if reference not in set(rows["model"]):
        raise InputError(
            f"model {reference!r} was not judged; there are {', '.join(sorted(set(rows['model'])))}"
        )
    places = {key: k for k, key in zip(rows.index[rows["model"] == reference],
                                       _keys(rows[rows["model"] == reference]), strict=True)}  # fmt: skip
    mine = [
        (k, places[key])
        for k, (model, key) in enumerate(zip(rows["model"], _keys(rows), strict=True))
        if model != reference and key in places
    ]
    first, second = (np.array([pair[side] for pair in mine], dtype=np.intp) for side in (0, 1))
    difference = judgement.values[first] - judgement.values[second]
    low, high = interval(difference[:, 1:].T, judgement.level)
    names = rows["metric"].iloc[first]
    sides = [judgement.values[side, 1:] for side in (first, second)]
    turned = np.array(
        [METRICS[n].goodness(a) - METRICS[n].goodness(b) for n, a, b in zip(names, *sides, strict=True)]
    )
    better = (turned > 0).mean(axis=1)
    table = (
        rows.iloc[first]
        .reset_index(drop=True)
        .assign(value=difference[:, 0], low=low, high=high, better=better, p=bootstrap_p(turned))
    )
    table.insert(1, "reference", reference)
    return table.assign(p_holm=_holm_by_row(table))


def bootstrap_p(difference: Floats) -> Floats:
    """Two-sided p-values (r,) of no difference from resampled differences (r, replicates).

    The inversion of the percentile interval: twice the smaller share of resamples at or beyond zero, one
    added above and below the line (Davison and Hinkley, Bootstrap Methods and their Application, 1997, 4.2).
    """
    replicates = np.isfinite(difference).sum(axis=1)
    below, above = (difference <= 0).sum(axis=1), (difference >= 0).sum(axis=1)
    return np.asarray(np.minimum(1.0, 2 * (np.minimum(below, above) + 1) / (replicates + 1)))


def holm(p: Floats) -> Floats:
    """Adjust the p-values (k,) of one family: each times the hypotheses still standing, never falling.

    Source: Holm, Scand J Stat 1979;6:65.

    >>> holm(np.array([0.01, 0.04, 0.03])).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def _holm_by_row(table: pd.DataFrame) -> Floats:
    adjusted = np.full(len(table), np.nan)
    candidates = table.reset_index(drop=True).query("model != 'oracle'")
    for _, family in candidates.groupby(KEY, sort=False, dropna=False):
        adjusted[family.index] = holm(family["p"].to_numpy())
    return adjusted


def gap_to_oracle(judgement: Judgement) -> pd.DataFrame:
    """Return how much better the oracle is than each model: `gap`, `low`, `high`, positive when it is.

    On the scale of the metric, turned so that higher is better; empty when no oracle was judged.
    """
    if "oracle" not in set(judgement.rows["model"]):
        return judgement.rows.iloc[:0].assign(gap=[], low=[], high=[])
    turned = np.array(
        [METRICS[m].goodness(v) for m, v in zip(judgement.rows["metric"], judgement.values, strict=True)]
    )
    against = differences(Judgement(judgement.rows, turned, judgement.level, judgement.dropped), "oracle")
    return against.drop(columns=["reference", "better", "p", "p_holm", "value", "low", "high"]).assign(
        gap=-against["value"], low=-against["high"], high=-against["low"]
    )


def _keys(rows: pd.DataFrame) -> list[tuple[Any, ...]]:
    # NaN equals no NaN: metrics without a horizon share the key -1.
    return list(rows[KEY].fillna({"horizon_months": -1.0}).itertuples(index=False, name=None))
