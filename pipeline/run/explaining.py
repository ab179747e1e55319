"""Tables of explanations: what each model's predictions rest on, for which patients, and how rightly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, get_args

import numpy as np
import pandas as pd

from pipeline.config import Analysis
from pipeline.explain import (
    Agreement,
    Attribution,
    agreement_with_truth,
    beeswarm_table,
    choose_patients,
    dependence,
    explain,
    explain_effect,
    importance,
    told,
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
    models: Mapping[str, SurvivalModel],
    attributions: Mapping[str, Attribution],
    train: Cohort,
    explained: Cohort,
    analysis: Analysis,
    rng: np.random.Generator,
) -> dict[str, pd.DataFrame]:
    """Return importance, beeswarm, dependence, waterfalls, the contributions, and agreement with the truth.

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
        frame = explained.observed.loc[full.patients]
        add("dependence", dependence(models[name], full, frame, at).assign(model=name))
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
        for agreement in _agreements(models[name], full, train, explained, analysis):
            add("agreement_columns", agreement.columns)
            add("agreement_summary", agreement.summary)
    return {name: pd.concat(parts, ignore_index=True) for name, parts in collected.items()}


def _agreements(
    model: SurvivalModel, full: Attribution, train: Cohort, explained: Cohort, analysis: Analysis
) -> Iterator[Agreement]:
    """Yield how far predictions, and what the model expects of treatment, rest on what truly acts."""
    truth, endpoint = explained.truth, analysis.endpoint
    if truth is None:
        return
    candidates = explained.names("baseline")
    if told(truth, endpoint):
        yield agreement_with_truth(full, truth, endpoint, "contribution", candidates)
    if told(truth, endpoint, "modification") and train.control_arm is not None:
        effect = explain_effect(
            model,
            explained.observed.loc[full.patients],
            train.observed,
            explained_months(analysis),
            explained.columns,
            (train.control_arm, treated_arm(truth, train.control_arm)),
            scale=analysis.explanation.forest_scale,
        )
        yield agreement_with_truth(effect, truth, endpoint, "modification", candidates)


def treated_arm(truth: Truth, control: str) -> str:
    """Return the arm whose effect over `control` varies most between patients: the one that is modified."""
    at = truth.patients[f"os_log_hazard[{control}]"]
    others = [arm for arm in truth.arms if arm != control]
    return max(others, key=lambda arm: float((truth.patients[f"os_log_hazard[{arm}]"] - at).std()))
