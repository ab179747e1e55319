"""Dynamic models judged at every landmark on patients they have not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from pipeline.config import Analysis
from pipeline.dynamic.contract import DynamicAnalysis, DynamicModel
from pipeline.dynamic.registry import build_dynamic
from pipeline.dynamic.stack import Stack, stack_landmarks
from pipeline.evaluate import Predictions
from pipeline.evaluate.horizons import prediction_months
from pipeline.evaluate.predictions import CROSS_VALIDATION, EXTERNAL, NULL, OutOfFold
from pipeline.landmark import LandmarkFeatures, at_risk, landmark_cohort
from pipeline.metrics import METRICS
from pipeline.models import null_prediction
from pipeline.schema import Cohort, Floats, InputError, Prediction, Progress, outcome, silent
from pipeline.split import folds

BASELINE: Final = "baseline_cox"
REFERENCE: Final = "reference"  # the supermodel that learnt from many more drawn patients


@dataclass(frozen=True)
class FittedDynamic:
    """Models fitted on one cohort, and the features they were fitted with."""

    models: Mapping[str, DynamicModel]
    features: LandmarkFeatures | None
    train: Cohort


def judging_analysis(analysis: DynamicAnalysis) -> Analysis:
    """Return the settings by which `pipeline.evaluate.judge` judges each landmark."""
    return Analysis(
        endpoint=analysis.endpoint,
        horizons_months=analysis.horizons_months,
        metrics=analysis.metrics,
        subgroups=(),
        bootstrap=analysis.bootstrap,
    )


def check_names(analysis: DynamicAnalysis) -> None:
    """Raise an InputError naming every model, option and metric that does not exist; needs no cohort."""
    faults = []
    unknown = [name for name in analysis.metrics if name not in METRICS]
    if unknown:
        faults.append(f"metrics: unknown {', '.join(map(repr, unknown))}; known: {', '.join(METRICS)}")
    try:
        for model in build_dynamic(analysis.models).values():
            faults += model.refusals(analysis)
    except InputError as error:
        faults.append(str(error))
    if faults:
        raise InputError("; ".join(faults))


def landmark_name(kind: str, months: float) -> str:
    """Return how predictions of one landmark are called, e.g. "external at 3 months"."""
    return f"{kind} at {months:g} months"


def fit_dynamic(
    cohort: Cohort, analysis: DynamicAnalysis, rng: np.random.Generator, progress: Progress = silent
) -> FittedDynamic:
    """Fit features and every model on the whole cohort."""
    models = build_dynamic(analysis.models)
    features = None
    if cohort.visits is not None:
        features = LandmarkFeatures().fit(cohort.visits, cohort.observed.index)
    stack = stacked(cohort, analysis, features)
    fitted = {}
    for done, ((name, model), child) in enumerate(
        zip(models.items(), rng.spawn(len(models)), strict=True), 1
    ):
        fitted[name] = model.fit(stack, child)
        progress("fit dynamic models", done, len(models))
    return FittedDynamic(fitted, features, cohort)


def stacked(cohort: Cohort, analysis: DynamicAnalysis, features: LandmarkFeatures | None) -> Stack:
    """Stack the cohort at the landmarks of the analysis."""
    return stack_landmarks(
        cohort, analysis.endpoint, analysis.landmarks_months, analysis.window_months, features
    )


def predict_landmarks(
    fitted: Mapping[str, FittedDynamic], test: Cohort, analysis: DynamicAnalysis
) -> list[Predictions]:
    """Predict the patients of `test` at each landmark; models of all `fitted` stand side by side.

    The first entry of `fitted` gives the Kaplan-Meier curve that scaled scores compare with.
    """
    months = prediction_months(judging_analysis(analysis))
    judged = []
    for landmark in reached(test, analysis):
        models: dict[str, tuple[Prediction, ...]] = {}
        for one in fitted.values():
            table = _table_at(test, analysis, landmark, one.features)
            models |= {name: (model.predict(table, months),) for name, model in one.models.items()}
        cohort = landmark_cohort(test, analysis.endpoint, landmark, next(iter(fitted.values())).features)
        null = _null(next(iter(fitted.values())).train, analysis, landmark, len(cohort), months)
        judged.append(
            Predictions(
                landmark_name(EXTERNAL, landmark),
                cohort,
                outcome(cohort.observed, analysis.endpoint),
                models,
                (null,),
                np.zeros((1, len(cohort)), dtype=np.intp),
            )
        )
    return judged


def cross_validate_landmarks(
    cohort: Cohort, analysis: DynamicAnalysis, rng: np.random.Generator, progress: Progress = silent
) -> list[Predictions]:
    """Predict every patient at each landmark by models that saw no visit of theirs, once a repeat."""
    split = analysis.cross_validation
    folds_rng, models_rng = rng.spawn(2)
    parts = folds(cohort, analysis.endpoint, split.folds, split.repeats, folds_rng)
    months = prediction_months(judging_analysis(analysis))
    landmarks = reached(cohort, analysis)
    index = {s: at_risk(cohort, analysis.endpoint, s) for s in landmarks}
    found = {
        s: OutOfFold.of([*analysis.models, NULL], split.repeats, len(index[s]), months) for s in landmarks
    }
    for done, (part, child) in enumerate(zip(parts, models_rng.spawn(len(parts)), strict=True), start=1):
        train, test = cohort.take(part.train), cohort.take(part.test)
        fitted = fit_dynamic(train, analysis, child)
        for landmark in landmarks:
            if not len(at_risk(test, analysis.endpoint, landmark)):
                continue
            table = _table_at(test, analysis, landmark, fitted.features)
            rows = index[landmark].get_indexer(table.index)
            for name, model in fitted.models.items():
                found[landmark].put(name, part, rows, model.predict(table, months))
            found[landmark].put(NULL, part, rows, _null(train, analysis, landmark, len(rows), months))
        progress(CROSS_VALIDATION, done, len(parts))

    judged = []
    for landmark in landmarks:
        at = landmark_cohort(cohort, analysis.endpoint, landmark)
        judged.append(
            Predictions(
                landmark_name(CROSS_VALIDATION, landmark),
                at,
                outcome(at.observed, analysis.endpoint),
                {name: found[landmark].whole(name) for name in analysis.models},
                found[landmark].whole(NULL),
                found[landmark].fold,
            )
        )
    return judged


def reached(cohort: Cohort, analysis: DynamicAnalysis) -> list[float]:
    """Return the landmarks at which somebody is at risk.

    Raises
    ------
    InputError
        When there is none.
    """
    found = [s for s in analysis.landmarks_months if len(at_risk(cohort, analysis.endpoint, s))]
    if not found:
        raise InputError(
            f"landmarks_months: nobody of cohort {cohort.name!r} is at risk at any of "
            f"{list(analysis.landmarks_months)} months"
        )
    return found


def risk_sets(judged: Sequence[Predictions], analysis: DynamicAnalysis) -> pd.DataFrame:
    """Return how many patients are at risk at each landmark and have the event within each horizon.

    Returns
    -------
    DataFrame
        `data`, `horizon_months`, `patients`, `events`.
    """
    rows = [
        (p.data, horizon, len(p.y), int((p.y["event"] & (p.y["time"] <= horizon)).sum()))
        for p in judged
        for horizon in analysis.horizons_months
    ]
    return pd.DataFrame(rows, columns=["data", "horizon_months", "patients", "events"])


def risk_over_time(judged: Sequence[Predictions], analysis: DynamicAnalysis) -> pd.DataFrame:
    """Return each patient's risk of the event within the first horizon, as it stands at each landmark.

    By models that had not seen the patient; repeats of cross-validation are averaged.

    Returns
    -------
    DataFrame
        `patient`, `landmark_months`, `model`, `risk`: the predicted probability of the event.
    """
    horizon = analysis.horizons_months[0]
    rows = []
    for predictions in judged:
        landmark = float(predictions.cohort.manifest["landmark_months"])
        for name, repeats in predictions.models.items():
            at = int(np.searchsorted(repeats[0].months, horizon - 1e-9))
            chance = 1 - np.mean([p.survival[:, at] for p in repeats], axis=0)
            patients = predictions.cohort.observed.index
            rows.append(
                pd.DataFrame(
                    {"patient": patients, "landmark_months": landmark, "model": name, "risk": chance}
                )
            )
    return pd.concat(rows, ignore_index=True)


def _table_at(
    cohort: Cohort, analysis: DynamicAnalysis, landmark: float, features: LandmarkFeatures | None
) -> pd.DataFrame:
    return stack_landmarks(cohort, analysis.endpoint, (landmark,), analysis.window_months, features).table


def _null(
    train: Cohort, analysis: DynamicAnalysis, landmark: float, patients: int, months: Floats
) -> Prediction:
    """Return the curve after the landmark of the training patients at risk then."""
    y = outcome(train.observed, analysis.endpoint)
    left = y["time"] > landmark
    return null_prediction(y["time"][left] - landmark, y["event"][left], patients, months)
