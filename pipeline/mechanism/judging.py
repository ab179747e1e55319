"""How well deficits are told apart where the truth is known: confusion, calibration, worth of silence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.mechanism.classifier import CLASSES, UNKNOWN
from pipeline.metrics import interval, resamples
from pipeline.schema import Floats

BINS = 10


def confusion(cause: NDArray[np.object_], said: Sequence[str]) -> pd.DataFrame:
    """Return the share of each true cause that got each answer; rows CLASSES, columns CLASSES and UNKNOWN."""
    counts = pd.crosstab(pd.Series(cause, name="cause"), pd.Series(list(said), name="said"))
    counts = counts.reindex(index=list(CLASSES), columns=[*CLASSES, UNKNOWN], fill_value=0)
    return counts.div(counts.sum(axis=1).replace(0, 1), axis=0)


def reliability(cause: NDArray[np.object_], probabilities: pd.DataFrame) -> pd.DataFrame:
    """Return, for tenths of the likeliest class's probability, its mean and how often it was right.

    Returns
    -------
    DataFrame
        `predicted`, `right`, `patients`.
    """
    top, right = _top(cause, probabilities)
    order = np.argsort(top, kind="stable")
    parts = [p for p in np.array_split(order, BINS) if len(p)]
    rows = [(float(top[p].mean()), float(right[p].mean()), len(p)) for p in parts]
    return pd.DataFrame(rows, columns=["predicted", "right", "patients"])


def calibration_error(cause: NDArray[np.object_], probabilities: pd.DataFrame) -> float:
    """Return the expected calibration error of the likeliest class over ten groups of equal size."""
    table = reliability(cause, probabilities)
    return float(np.average((table["predicted"] - table["right"]).abs(), weights=table["patients"]))


def accuracy_table(
    cause: NDArray[np.object_],
    probabilities: pd.DataFrame,
    said: Sequence[str],
    rng: np.random.Generator,
    replicates: int = 500,
) -> pd.DataFrame:
    """Return how often the likeliest class is right: in all, where the model answers, and where it is silent.

    Returns
    -------
    DataFrame
        `patients_meant`, `patients`, `value`, `low`, `high`; 95 % percentile intervals over resampled
        patients. Beside them what guessing would give: one class at random, and always the commonest.
    """  # fmt: skip
    _, right = _top(cause, probabilities)
    answered = np.array([s != UNKNOWN for s in said])
    weights = np.vstack([np.ones((1, len(right))), resamples(len(right), replicates, rng)])
    commonest = pd.Series(cause).mode().iloc[0]
    rows: list[tuple[str, int, float, float, float]] = []
    for meant, inside, hit in (
        ("all", np.ones(len(right), dtype=bool), right),
        ("answered", answered, right),
        ("silent", ~answered, right),
        ("always the commonest", np.ones(len(right), dtype=bool), (cause == commonest).astype(float)),
    ):
        if not inside.any():
            continue
        total = weights[:, inside].sum(axis=1)
        values = weights[:, inside] @ hit[inside] / np.where(total > 0, total, np.nan)
        low, high = interval(values[1:, None], 0.95)
        rows.append((meant, int(inside.sum()), float(values[0]), float(low[0]), float(high[0])))
    chance = 1 / len(CLASSES)
    rows.append(("one class at random", len(right), chance, chance, chance))
    return pd.DataFrame(rows, columns=["patients_meant", "patients", "value", "low", "high"])


def _top(cause: NDArray[np.object_], probabilities: pd.DataFrame) -> tuple[Floats, Floats]:
    values = probabilities.to_numpy()
    best = values.argmax(axis=1)
    names = np.array(probabilities.columns, dtype=object)
    return values[np.arange(len(values)), best], (names[best] == cause).astype(float)
