"""Every metric of every model in every group, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.config import Analysis
from pipeline.evaluate.horizons import (
    LEAST_EVENTS,
    LEAST_PAST,
    LEAST_PAST_IN_FOLD,
    followed_to,
    prediction_months,
    unusable,
)
from pipeline.evaluate.predictions import Predictions
from pipeline.evaluate.subgroups import subgroup_rows
from pipeline.metrics import METRICS, interval, resamples
from pipeline.schema import Floats, Progress, lookup, silent

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
    metrics: tuple[str, ...]  # computed together
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
                _Task(predictions, model, metrics, horizon, group, rows)
                for metrics, horizon in usable
                for model in predictions.models
            ]
    by_set = {id(p): w for p, w in zip(judged, weights, strict=True)}
    described: list[tuple[Any, ...]] = []
    found: list[Floats] = []
    with ThreadPoolExecutor(WORKERS) as pool:
        results = pool.map(lambda task: _evaluate(task, by_set[id(task.predictions)]), tasks)
        for k, (task, result) in enumerate(zip(tasks, results, strict=True), start=1):
            described += _describe(task)
            found += list(result)
            progress("judge", k, len(tasks))
    values = np.array(found).reshape(len(found), analysis.bootstrap.replicates + 1)
    rows_table, values = _with_medians(
        pd.DataFrame(described, columns=["model", *KEY, "patients", "events"]), values, analysis.metrics
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


def _usable(
    predictions: Predictions, group: str, rows: NDArray[np.intp], analysis: Analysis
) -> tuple[list[tuple[tuple[str, ...], float | None]], list[tuple[Any, ...]]]:
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
    wanted: list[tuple[tuple[str, ...], float | None]] = []
    followed = followed_to(y, LEAST_PAST_IN_FOLD)
    last = float(prediction_months(analysis)[-1])
    for names in _together(analysis.metrics):
        metric = METRICS[names[0]]
        if metric.by_horizon:
            wanted += [(names, h) for h in horizons]
        elif metric.to_the_end and followed < last:
            reason = f"followed to {followed:.1f} months, {last:g} needed"
            dropped += [(predictions.data, group, name, np.nan, size, events, reason) for name in names]
        else:
            wanted.append((names, None))
    return wanted, dropped


def _together(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Sort metrics into those computed at once; medians follow from what they are medians of."""
    needed = [METRICS[name].median_of or name for name in names]
    sets: dict[Any, list[str]] = {}
    for name in dict.fromkeys(needed):
        sets.setdefault(METRICS[name].compute, []).append(name)
    return [tuple(inside) for inside in sets.values()]


def _with_medians(rows: pd.DataFrame, values: Floats, wanted: Sequence[str]) -> tuple[pd.DataFrame, Floats]:
    """Add medians over horizons, resample by resample, and put all rows in the order of `wanted`."""
    tables, found = [rows], [values]
    for name in wanted:
        part = rows[rows["metric"] == METRICS[name].median_of]
        for _, mine in part.groupby(["model", "data", "group"], sort=False):
            tables.append(mine.iloc[:1].assign(metric=name, horizon_months=np.nan))
            defined = values[mine.index][np.isfinite(values[mine.index, 0])]
            missing = np.full((1, values.shape[1]), np.nan)
            found.append(np.median(defined, axis=0, keepdims=True) if len(defined) else missing)
    table, everything = pd.concat(tables, ignore_index=True), np.concatenate(found)
    table = table[table["metric"].isin(wanted)]
    place = {name: k for k, name in enumerate(wanted)}
    sets = list(dict.fromkeys(zip(table["data"], table["group"], strict=True)))
    order = sorted(
        table.index,
        key=lambda k: (sets.index((table["data"][k], table["group"][k])), place[table["metric"][k]]),
    )
    return table.loc[order].reset_index(drop=True), everything[order]


def _describe(task: _Task) -> list[tuple[Any, ...]]:
    y = task.predictions.y[task.rows]
    horizon = np.nan if task.horizon is None else task.horizon
    size, events = len(y), int(y["event"].sum())
    return [
        (task.model, task.predictions.data, name, horizon, task.group, size, events) for name in task.metrics
    ]


def _evaluate(task: _Task, weights: Floats) -> Floats:
    """Values of the task's metrics, shape (metrics, b)."""
    metric = METRICS[task.metrics[0]]
    repeats = zip(
        task.predictions.models[task.model], task.predictions.null, task.predictions.fold, strict=True
    )
    total = np.zeros((len(task.metrics), len(weights)))
    for prediction, null, fold in repeats:
        # Metrics that rank are averaged over folds; the others see each repeat as one sample, and those that
        # compare inside folds all the same (`over_folds`) are told who is in which.
        fold = fold[task.rows]
        part = fold if metric.within_fold else np.zeros_like(fold)
        total += _over_folds(task, prediction, null, part, fold, weights)
    return total / len(task.predictions.null)


def _over_folds(
    task: _Task,
    prediction: Any,
    null: Any,
    part: NDArray[np.intp],
    fold: NDArray[np.intp],
    weights: Floats,
) -> Floats:
    """Average over parts by their patients, passing over those where a metric is not defined."""
    metrics = [METRICS[name] for name in task.metrics]
    summed = np.zeros((len(metrics), len(weights)))
    counted = np.zeros((len(metrics), len(weights)))
    for number in np.unique(part):
        here = part == number
        rows = task.rows[here]
        inside = weights[:, rows]
        together = metrics[0].together(
            task.predictions.y[rows], prediction.take(rows), null.take(rows), task.horizon, inside, fold[here]
        )
        values = np.array([together if m.part is None else together[m.part] for m in metrics])
        share = np.where(np.isfinite(values), inside.sum(axis=1), 0.0)
        summed += share * np.where(np.isfinite(values), values, 0.0)
        counted += share
    return np.asarray(summed / np.where(counted > 0, counted, np.nan))
