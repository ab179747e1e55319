"""Tables of explanations: what each model's predictions rest on, for which patients, and how rightly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, get_args

import numpy as np
import pandas as pd

from pipeline.config import Analysis
from pipeline.explain import (
    Attribution,
    agreement_with_truth,
    beeswarm_table,
    choose_patients,
    explain,
    importance,
    waterfall_table,
)
from pipeline.explain.attribution import Level
from pipeline.models import SurvivalModel
from pipeline.run.streams import stage_generator
from pipeline.schema import Cohort, Progress, Truth, silent

LEVELS: Final[tuple[Level, ...]] = get_args(Level)


def explained_months(analysis: Analysis) -> tuple[float, ...]:
    """Return the horizons that are explained: those of the analysis and the one asked for."""
    return tuple(sorted({*analysis.horizons_months, analysis.explanation.horizon_months}))


def explain_models(
    models: Mapping[str, SurvivalModel],
    train: Cohort,
    explained: Cohort,
    analysis: Analysis,
    rng: np.random.Generator,
    progress: Progress = silent,
) -> dict[str, Attribution]:
    """Explain every model that has an exact explanation, on patients drawn from `explained`.

    Raises
    ------
    AdditivityError
        When contributions do not add up to the prediction; the run stops.
    """
    chosen = [name for name, model in models.items() if model.explainable]
    count = min(analysis.explanation.patients, len(explained))
    rows = np.sort(rng.choice(len(explained), size=count, replace=False))
    frame = explained.observed.iloc[rows]
    spec = analysis.explanation
    drawn = min(spec.background, len(train))
    background = stage_generator(rng, "background").choice(len(train), size=drawn, replace=False)
    attributions = {}
    for done, name in enumerate(chosen, start=1):
        attributions[name] = explain(
            models[name],
            frame,
            train.observed,
            explained_months(analysis),
            explained.columns,
            scale=spec.forest_scale,
            filled_from=train.observed.iloc[np.sort(background)] if drawn else None,
        )
        progress("explain", done, len(chosen))
    return attributions


def explanation_tables(
    attributions: Mapping[str, Attribution],
    explained: Cohort,
    analysis: Analysis,
    rng: np.random.Generator,
) -> dict[str, pd.DataFrame]:
    """Return importance, beeswarm, waterfalls, the contributions themselves and agreement with the truth.

    Patients are numbered by their row in the explained cohort, never by identifier.
    """
    months, spec = analysis.explanation.horizon_months, analysis.bootstrap
    collected: dict[str, list[pd.DataFrame]] = {}

    def add(table: str, part: pd.DataFrame) -> None:
        collected.setdefault(table, []).append(part)

    for name, full in attributions.items():
        at = None if np.isnan(full.months).all() else months
        position = explained.observed.index.get_indexer(full.patients)
        for level in LEVELS:
            draws = stage_generator(rng, f"importance {name} {level}")
            add("importance", importance(full, draws, level, spec.replicates, spec.level))
        add("beeswarm", beeswarm_table(full, at).assign(model=name))
        risk = full.scale.risk_sign * full.prediction[:, full.position(at)]
        for story in choose_patients(risk, analysis.explanation.waterfalls).to_dict("records"):
            part = waterfall_table(full, int(story["position"]), at)
            add(
                "waterfalls",
                part.assign(model=name, role=story["role"], row=position[int(story["position"])]),
            )
        row_of = dict(zip(full.patients, position, strict=True))
        tidy = full.tidy()
        add(
            "contributions",
            tidy.assign(patient=tidy["patient"].map(row_of)).rename(columns={"patient": "row"}),
        )
        if explained.truth is not None and _told(explained.truth, analysis.endpoint):
            agreement = agreement_with_truth(full, explained.truth, analysis.endpoint)
            add("agreement_columns", agreement.columns)
            add("agreement_summary", agreement.summary)
    return {name: pd.concat(parts, ignore_index=True) for name, parts in collected.items()}


def _told(truth: Truth, endpoint: str) -> bool:
    """Whether a truth records what each marker contributed."""
    return any(str(name).startswith(f"{endpoint}_contribution[") for name in truth.patients)
