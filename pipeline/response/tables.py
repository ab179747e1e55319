"""What is said of predicted responses: scores with intervals, calibration in groups, and who was judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.config import Analysis
from pipeline.evaluate import subgroup_rows
from pipeline.evaluate.predictions import CROSS_VALIDATION, EXTERNAL
from pipeline.metrics import estimate, resamples
from pipeline.metrics.probability import probability_metrics
from pipeline.response.outcome import Responses
from pipeline.schema import Cohort, Floats

LEAST_OF_GROUP: Final = 10  # responders, and patients without a response, of a group that is judged
GROUPS: Final = 10  # of equal size by prediction, whose share of responders is counted
SCORES: Final = [
    "model", "data", "metric", "horizon_months", "group", "patients", "events", "value", "low", "high",
]  # fmt: skip


@dataclass(frozen=True)
class Predicted:
    """Probabilities of the patients of one cohort, (repeats, n) each; nobody was learnt from."""

    data: str
    responses: Responses
    models: Mapping[str, Floats]
    null: Floats  # share of responders among those learnt from
    fold: NDArray[np.intp]


def score_rows(
    judged: Predicted, analysis: Analysis, train: Cohort, rng: np.random.Generator
) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of `response_scores`; intervals are percentiles over resampled patients, models fixed.

    Repeats are averaged within a resample.
    """
    responded = judged.responses.responded
    weights = resamples(len(responded), analysis.bootstrap.replicates, rng)
    groups = subgroup_rows(judged.responses.cohort, analysis.subgroups, train)
    for group, rows in groups.items():
        mine = responded[rows]
        if min(mine.sum(), (~mine).sum()) < LEAST_OF_GROUP and group != "all":
            continue
        for name, probabilities in judged.models.items():
            repeats = [
                probability_metrics(mine, p[rows], null[rows], weights[:, rows], fold[rows])
                for p, null, fold in zip(probabilities, judged.null, judged.fold, strict=True)
            ]
            for metric in repeats[0]:
                values = np.mean([r[metric] for r in repeats], axis=0)
                if np.isfinite(values[0]):
                    found = estimate(values, analysis.bootstrap.level)
                    yield (name, judged.data, metric, np.nan, group, len(rows), int(mine.sum()), *found)


def calibration_table(judged: Predicted) -> pd.DataFrame:
    """Return the share of responders in groups of equal size by prediction, with Wilson's 95 % interval.

    Up to GROUPS different predictions are a group each; of several repeats the first is taken.
    """
    from scipy.stats import binomtest

    responded = judged.responses.responded
    rows = []
    for name, probabilities in judged.models.items():
        levels, level = np.unique(probabilities[0], return_inverse=True)
        order = np.argsort(level, kind="stable")
        few = len(levels) <= GROUPS
        groups = np.array_split(order, np.cumsum(np.bincount(level))[:-1] if few else GROUPS)
        for number, members in enumerate((g for g in groups if len(g)), start=1):
            count = int(responded[members].sum())
            ends = binomtest(count, len(members)).proportion_ci(method="wilson")
            predicted, observed = float(probabilities[0][members].mean()), count / len(members)
            rows.append((name, judged.data, number, predicted, observed, ends.low, ends.high, len(members)))
    names = ["model", "data", "number", "predicted", "observed", "low", "high", "patients"]
    return pd.DataFrame(rows, columns=names)


def prediction_table(judged: Predicted) -> pd.DataFrame:
    """Return one row a judged patient (by `row`), model and repeat."""
    responded = judged.responses.responded
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "data": judged.data,
                    "model": name,
                    "repeat": repeat,
                    "fold": judged.fold[repeat],
                    "row": np.arange(len(responded)),
                    "responded": responded,
                    "probability": p,
                }
            )
            for name, probabilities in judged.models.items()
            for repeat, p in enumerate(probabilities)
        ],
        ignore_index=True,
    )


def patient_table(predicted: Sequence[Predicted], train: Cohort, external: Cohort | None) -> pd.DataFrame:
    """Return, for each cohort, how many patients there are, responded, and were never evaluated."""
    whole = {CROSS_VALIDATION: train, EXTERNAL: external}
    rows = []
    for p in predicted:
        cohort = whole[p.data]
        assert cohort is not None  # noqa: S101 - predictions exist of it
        rows.append((p.data, cohort.name, len(cohort), len(p.responses.responded),
                     int(p.responses.responded.sum()), p.responses.never_evaluated))  # fmt: skip
    names = ["data", "cohort", "patients", "judged", "responders", "never_evaluated"]
    return pd.DataFrame(rows, columns=names)
