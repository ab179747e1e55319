"""What each modality adds: every combination of them trained and tested, and whole ones missing at test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from typing import Final

import numpy as np
import pandas as pd

from pipeline.config import Analysis
from pipeline.evaluate import Predictions, differences, external, fit_models, judge, score
from pipeline.schema import Cohort, InputError, Progress, silent

ALL: Final = "all"


def ablation(
    train: Cohort,
    test: Cohort,
    analysis: Analysis,
    model: str,
    rng: np.random.Generator,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Judge `model` with every combination of modalities, and with whole modalities missing at test.

    `trained on` rows fit the model with the columns of these modalities only. `known at test` rows use the
    model fitted with all columns, on patients of whom only these modalities are known. Both cohorts must
    have been aligned. Differences to the model with everything are paired: the same resamples.

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
    by_modality: dict[str, list[str]] = {}
    for column in train.columns:
        if column.role == "baseline":
            by_modality.setdefault(column.modality or "other", []).append(column.name)
    names = sorted(by_modality)
    if len(names) < 2:
        raise InputError(
            f"modalities: the cohorts share columns of {names[0]!r} only; an ablation needs two modalities"
        )
    everything = [c for name in names for c in by_modality[name]]
    only = analysis.model_copy(
        update={"models": {model: analysis.models[model]}, "features": tuple(everything)}
    )
    fit_rng, judge_rng = rng.spawn(2)
    parts = [part for size in range(1, len(names)) for part in combinations(names, size)]
    children = fit_rng.spawn(len(parts) + 1)
    full = fit_models(train, only, children[-1])
    base = external(full, train, test, only)
    found = {ALL: base.models[model]}
    sizes: dict[str, tuple[str, str, int]] = {ALL: ("trained on", " + ".join(names), len(everything))}
    for done, (part, child) in enumerate(zip(parts, children, strict=False), start=1):
        columns = [c for name in part for c in by_modality[name]]
        fitted = fit_models(train, only.model_copy(update={"features": tuple(columns)}), child)
        label = " + ".join(part)
        found[f"trained on {label}"] = external(fitted, train, test, only).models[model]
        sizes[f"trained on {label}"] = ("trained on", label, len(columns))
        hidden = _without(test, [c for c in everything if c not in columns])
        found[f"known at test {label}"] = external(full, train, hidden, only).models[model]
        sizes[f"known at test {label}"] = ("known at test", label, len(columns))
        progress("ablation", done, len(parts))
    return _table(replace(base, models=found), only, sizes, judge_rng)


def _without(cohort: Cohort, columns: list[str]) -> Cohort:
    frame = cohort.observed.copy()
    for name in columns:
        frame[name] = frame[name].mask(np.ones(len(frame), dtype=bool))
    return replace(cohort, observed=frame)


def _table(
    predictions: Predictions,
    analysis: Analysis,
    sizes: Mapping[str, tuple[str, str, int]],
    rng: np.random.Generator,
) -> pd.DataFrame:
    judgement = judge([predictions], analysis.model_copy(update={"subgroups": ()}), rng)
    keys = ["model", "metric", "horizon_months"]
    against = differences(judgement, ALL)[[*keys, "value", "low", "high"]].rename(
        columns={"value": "difference", "low": "difference_low", "high": "difference_high"}
    )
    table = score(judgement).merge(against, on=keys, how="left")
    what = pd.DataFrame([sizes[m] for m in table["model"]], columns=["use", "modalities", "columns"])
    return pd.concat(
        [what, table[["metric", "horizon_months", "value", "low", "high", *against.columns[3:]]]], axis=1
    )
