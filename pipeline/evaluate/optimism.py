"""How much better models look on the patients they learnt from, by refitting them on resamples."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from pipeline.config import Analysis
from pipeline.evaluate.horizons import prediction_months
from pipeline.evaluate.predictions import build_models
from pipeline.metrics import METRICS
from pipeline.metrics.brier import no_information_brier
from pipeline.metrics.contract import Outcome
from pipeline.models import null_prediction
from pipeline.schema import Cohort, Floats, Prediction, Progress, outcome, silent

OUTSIDE = 0.632  # chance that a resample holds a given patient
COLUMNS = [
    "model", "metric", "horizon_months", "replicates", "apparent", "optimism", "corrected", "out_of_bag",
    "no_information", "overfitting", "corrected_632_plus",
]  # fmt: skip


def optimism_table(
    cohort: Cohort, analysis: Analysis, rng: np.random.Generator, progress: Progress = silent
) -> pd.DataFrame:
    """Fit every model on resampled patients and return what its apparent scores owe to having seen them.

    Everything that is learnt or tuned is learnt anew in each resample. `optimism` is the mean difference
    between a refitted model's score on its own resample and on the cohort, and `corrected` the apparent
    score less it (Harrell, Lee and Mark, Stat Med 1996;15:361). `corrected_632_plus` weighs the apparent
    score and the score on patients outside the resamples, the more the latter the more a model overfits
    (Efron and Tibshirani, J Am Stat Assoc 1997;92:548); it is given for concordances, AUC and Brier scores.
    A model that learns patients by heart, as a forest does, knows most of the cohort from its resample, so
    the simple correction is too small for it. The oracle fits nothing and is left out. Assumes patients
    independent of one another.

    Returns
    -------
    DataFrame
        `model`, `metric`, `horizon_months`, `replicates`, `apparent`, `optimism`, `corrected`, `out_of_bag`,
        `no_information`, `overfitting` (0 to 1), `corrected_632_plus`.
    """
    spec = analysis.optimism
    if spec is None:
        return pd.DataFrame(columns=COLUMNS)
    learners = {name: o for name, o in analysis.models.items() if name != "oracle"}
    analysis = analysis.model_copy(update={"models": learners})
    wanted = [
        (name, h)
        for name in spec.metrics
        for h in (analysis.horizons_months if METRICS[name].by_horizon else (None,))
    ]
    y = outcome(cohort.observed, analysis.endpoint)
    children = rng.spawn(spec.replicates + 1)
    whole = _fitted(cohort, np.arange(len(cohort)), analysis, children[0])
    apparent = {model: _scores(p, y, _null(y, y, analysis), wanted) for model, p in whole.items()}
    optimism = {model: np.full((spec.replicates, len(wanted)), np.nan) for model in learners}
    outside = {model: np.full((spec.replicates, len(wanted)), np.nan) for model in learners}
    for k, child in enumerate(children[1:]):
        rows = np.sort(child.integers(len(cohort), size=len(cohort)))
        left = np.setdiff1d(np.arange(len(cohort)), rows)
        for model, predicted in _fitted(cohort, rows, analysis, child).items():
            own, all_of_it, unseen = (
                _scores(predicted.take(part), y[part], _null(y[rows], y[part], analysis), wanted)
                for part in (rows, np.arange(len(cohort)), left)
            )
            optimism[model][k], outside[model][k] = own - all_of_it, unseen
        progress("optimism", k + 1, spec.replicates)
    lines = []
    for model in learners:
        for j, (name, horizon) in enumerate(wanted):
            seen, by = float(apparent[model][j]), float(np.nanmean(optimism[model][:, j]))
            unseen_mean = float(np.nanmean(outside[model][:, j]))
            nothing = _no_information(name, horizon, y, whole[model])
            plus = _632_plus(name, seen, unseen_mean, nothing)
            at = np.nan if horizon is None else horizon
            lines.append((model, name, at, spec.replicates, seen, by, seen - by, unseen_mean, nothing, *plus))
    return pd.DataFrame(lines, columns=COLUMNS)


def _fitted(cohort: Cohort, rows: Any, analysis: Analysis, rng: np.random.Generator) -> dict[str, Prediction]:
    """Fit every model on `rows` (patients may stand twice) and predict the whole cohort."""
    months = prediction_months(analysis)
    frame = cohort.observed.iloc[rows].reset_index(drop=True).rename_axis("patient")
    resampled = replace(cohort, observed=frame, truth=None, visits=None, events=None)
    y = outcome(frame, analysis.endpoint)
    built = build_models(resampled, analysis)
    return {
        name: model.fit(frame, y, child).predict(cohort.observed, months)
        for (name, model), child in zip(built.items(), rng.spawn(len(built)), strict=True)
    }


def _null(train: Outcome, test: Outcome, analysis: Analysis) -> Prediction:
    return null_prediction(train["time"], train["event"], len(test), prediction_months(analysis))


def _scores(
    prediction: Prediction, y: Outcome, null: Prediction, wanted: list[tuple[str, float | None]]
) -> Floats:
    return np.array([METRICS[name](y, prediction, null, horizon)[0] for name, horizon in wanted])


def _no_information(name: str, horizon: float | None, y: Outcome, prediction: Prediction) -> float:
    """Return the score of predictions that have nothing to do with the patients; NaN where not known."""
    if METRICS[name].chance == 0.5:
        return 0.5
    if name == "brier" and horizon is not None:
        return float(no_information_brier(y, np.array([horizon]), prediction.at(horizon)[:, None])[0])
    if name == "ibs":
        months = prediction.months
        scores = no_information_brier(y, months, prediction.survival)
        return float(np.trapezoid(scores, months) / (months[-1] - months[0]))
    return np.nan


def _632_plus(name: str, apparent: float, outside: float, nothing: float) -> tuple[float, float]:
    """Relative overfitting and the corrected score, computed as errors: the lower the better."""
    higher = METRICS[name].better == "higher"
    seen, unseen, none = (1 - v if higher else v for v in (apparent, outside, nothing))
    if not np.isfinite(none):
        return np.nan, np.nan
    unseen = min(unseen, none)
    overfitting = (unseen - seen) / (none - seen) if seen < unseen and seen < none else 0.0
    weight = OUTSIDE / (1 - (1 - OUTSIDE) * overfitting)
    corrected = (1 - weight) * seen + weight * unseen
    return overfitting, 1 - corrected if higher else corrected
