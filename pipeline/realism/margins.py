"""Each column's distribution in real and simulated patients, and the distance between the two."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import ks_2samp, wasserstein_distance

from pipeline.realism.shared import column_of, encoded
from pipeline.schema import Column


def margin_table(real: pd.DataFrame, simulated: pd.DataFrame, columns: Sequence[Column]) -> pd.DataFrame:
    """Set margins side by side.

    Parameters
    ----------
    real, simulated : DataFrame
    columns : sequence of Column
        As of `shared_columns`.

    Returns
    -------
    DataFrame
        A row a number, a fact or a level. Numbers: `real`, `simulated` are medians, with quartiles in
        `*_low`, `*_high`; facts and levels: shares. `ks` is the largest difference of the two distribution
        functions (of shares, their difference), `ks_chance` what it exceeds in one of twenty pairs of samples
        of this size from one distribution. `wasserstein` is the mean distance between the two quantile
        functions, of positive numbers on the natural logarithm, else in the column's unit. `missing_*` are
        the shares without a value.
    """
    ours, theirs = encoded(real, columns), encoded(simulated, columns)
    known = {c.name: c for c in columns}
    rows = []
    for feature in map(str, ours):
        column = known[column_of(feature)]
        a, b = ours[feature].dropna().to_numpy(), theirs[feature].dropna().to_numpy()
        if not len(a) or not len(b):
            continue
        number = column.kind == "number"
        level = feature.split("=", 1)[1] if "=" in feature else ""
        centre = np.median if number else np.mean
        low_a, high_a, low_b, high_b = (
            float(np.quantile(x, q)) if number else math.nan for x in (a, b) for q in (0.25, 0.75)
        )
        ratio = column.positive and min(a.min(), b.min()) > 0
        scale = np.log if ratio else np.asarray
        rows.append(
            {
                "feature": feature,
                "column": column.name,
                "label": column.title + (f": {level}" if level else ""),
                "kind": "number" if number else "share",
                "scale": "log" if ratio else "linear",
                "patients_real": len(a),
                "patients_simulated": len(b),
                "missing_real": float(ours[feature].isna().mean()),
                "missing_simulated": float(theirs[feature].isna().mean()),
                "real": float(centre(a)),
                "real_low": low_a,
                "real_high": high_a,
                "simulated": float(centre(b)),
                "simulated_low": low_b,
                "simulated_high": high_b,
                "ks": float(ks_2samp(a, b).statistic) if number else abs(float(a.mean() - b.mean())),
                "ks_chance": _chance(a, b, number),
                "wasserstein": float(wasserstein_distance(scale(a), scale(b))) if number else math.nan,
            }
        )
    return pd.DataFrame(rows)


def _chance(a: np.ndarray, b: np.ndarray, number: bool) -> float:
    """Upper 5 % point of the distance of two samples of one distribution, by their large-sample laws."""
    sizes = 1 / len(a) + 1 / len(b)
    if number:
        return 1.358 * math.sqrt(sizes)  # Kolmogorov; conservative where values are tied
    share = float((a.sum() + b.sum()) / (len(a) + len(b)))
    return 1.96 * math.sqrt(share * (1 - share) * sizes)
