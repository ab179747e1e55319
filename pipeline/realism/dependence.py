"""How columns go together in real and simulated patients: rank correlations, pair by pair."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Final

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from pipeline.realism.shared import column_of, encoded
from pipeline.schema import Column

FEWEST_PATIENTS: Final = 30  # with both values
RAREST: Final = 10  # patients at least on either side of a fact


def correlation_table(real: pd.DataFrame, simulated: pd.DataFrame, columns: Sequence[Column]) -> pd.DataFrame:
    """Return Spearman's correlation of each pair of columns in both tables.

    Returns
    -------
    DataFrame
        `first`, `second`, `real`, `simulated`, `patients_real`, `difference` (simulated less real) and `z`,
        the difference of Fisher's transforms over its standard error, sqrt(1.06 / (n - 3)) in either table
        (Fieller, Hartley and Pearson, Biometrika 1957;44:470-481). Levels of one category make no pair;
        pairs that fewer than FEWEST_PATIENTS have, or facts that fewer than RAREST have, are left out.
    """
    ours, theirs = encoded(real, columns), encoded(simulated, columns)
    rows = []
    for first, second in combinations(map(str, ours), 2):
        if column_of(first) == column_of(second):
            continue
        pairs = [frame[[first, second]].dropna() for frame in (ours, theirs)]
        if min(map(len, pairs)) < FEWEST_PATIENTS or any(_rare(pair[n]) for pair in pairs for n in pair):
            continue
        values = [float(spearmanr(pair[first], pair[second]).statistic) for pair in pairs]
        error = math.sqrt(sum(1.06 / (len(pair) - 3) for pair in pairs))
        bounded = np.clip(values, -0.999, 0.999)
        rows.append(
            {
                "first": first,
                "second": second,
                "real": values[0],
                "simulated": values[1],
                "patients_real": len(pairs[0]),
                "difference": values[1] - values[0],
                "z": float((np.arctanh(bounded[1]) - np.arctanh(bounded[0])) / error),
            }
        )
    names = ["first", "second", "real", "simulated", "patients_real", "difference", "z"]
    return pd.DataFrame(rows, columns=names)


def _rare(values: pd.Series[float]) -> bool:
    counts = values.value_counts()
    return len(counts) < 2 or (len(counts) == 2 and int(counts.min()) < RAREST)


def correlation_summary(table: pd.DataFrame) -> dict[str, float]:
    """Return how far two sets of correlations are apart.

    `root_mean_square_difference` beside `by_chance`, what it would be for real samples of one population of
    this size; `mean_square_z` (1 by chance); and `inside`, the share of pairs with |z| below 1.96.
    """
    if table.empty:
        return {"pairs": 0}
    chance = 1.06 / (table["patients_real"] - 3)
    return {
        "pairs": len(table),
        "root_mean_square_difference": math.sqrt(float((table["difference"] ** 2).mean())),
        "by_chance": math.sqrt(float((chance * (1 - table["real"] ** 2) ** 2).mean())),
        "mean_square_z": float((table["z"] ** 2).mean()),
        "inside": float((table["z"].abs() < 1.96).mean()),
    }
