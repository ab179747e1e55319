"""What each modality adds: every combination of them trained and tested, and whole ones missing at test."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Final

import numpy as np
import pandas as pd

from pipeline.config import Analysis
from pipeline.evaluate.differences import differences
from pipeline.evaluate.horizons import prediction_months
from pipeline.evaluate.predictions import (
    CROSS_VALIDATION,
    EXTERNAL,
    NULL,
    OutOfFold,
    Predictions,
    fit_models,
    validation_folds,
)
from pipeline.evaluate.scoring import judge, score
from pipeline.models import null_prediction
from pipeline.schema import Cohort, InputError, Progress, outcome, silent
from pipeline.split import Fold

ALL: Final = "all"
TRAINED, KNOWN = "trained on", "known at test"


def modality_columns(cohort: Cohort, analysis: Analysis) -> dict[str, list[str]]:
    """Return the baseline columns that the analysis uses, by modality in alphabetical order.

    Raises
    ------
    InputError
        When they are of fewer than two modalities.
    """
    found: dict[str, list[str]] = {}
    for column in cohort.columns:
        used = analysis.features is None or column.name in analysis.features
        if column.role == "baseline" and used:
            found.setdefault(column.modality or "other", []).append(column.name)
    if len(found) < 2:
        raise InputError(
            f"modalities: cohort {cohort.name!r} has columns of {next(iter(found), 'none')!r} only; "
            "an ablation needs two modalities"
        )
    return dict(sorted(found.items()))


def ablation(
    train: Cohort,
    test: Cohort | None,
    analysis: Analysis,
    model: str,
    rng: np.random.Generator,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Judge `model` with every combination of modalities, and with whole modalities missing at test.

    `trained on` rows fit the model with the columns of these modalities only. `known at test` rows use the
    model fitted with all columns, on patients of whom only these modalities are known. Arms are always known.
    Judged are the patients of `test`; without one, those of `train`, each by models of the other folds of the
    analysis's cross-validation. Differences to the model with everything are paired: the same resamples.

    Returns
    -------
    DataFrame
        `use` ("trained on", "known at test"), `modalities`, `columns` (how many), `metric`,
        `horizon_months`, `value`, `low`, `high`, `difference`, `difference_low`, `difference_high`.

    Raises
    ------
    InputError
        When the columns are of fewer than two modalities.
    """
    by_modality = modality_columns(train, analysis)
    everything = [c for columns in by_modality.values() for c in columns]
    only = analysis.model_copy(
        update={"models": {model: analysis.models[model]}, "features": tuple(everything), "subgroups": ()}
    )
    folds_rng, fit_rng, judge_rng = rng.spawn(3)
    judged = train if test is None else test
    if test is None:
        data, parts = CROSS_VALIDATION, validation_folds(train, only, folds_rng)
    else:
        data, parts = EXTERNAL, [Fold(0, 0, train.observed.index, test.observed.index)]
    chosen = {
        " + ".join(part): [c for name in part for c in by_modality[name]]
        for size in range(1, len(by_modality))
        for part in combinations(by_modality, size)
    }
    names = [f"{use} {label}" for label in chosen for use in (TRAINED, KNOWN)]
    months = prediction_months(only)
    found = OutOfFold.of(
        [ALL, NULL, *names], 1 + max(part.repeat for part in parts), len(judged), months
    )  # fmt: skip
    for done, (part, child) in enumerate(zip(parts, fit_rng.spawn(len(parts)), strict=True)):
        learnt = train.take(part.train)
        y = outcome(learnt.observed, only.endpoint)
        seen = judged.observed.loc[part.test]
        rows = judged.observed.index.get_indexer(part.test)
        whole, *draws = child.spawn(1 + len(chosen))
        full = fit_models(learnt, only, whole)[model]
        found.put(NULL, part, rows, null_prediction(y["time"], y["event"], len(rows), months))
        found.put(ALL, part, rows, full.predict(seen, months))
        for k, ((label, columns), draw) in enumerate(zip(chosen.items(), draws, strict=True), start=1):
            fitted = fit_models(learnt, only.model_copy(update={"features": tuple(columns)}), draw)[model]
            hidden = _without(seen, [c for c in everything if c not in columns])
            found.put(f"{TRAINED} {label}", part, rows, fitted.predict(seen, months))
            found.put(f"{KNOWN} {label}", part, rows, full.predict(hidden, months))
            progress("ablation", done * len(chosen) + k, len(parts) * len(chosen))
    sizes = {ALL: (TRAINED, " + ".join(by_modality), len(everything))}
    sizes |= {f"{use} {n}": (use, n, len(c)) for n, c in chosen.items() for use in (TRAINED, KNOWN)}
    predictions = Predictions(
        data,
        judged,
        outcome(judged.observed, only.endpoint),
        {name: found.whole(name) for name in sizes},
        found.whole(NULL),
        found.fold,
    )
    return _table(predictions, only, sizes, judge_rng)


def _without(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    frame = frame.copy()
    for name in columns:
        frame[name] = frame[name].mask(np.ones(len(frame), dtype=bool))
    return frame


def _table(
    predictions: Predictions,
    analysis: Analysis,
    sizes: Mapping[str, tuple[str, str, int]],
    rng: np.random.Generator,
) -> pd.DataFrame:
    judgement = judge([predictions], analysis, rng)
    keys = ["model", "metric", "horizon_months"]
    against = differences(judgement, ALL)[[*keys, "value", "low", "high"]].rename(
        columns={"value": "difference", "low": "difference_low", "high": "difference_high"}
    )
    table = score(judgement).merge(against, on=keys, how="left")
    what = pd.DataFrame([sizes[m] for m in table["model"]], columns=["use", "modalities", "columns"])
    return pd.concat(
        [what, table[["metric", "horizon_months", "value", "low", "high", *against.columns[3:]]]], axis=1
    )


def ablation_table(
    train: Cohort,
    test: Cohort | None,
    analysis: Analysis,
    rng: np.random.Generator,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Return the ablation that the analysis asks for; an empty table when it asks for none."""
    spec = analysis.ablation
    if spec is None:
        return pd.DataFrame(columns=["use", "modalities", "columns", "metric", "horizon_months", "value"])
    judged = analysis.model_copy(update={"metrics": spec.metrics})
    return ablation(train, test, judged, spec.model, rng, progress)
