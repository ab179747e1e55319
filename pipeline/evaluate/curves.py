"""Tables behind the calibration and ROC figures."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd

from pipeline.config import Analysis
from pipeline.evaluate.horizons import unusable
from pipeline.evaluate.predictions import Predictions
from pipeline.evaluate.scoring import WORKERS
from pipeline.metrics import calibration_curve, resamples, roc_curve_at
from pipeline.schema import Floats

ROC_POINTS = 400  # most points of one curve that a figure can show


def calibration_table(
    judged: Sequence[Predictions], analysis: Analysis, rng: np.random.Generator
) -> pd.DataFrame:
    """Return `calibration_curve` of every model at every usable horizon.

    Columns `model`, `data` and `horizon_months` come before those of the curve, whose
    bands are over the same resamples for all. Of cross-validation, the first repeat is shown.
    """
    tasks = []
    for predictions, child in zip(judged, rng.spawn(len(judged)), strict=True):
        weights = resamples(len(predictions.y), analysis.bootstrap.replicates, child)
        tasks += [
            (predictions, weights, model, horizon)
            for horizon in analysis.horizons_months
            if not unusable(predictions.y, horizon)
            for model in predictions.models
        ]

    def curve_of(task: tuple[Predictions, Floats, str, float]) -> pd.DataFrame:
        predictions, weights, model, horizon = task
        prediction = predictions.models[model][0]
        curve = calibration_curve(predictions.y, prediction, horizon, weights, analysis.bootstrap.level)
        return _label(curve, predictions, model, horizon)

    with ThreadPoolExecutor(WORKERS) as pool:
        parts = list(pool.map(curve_of, tasks))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def roc_table(judged: Sequence[Predictions], analysis: Analysis) -> pd.DataFrame:
    """Return `roc_curve_at` of every model at every usable horizon.

    Columns `model`, `data` and `horizon_months` come before those of the curve. Of
    cross-validation, the first repeat is shown: its curve compares patients of different folds, the AUC
    in the scores only those of one fold.
    """
    parts = []
    for predictions in judged:
        for horizon in (h for h in analysis.horizons_months if not unusable(predictions.y, h)):
            for model, repeats in predictions.models.items():
                curve = roc_curve_at(predictions.y, repeats[0], horizon)
                if len(curve) > ROC_POINTS:
                    kept = np.unique(np.linspace(0, len(curve) - 1, ROC_POINTS).round().astype(int))
                    curve = curve.iloc[kept]
                parts.append(_label(curve, predictions, model, horizon))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _label(curve: pd.DataFrame, predictions: Predictions, model: str, horizon: float) -> pd.DataFrame:
    columns = {"model": model, "data": predictions.data, "horizon_months": horizon}
    return pd.DataFrame({name: [value] * len(curve) for name, value in columns.items()}).join(
        curve.reset_index(drop=True)
    )
