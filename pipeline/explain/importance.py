"""Which parts matter most, and how sure that is."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.explain.attribution import Attribution, Level


def importance(
    attribution: Attribution,
    rng: np.random.Generator,
    level: Level = "column",
    replicates: int = 200,
    coverage: float = 0.95,
) -> pd.DataFrame:
    """Mean absolute contribution of every part, with percentile bootstrap intervals over patients.

    The interval says how far the ranking depends on which patients were explained; the model is held
    fixed, so it does not hold the uncertainty of the fit.

    Returns
    -------
    DataFrame
        One row a part and horizon, most important first: `model`, `scale`, `level`, `name`, `label`,
        `modality`, `horizon_months`, `importance`, `low`, `high`, `share` (of the sum over parts).
    """
    parts = attribution.grouped(level)
    sizes = np.abs(parts.contributions)
    n, p, m = sizes.shape
    counts = rng.multinomial(n, np.full(n, 1 / n), size=replicates) / n
    resampled = (counts @ sizes.reshape(n, p * m)).reshape(replicates, p, m)
    tail = (1 - coverage) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail], axis=0)
    mean = sizes.mean(axis=0)
    part, horizon = (axis.ravel() for axis in np.indices((p, m)))
    table = pd.DataFrame({
        "model": parts.model,
        "scale": parts.scale.name,
        "level": level,
        "name": parts.sources["feature"].to_numpy()[part],
        "label": np.array(parts.labels, dtype=object)[part],
        "modality": parts.sources["modality"].to_numpy()[part],
        "horizon_months": parts.months[horizon],
        "importance": mean.ravel(),
        "low": low.ravel(),
        "high": high.ravel(),
        "share": (mean / np.maximum(mean.sum(axis=0), np.finfo(float).tiny)).ravel(),
    })  # fmt: skip
    order = np.lexsort((part, -table["importance"].to_numpy(), horizon))
    return table.iloc[order].reset_index(drop=True)
