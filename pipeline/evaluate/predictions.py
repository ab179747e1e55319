"""Predictions for patients a model has not seen: out of fold, or of another cohort."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.config import Analysis
from pipeline.evaluate.horizons import check_endpoint, prediction_months
from pipeline.metrics.contract import Outcome
from pipeline.models import ModelContext, SurvivalModel, build_model, null_prediction
from pipeline.schema import Cohort, Floats, InputError, Prediction, Progress, outcome, silent
from pipeline.split import Fold, folds

CROSS_VALIDATION, EXTERNAL = "cross-validation", "external"
NULL = ""  # the Kaplan-Meier curve of the training rows, among models


@dataclass(frozen=True)
class Predictions:
    """Predictions of several models for the patients of one cohort, none of whom they were trained on.

    Attributes
    ----------
    data : {"cross-validation", "external"}
    cohort : Cohort
        Its rows are those of every prediction.
    y : structured array, shape (n,)
    models : dict of tuple of Prediction
        For each model one prediction a repeat (an external cohort has one).
    null : tuple of Prediction
        The Kaplan-Meier curve of the same training rows, one a repeat.
    fold : array of int, shape (repeats, n)
        Patients with the same number were predicted by the same fitted model.
    parameters : DataFrame
        `model`, `repeat`, `fold`, `parameter`, `value`: what each fit chose.
    """

    data: str
    cohort: Cohort
    y: Outcome
    models: Mapping[str, tuple[Prediction, ...]]
    null: tuple[Prediction, ...]
    fold: NDArray[np.intp]
    parameters: pd.DataFrame = field(default_factory=pd.DataFrame)


@dataclass(frozen=True)
class OutOfFold:
    """Predictions of every model in every repeat, filled fold by fold.

    Attributes
    ----------
    risk : dict of array, shape (repeats, n)
        By model; NaN until filled.
    months : array, shape (m,)
    survival : dict of array, shape (repeats, n, m)
    fold : array of int, shape (repeats, n)
        Who predicted whom.
    """

    risk: dict[str, Floats]
    months: Floats
    survival: dict[str, Floats]
    fold: NDArray[np.intp]

    @classmethod
    def of(cls, names: Iterable[str], repeats: int, patients: int, months: Floats) -> OutOfFold:
        """Return what is to be filled for the models called `names`."""
        shape = (repeats, patients)
        names = list(names)
        risk = {name: np.full(shape, np.nan) for name in names}
        survival = {name: np.full((*shape, len(months)), np.nan) for name in names}
        return cls(risk, months, survival, np.zeros(shape, dtype=np.intp))

    def put(self, name: str, part: Fold, rows: NDArray[np.intp], prediction: Prediction) -> None:
        """Fill in what a model that had not seen the patients of `rows` predicts for them."""
        self.risk[name][part.repeat, rows] = prediction.risk
        self.survival[name][part.repeat, rows] = prediction.survival
        self.fold[part.repeat, rows] = part.fold

    def whole(self, name: str) -> tuple[Prediction, ...]:
        """Return one prediction a repeat."""
        pairs = zip(self.risk[name], self.survival[name], strict=True)
        return tuple(Prediction(risk, self.months, survival) for risk, survival in pairs)


def model_context(cohort: Cohort, analysis: Analysis) -> ModelContext:
    """Return what models may know of the training cohort.

    Raises
    ------
    InputError
        When the cohort lacks the endpoint, or a feature that the analysis names.
    """
    check_endpoint(analysis, cohort)
    baseline = cohort.names("baseline")
    chosen = baseline if analysis.features is None else list(analysis.features)
    unknown = [name for name in chosen if name not in baseline]
    if unknown:
        raise InputError(
            f"features: cohort {cohort.name!r} has no baseline column {', '.join(map(repr, unknown))}; "
            f"it has {', '.join(baseline)}"
        )
    return ModelContext(
        columns=tuple(c for c in cohort.columns if c.name in chosen or c.role == "arm"),
        endpoint=analysis.endpoint,
        horizons_months=analysis.horizons_months,
        max_months=float(outcome(cohort.observed, analysis.endpoint)["time"].max(initial=0.0)),
        truths=() if cohort.truth is None else (cohort.truth,),
        control_arm=cohort.control_arm,
        measured=cohort.columns,
    )


def build_models(
    cohort: Cohort, analysis: Analysis, progress: Progress = silent
) -> dict[str, SurvivalModel]:
    """Return every unfitted model the analysis names, or one InputError with all that is wrong."""
    context = replace(model_context(cohort, analysis), progress=progress)
    built, faults = {}, []
    for name, options in analysis.models.items():
        try:
            built[name] = build_model(name, context, options)
        except InputError as error:
            faults.append(str(error))
    if faults:
        raise InputError("; ".join(faults))
    return built


def fit_models(
    cohort: Cohort, analysis: Analysis, rng: np.random.Generator, progress: Progress = silent
) -> dict[str, SurvivalModel]:
    """Fit every model of the analysis on the whole cohort."""
    y = outcome(cohort.observed, analysis.endpoint)
    built = build_models(cohort, analysis, progress)
    fitted = {}
    for done, ((name, model), child) in enumerate(zip(built.items(), rng.spawn(len(built)), strict=True), 1):
        fitted[name] = model.fit(cohort.observed, y, child)
        progress("fit", done, len(built))
    return fitted


def validation_folds(cohort: Cohort, analysis: Analysis, rng: np.random.Generator) -> list[Fold]:
    """Return the folds of the analysis's cross-validation."""
    split = analysis.cross_validation
    return folds(cohort, analysis.endpoint, split.folds, split.repeats, rng, split.by)


def cross_validate(
    cohort: Cohort, analysis: Analysis, rng: np.random.Generator, progress: Progress = silent
) -> Predictions:
    """Predict every patient by models trained without them, once a repeat.

    Features, penalties and curves are learnt, and whatever a model tunes is tuned, anew in the training rows
    of each fold: the cross-validation is nested. Draws depend on the generator, the folds and the order of
    the models alone.
    """
    split = analysis.cross_validation
    folds_rng, models_rng = rng.spawn(2)
    parts = validation_folds(cohort, analysis, folds_rng)
    y = outcome(cohort.observed, analysis.endpoint)
    months = prediction_months(analysis)
    names = list(analysis.models)
    found = OutOfFold.of([*names, NULL], split.repeats, len(cohort), months)
    chosen: list[tuple[Any, ...]] = []
    for done, (part, child) in enumerate(zip(parts, models_rng.spawn(len(parts)), strict=True)):
        train = cohort.take(part.train)
        rows = cohort.observed.index.get_indexer(part.test)
        y_train = outcome(train.observed, analysis.endpoint)
        test = cohort.observed.loc[part.test]
        found.put(NULL, part, rows, null_prediction(y_train["time"], y_train["event"], len(rows), months))
        models = build_models(train, analysis, progress)
        for position, (name, draws) in enumerate(zip(names, child.spawn(len(names)), strict=True), 1):
            model = models[name].fit(train.observed, y_train, draws)
            found.put(name, part, rows, model.predict(test, months))
            chosen += [
                (name, part.repeat, part.fold, key, value) for key, value in model.parameters().items()
            ]
            progress(CROSS_VALIDATION, done * len(names) + position, len(parts) * len(names))

    columns = ["model", "repeat", "fold", "parameter", "value"]
    return Predictions(
        CROSS_VALIDATION,
        cohort,
        y,
        {name: found.whole(name) for name in names},
        found.whole(NULL),
        found.fold,
        pd.DataFrame(chosen, columns=columns),
    )


def external(
    models: Mapping[str, SurvivalModel], train: Cohort, test: Cohort, analysis: Analysis
) -> Predictions:
    """Predict the patients of `test` by models fitted on all of `train`."""
    months = prediction_months(analysis)
    y_train = outcome(train.observed, analysis.endpoint)
    truths = () if test.truth is None else (test.truth,)
    return Predictions(
        EXTERNAL,
        test,
        outcome(test.observed, analysis.endpoint),
        {name: (model.with_truths(truths).predict(test.observed, months),) for name, model in models.items()},
        (null_prediction(y_train["time"], y_train["event"], len(test), months),),
        np.zeros((1, len(test)), dtype=np.intp),
    )
