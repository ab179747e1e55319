"""lungio dynamic: prediction updated at every visit, judged at each landmark beside baseline alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from experiments.cohorts import CohortSource, draw_or_read, resolve_cohort
from experiments.config import NAME_PATTERN, CohortChoice, ExternalChoice
from experiments.progress import StageProgress
from experiments.studies import Asked, keep_study, print_study, training_source
from pipeline.config import Spec
from pipeline.dynamic import DynamicAnalysis, check_names
from pipeline.mechanism import MechanismOptions
from pipeline.run.streams import stage_generator
from pipeline.schema import InputError

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console


class DynamicExperiment(Spec):
    """One dynamic study: cohorts, and how their serial measurements are used."""

    name: str = Field(pattern=NAME_PATTERN)
    seed: int = Field(ge=0)
    train: CohortChoice
    external: ExternalChoice | None = Field(None, description="judged by cross-validation when left out")
    analysis: DynamicAnalysis = DynamicAnalysis()
    mechanism: MechanismOptions | None = Field(
        MechanismOptions(), description="tell the patients shown their likeliest deficit; drawn cohorts only"
    )
    title: str | None = None


def run_dynamic(asked: Asked, console: Console) -> Path:
    """Carry out a dynamic study and return its folder."""
    from experiments.dynamic_study import dynamic_study

    experiment = asked.read(DynamicExperiment)
    folder, started = asked.folder(experiment.name)
    check_names(experiment.analysis)
    sources = _sources(experiment, asked)
    rng = np.random.default_rng(experiment.seed)
    with StageProgress(console) as progress:
        cohorts = draw_or_read(sources, rng, progress)
        title = experiment.title or experiment.name
        study = dynamic_study(
            title, experiment.analysis, cohorts, stage_generator(rng, "dynamic"), progress,
            experiment.mechanism,
        )  # fmt: skip
        page = keep_study("dynamic", experiment, study, folder, started, progress, asked.report)
    draw = partial(_print_gains, study.tables, console)
    print_study(console, folder, page, {"scores": study.tables["scores"]}, draw)
    return folder


def _sources(experiment: DynamicExperiment, asked: Asked) -> dict[str, CohortSource]:
    sources = {"train": training_source(experiment.train, asked.data, asked.command)}
    reference = experiment.analysis.reference_patients
    if reference is not None:
        if not sources["train"].simulated:
            raise InputError(
                "analysis.reference_patients: more patients cannot be drawn of a real cohort; leave it out"
            )
        sources["reference"] = replace(sources["train"], patients=reference)
    if experiment.external is not None:
        choice = experiment.external.after(experiment.train)
        sources["external"] = resolve_cohort(choice, asked.data, "external", asked.command)
        if not sources["external"].simulated:
            raise InputError("external: a real cohort is judged by cross-validation; write `external: null`")
    elif reference is not None:
        raise InputError("analysis.reference_patients needs an external cohort, which no fitting sees")
    return sources


def _print_gains(tables: Mapping[str, pd.DataFrame], console: Console) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    rows = tables["scores"]
    shown = Table(title="Scores at each landmark, with intervals", title_justify="left", box=SIMPLE_HEAD,
                  padding=(0, 1, 0, 0))  # fmt: skip
    models = list(dict.fromkeys(rows["model"]))
    for heading in ("landmark", "patients", "events", "score"):
        shown.add_column(heading)
    for model in models:
        shown.add_column(model, justify="right", no_wrap=True)
    keys = ["landmark_months", "metric", "horizon_months"]
    for _, part in rows.groupby(keys, sort=False, dropna=False):
        by_model = part.set_index("model")
        cells = [
            "{:.3f} ({:.3f}, {:.3f})".format(*by_model.loc[m, ["value", "low", "high"]])
            if m in by_model.index
            else "–"
            for m in models
        ]
        first = part.iloc[0]
        at = "" if np.isnan(first["horizon_months"]) else f" +{first['horizon_months']:g} months"
        landmark = f"{first['landmark_months']:g} months"
        sizes = f"{first['patients']:,}", f"{first['events']:,}"
        shown.add_row(landmark, *sizes, f"{first['metric']}{at}", *cells)
    console.print(shown)
