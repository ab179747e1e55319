"""Classifiers of objective response judged on patients they have not seen, beside rates and the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from pipeline.config import Analysis, ResponseAnalysis
from pipeline.evaluate import model_context
from pipeline.evaluate.predictions import CROSS_VALIDATION, EXTERNAL
from pipeline.models import ModelContext
from pipeline.response.classifiers import CalibratedClassifier, ResponseModel
from pipeline.response.outcome import Responses, known_responses
from pipeline.response.registry import BESIDE, build_classifier
from pipeline.response.tables import (
    SCORES,
    Predicted,
    calibration_table,
    patient_table,
    prediction_table,
    score_rows,
)
from pipeline.schema import Cohort, InputError, Progress, silent
from pipeline.split import Fold

STAGE: Final = "response"
RESPONDERS_A_FOLD: Final = 3


@dataclass(frozen=True)
class ResponseJudgement:
    """What was found about response.

    Attributes
    ----------
    tables : mapping of str to DataFrame
        `response_scores`, `response_calibration`, `response_predictions`, `response_patients`,
        `response_chosen`, `response_tuning`.
    models : mapping of str to CalibratedClassifier
        Fitted on the whole training cohort.
    parameters : mapping
        Of every model, what it chose on the whole training cohort.
    notes : tuple of str
    """

    tables: Mapping[str, pd.DataFrame]
    models: Mapping[str, CalibratedClassifier]
    parameters: Mapping[str, Mapping[str, Any]]
    notes: tuple[str, ...]


def check_response(analysis: Analysis, train: Cohort, external: Cohort | None = None) -> None:
    """Raise one InputError naming every reason why response cannot be analysed as asked.

    Unknown classifiers and options, cohorts that do not tell of response, too few patients with or without.
    """
    spec = analysis.response
    if spec is None:
        return
    faults = []
    context = model_context(train, analysis)
    for name, options in spec.models.items():
        try:
            build_classifier(name, context, options)
        except InputError as error:
            faults.append(f"response: {error}" if not str(error).startswith("response") else str(error))
    needed = RESPONDERS_A_FOLD * analysis.cross_validation.folds
    for cohort, least in ((train, needed), (external, 1)):
        if cohort is None:
            continue
        try:
            known = known_responses(cohort, spec.never_evaluated)
        except InputError as error:
            faults.append(str(error))
            continue
        counts = int(known.responded.sum()), int((~known.responded).sum())
        if min(counts) < least:
            faults.append(
                f"response: cohort {cohort.name!r}: {counts[0]} patients with and {counts[1]} without an "
                f"objective response are too few; at least {least} of each are needed"
            )
    if faults:
        raise InputError("; ".join(faults))


def judge_response(
    analysis: Analysis,
    train: Cohort,
    external: Cohort | None,
    parts: Sequence[Fold],
    rng: np.random.Generator,
    progress: Progress = silent,
) -> ResponseJudgement:
    """Cross-validate the classifiers, fit them on all training patients, and judge both.

    Features, settings and calibration are learnt anew from the training rows of every fold. Patients who were
    never evaluated are what `never_evaluated` of the analysis says, in training and in judging.

    Parameters
    ----------
    analysis : Analysis
        With `response`.
    train : Cohort
    external : Cohort, optional
        Patients that no fitting sees.
    parts : sequence of Fold
        Those of the survival models.
    rng : Generator
    progress : Progress, optional
    """
    spec = analysis.response
    assert spec is not None  # noqa: S101 - only asked of an analysis of response
    known = known_responses(train, spec.never_evaluated)
    context = replace(model_context(train, analysis), progress=progress)
    cohorts = [known] if external is None else [known, known_responses(external, spec.never_evaluated)]
    lacks = {name: _lacks(name, cohorts) for name in BESIDE}
    beside = [name for name, reason in lacks.items() if reason is None]
    steps = len(parts) + 1
    validation_rng, fit_rng, bootstrap_rng = rng.spawn(3)
    chosen: list[tuple[Any, ...]] = []
    predicted = [_validated(known, context, spec, beside, parts, validation_rng, chosen, progress, steps)]
    models = _fitted(known, context, spec, beside, fit_rng)
    progress(STAGE, steps, steps)
    if external is not None:
        other = cohorts[1]
        share = np.full((1, len(other.responded)), known.responded.mean())
        found = {name: model.probability(other.cohort)[None] for name, model in models.items()}
        predicted.append(Predicted(EXTERNAL, other, found, share, np.zeros(share.shape, dtype=np.intp)))
    scores = [
        row
        for judged, child in zip(predicted, bootstrap_rng.spawn(len(predicted)), strict=True)
        for row in score_rows(judged, analysis, train, child)
    ]
    classifiers = {name: m for name, m in models.items() if isinstance(m, CalibratedClassifier)}
    searches = {name: m.tuning.trials for name, m in classifiers.items() if m.tuning is not None}
    tables = {
        "response_scores": pd.DataFrame(scores, columns=SCORES),
        "response_calibration": pd.concat([calibration_table(p) for p in predicted], ignore_index=True),
        "response_predictions": pd.concat([prediction_table(p) for p in predicted], ignore_index=True),
        "response_patients": patient_table(predicted, train, external),
        "response_chosen": pd.DataFrame(
            chosen, columns=["model", "repeat", "fold", "parameter", "value"]
        ).astype({"value": str}),
    }
    if searches:
        parts_of = [t.assign(model=f"response_{name}") for name, t in searches.items()]
        tables["response_tuning"] = pd.concat(parts_of, ignore_index=True)
    gone = "; ".join(f"{name} ({reason})" for name, reason in lacks.items() if reason is not None)
    return ResponseJudgement(
        tables, classifiers, {name: m.parameters() for name, m in models.items()},
        (f"beside the classifiers of response is missing: {gone}",) if gone else (),
    )  # fmt: skip


def _lacks(name: str, cohorts: Sequence[Responses]) -> str | None:
    reasons = [BESIDE[name].lacks(known.cohort) for known in cohorts]
    return next((reason for reason in reasons if reason is not None), None)


def _fitted(
    known: Responses,
    context: ModelContext,
    spec: ResponseAnalysis,
    beside: Sequence[str],
    rng: np.random.Generator,
) -> dict[str, ResponseModel]:
    """Fit every classifier, and what stands beside them, on all patients of `known`."""
    built: dict[str, ResponseModel] = {
        name: build_classifier(name, context, options) for name, options in spec.models.items()
    }
    built |= {name: BESIDE[name].build(context) for name in beside}
    return {
        name: model.fit(known.cohort, known.responded, child)
        for (name, model), child in zip(built.items(), rng.spawn(len(built)), strict=True)
    }


def _validated(
    known: Responses,
    context: ModelContext,
    spec: ResponseAnalysis,
    beside: Sequence[str],
    parts: Sequence[Fold],
    rng: np.random.Generator,
    chosen: list[tuple[Any, ...]],
    progress: Progress,
    steps: int,
) -> Predicted:
    """Predict every patient by models trained without them, once a repeat; `chosen` takes what fits chose."""
    cohort, responded = known.cohort, known.responded
    patients = cohort.observed.index
    shape = (max(part.repeat for part in parts) + 1, len(patients))
    found = {name: np.full(shape, np.nan) for name in (*spec.models, *beside)}
    null, fold = np.full(shape, np.nan), np.zeros(shape, dtype=np.intp)
    for done, (part, child) in enumerate(zip(parts, rng.spawn(len(parts)), strict=True), start=1):
        inside, rows = patients.isin(part.train), np.flatnonzero(patients.isin(part.test))
        learnt = Responses(cohort.take(patients[inside]), responded[inside], 0)
        tested = cohort.take(patients[rows])
        for name, model in _fitted(learnt, context, spec, beside, child).items():
            found[name][part.repeat, rows] = model.probability(tested)
            chosen += [(name, part.repeat, part.fold, k, v) for k, v in model.parameters().items()]
        null[part.repeat, rows], fold[part.repeat, rows] = learnt.responded.mean(), part.fold
        progress(STAGE, done, steps)
    return Predicted(CROSS_VALIDATION, known, found, null, fold)
