"""Decision curves: what acting on each model is worth, over threshold probabilities, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

import numpy as np
import pandas as pd

from pipeline.config import Analysis
from pipeline.evaluate.horizons import unusable
from pipeline.evaluate.predictions import Predictions
from pipeline.evaluate.scoring import WORKERS
from pipeline.metrics import interval, net_benefit, resamples
from pipeline.schema import Floats

EVERYBODY: Final = "everybody"  # the strategy of acting on all patients, named like a model


def decision_table(
    judged: Sequence[Predictions], analysis: Analysis, rng: np.random.Generator, reference: str | None = None
) -> pd.DataFrame:
    """Return the net benefit of every model, and of acting on everybody, at every usable horizon.

    Returns
    -------
    DataFrame
        `model`, `data`, `horizon_months`, `threshold`; `value`, `low`, `high`: net benefit per patient;
        `gain`, `gain_low`, `gain_high`: less that of the better of acting on everybody and on nobody;
        `difference`, `difference_low`, `difference_high`: less that of `reference`, NaN without one.
        Intervals are percentiles over the same resampled patients for all; repeats of cross-validation
        are averaged. See ``pipeline.metrics.net_benefit``.
    """
    thresholds, level = analysis.decision.thresholds, analysis.bootstrap.level
    parts = []
    for predictions, child in zip(judged, rng.spawn(len(judged)), strict=True):
        weights = resamples(len(predictions.y), analysis.bootstrap.replicates, child)
        for horizon in (h for h in analysis.horizons_months if not unusable(predictions.y, h)):
            benefit = partial(
                net_benefit, predictions.y, horizon_months=horizon, thresholds=thresholds, weights=weights
            )
            risks = {EVERYBODY: [np.ones(len(predictions.y))]}
            risks |= {m: [1 - p.at(horizon) for p in repeats] for m, repeats in predictions.models.items()}
            flat = [risk for repeats in risks.values() for risk in repeats]
            with ThreadPoolExecutor(WORKERS) as pool:
                each = iter(list(pool.map(benefit, flat)))
            found = {m: np.mean([next(each) for _ in repeats], axis=0) for m, repeats in risks.items()}
            default = np.maximum(found[EVERYBODY], 0.0)
            for model, values in found.items():
                other = found.get(reference or "", np.full_like(values, np.nan))
                parts.append(pd.DataFrame({
                    "model": model, "data": predictions.data,
                    "horizon_months": horizon, "threshold": thresholds,
                    **_estimate("value", values, level), **_estimate("gain", values - default, level),
                    **_estimate("difference", values - other, level),
                }))  # fmt: skip
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _estimate(name: str, values: Floats, level: float) -> dict[str, Floats]:
    prefix = "" if name == "value" else f"{name}_"
    low, high = interval(values[:, 1:].T, level)
    return {name: values[:, 0], f"{prefix}low": low, f"{prefix}high": high}
