"""Every metric of every model in every group, with intervals and paired differences."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.config import Analysis
from pipeline.evaluate.horizons import LEAST_EVENTS, LEAST_PAST, unusable
from pipeline.evaluate.predictions import Predictions
from pipeline.evaluate.subgroups import subgroup_rows
from pipeline.metrics import METRICS, Metric, interval, resamples
from pipeline.schema import Floats, InputError, Progress, lookup, silent

WORKERS = 2  # threads; the values do not depend on their number
KEY: Final = ["data", "metric", "horizon_months", "group"]


@dataclass(frozen=True)
class Judgement:
    """Values of every metric in the sample and in every bootstrap resample of its patients.

    Attributes
    ----------
    rows : DataFrame
        `model`, `data`, `metric`, `horizon_months` (NaN when none), `group`, `patients`, `events`.
    values : array, shape (rows, replicates + 1)
        Column 0 is the sample itself; resample k is the same patients for all models, repeats and groups.
    level : float
        Of the intervals.
    dropped : DataFrame
        `data`, `group`, `metric` ("" for all), `horizon_months` (NaN for all), `patients`, `events`,
        `reason`: what could not be judged.
    """

    rows: pd.DataFrame
    values: Floats
    level: float
    dropped: pd.DataFrame


@dataclass(frozen=True)
class _Task:
    predictions: Predictions
    model: str
    metric: str
    horizon: float | None
    group: str
    rows: NDArray[np.intp]


def judge(
    judged: Sequence[Predictions],
    analysis: Analysis,
    rng: np.random.Generator,
    progress: Progress = silent,
) -> Judgement:
    """Compute every metric for every model and group, in the sample and in its resamples.

    Patients are resampled with replacement while the fitted models stay as they are: intervals speak of the
    patients judged, not of what other training patients would have taught. Repeats of cross-validation are
    averaged within a resample. Groups with fewer than 10 patients or 5 events, and horizons beyond what a
    group can tell, are left out and listed in `dropped`. Subgroups cut at a median use that of the first
    cohort given.
    """
    for name in analysis.metrics:
        lookup(METRICS, name, "metric")
    tasks: list[_Task] = []
    weights: list[Floats] = []
    dropped: list[tuple[Any, ...]] = []
    for predictions, child in zip(judged, rng.spawn(len(judged)), strict=True):
        weights.append(resamples(len(predictions.y), analysis.bootstrap.replicates, child))
        groups = subgroup_rows(predictions.cohort, analysis.subgroups, judged[0].cohort)
        for group, rows in groups.items():
            usable, left_out = _usable(predictions, group, rows, analysis)
            dropped += left_out
            tasks += [
                _Task(predictions, model, metric, horizon, group, rows)
                for metric, horizon in usable
                for model in predictions.models
            ]
    by_set = {id(p): w for p, w in zip(judged, weights, strict=True)}
    values = np.full((len(tasks), analysis.bootstrap.replicates + 1), np.nan)
    with ThreadPoolExecutor(WORKERS) as pool:
        results = pool.map(lambda task: _evaluate(task, by_set[id(task.predictions)]), tasks)
        for k, result in enumerate(results):
            values[k] = result
            progress("judge", k + 1, len(tasks))
    rows_table = pd.DataFrame(
        [_describe(task) for task in tasks], columns=["model", *KEY, "patients", "events"]
    )
    undefined = ~np.isfinite(values[:, 0])
    for row in rows_table[undefined].drop_duplicates(KEY).itertuples():
        dropped.append((row.data, row.group, row.metric, row.horizon_months, row.patients, row.events,
                        f"not defined for {row.model}"))  # fmt: skip
    return Judgement(
        rows_table[~undefined].reset_index(drop=True),
        values[~undefined],
        analysis.bootstrap.level,
        pd.DataFrame(
            dropped, columns=["data", "group", "metric", "horizon_months", "patients", "events", "reason"]
        ),
    )


def score(judgement: Judgement) -> pd.DataFrame:
    """Return `rows` with `value`, `low` and `high`, the percentile bootstrap interval."""
    low, high = interval(judgement.values[:, 1:].T, judgement.level)
    return judgement.rows.assign(value=judgement.values[:, 0], low=low, high=high)


def differences(judgement: Judgement, reference: str) -> pd.DataFrame:
    """Return every other model's metric minus that of `reference`, paired resample by resample.

    Returns
    -------
    DataFrame
        `model`, `reference`, `data`, `metric`, `horizon_months`, `group`, `patients`, `events`, `value`,
        `low`, `high`, and `better`: the share of resamples in which the model was the better one.

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
    better = [
        float(np.mean(METRICS[name].goodness(a) > METRICS[name].goodness(b)))
        for name, a, b in zip(
            rows["metric"].iloc[first], judgement.values[first, 1:], judgement.values[second, 1:], strict=True
        )
    ]
    table = (
        rows.iloc[first]
        .reset_index(drop=True)
        .assign(value=difference[:, 0], low=low, high=high, better=better)
    )
    table.insert(1, "reference", reference)
    return table


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
    return against.drop(columns=["reference", "better", "value", "low", "high"]).assign(
        gap=-against["value"], low=-against["high"], high=-against["low"]
    )


def _keys(rows: pd.DataFrame) -> list[tuple[Any, ...]]:
    # NaN equals no NaN: metrics without a horizon share the key -1.
    return list(rows[KEY].fillna({"horizon_months": -1.0}).itertuples(index=False, name=None))


def _usable(
    predictions: Predictions, group: str, rows: NDArray[np.intp], analysis: Analysis
) -> tuple[list[tuple[str, float | None]], list[tuple[Any, ...]]]:
    y = predictions.y[rows]
    size, events = len(y), int(y["event"].sum())
    if size < LEAST_PAST or events < LEAST_EVENTS:
        reason = f"{size} patients with {events} events; {LEAST_PAST} with {LEAST_EVENTS} needed"
        return [], [(predictions.data, group, "", np.nan, size, events, reason)]
    dropped = []
    horizons = []
    for horizon in analysis.horizons_months:
        reason = unusable(y, horizon)
        if reason:
            dropped.append((predictions.data, group, "", horizon, size, events, reason))
        else:
            horizons.append(horizon)
    wanted: list[tuple[str, float | None]] = []
    for name in analysis.metrics:
        wanted += [(name, h) for h in horizons] if METRICS[name].by_horizon else [(name, None)]
    return wanted, dropped


def _describe(task: _Task) -> tuple[Any, ...]:
    y = task.predictions.y[task.rows]
    horizon = np.nan if task.horizon is None else task.horizon
    return task.model, task.predictions.data, task.metric, horizon, task.group, len(y), int(y["event"].sum())


def _evaluate(task: _Task, weights: Floats) -> Floats:
    metric = METRICS[task.metric]
    repeats = zip(
        task.predictions.models[task.model], task.predictions.null, task.predictions.fold, strict=True
    )
    total = np.zeros(len(weights))
    for prediction, null, fold in repeats:
        # Folds matter to metrics that rank; the others see each repeat as one sample.
        part = fold[task.rows] if metric.within_fold else np.zeros(len(task.rows), dtype=np.intp)
        total += _over_folds(metric, task, prediction, null, part, weights)
    return total / len(task.predictions.null)


def _over_folds(
    metric: Metric, task: _Task, prediction: Any, null: Any, part: NDArray[np.intp], weights: Floats
) -> Floats:
    """Average over folds by their patients, passing over those where the metric is not defined."""
    summed, counted = np.zeros(len(weights)), np.zeros(len(weights))
    for number in np.unique(part):
        rows = task.rows[part == number]
        inside = weights[:, rows]
        values = metric(
            task.predictions.y[rows], prediction.take(rows), null.take(rows), task.horizon, inside
        )
        share = np.where(np.isfinite(values), inside.sum(axis=1), 0.0)
        summed += share * np.where(np.isfinite(values), values, 0.0)
        counted += share
    return np.asarray(summed / np.where(counted > 0, counted, np.nan))
