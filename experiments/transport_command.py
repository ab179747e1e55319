"""lungio transport: train on patients drawn from publications alone, judge on real ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from experiments.cohorts import CohortSource, is_real, resolve_cohort
from experiments.config import NAME_PATTERN, CohortChoice
from experiments.output import estimate_words
from experiments.progress import StageProgress
from experiments.studies import Asked, keep_study, print_study
from pipeline.config import Bootstrap, CrossValidation, Spec
from pipeline.run.streams import stage_generator
from pipeline.schema import InputError
from pipeline.transport.learning_curve import LearningCurve

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console


class TransportExperiment(Spec):
    """One transport study: whom models are trained on, whom they are judged on, and what is asked."""

    name: str = Field(pattern=NAME_PATTERN)
    seed: int = Field(ge=0)
    train: CohortChoice = Field(description="a synthetic cohort or a trial of the register")
    train_arms: tuple[str, ...] | None = Field(None, description="all when left out")
    test: str = Field(description="a real cohort")
    test_arms: tuple[str, ...] | None = None
    train_real: dict[str, tuple[str, ...] | None] = Field(
        {}, description="other real cohorts that models may be trained on beside, each with its arms or all"
    )
    endpoints: tuple[Literal["os", "pfs"], ...] = Field(("os", "pfs"), min_length=1)
    models: dict[Literal["cox", "rsf"], dict[str, Any]] = Field({"cox": {}, "rsf": {}}, min_length=1)
    inside_models: dict[Literal["cox", "rsf"], dict[str, Any]] = Field(
        {"cox": {}, "rsf": {}}, min_length=1, description="trained on real patients, in folds or elsewhere"
    )
    horizons_months: tuple[float, ...] = (6, 12, 18, 24)
    metrics: tuple[str, ...] = Field(("harrell_c", "uno_c", "auc", "scaled_brier"), min_length=1)
    cross_validation: CrossValidation = CrossValidation(folds=5, repeats=5)
    bootstrap: Bootstrap = Bootstrap(replicates=1000)
    learning_curve: LearningCurve | None = LearningCurve()
    ablation: bool = True
    title: str | None = None


def run_transport(asked: Asked, training_data: Sequence[str], console: Console) -> Path:
    """Carry out a transport study and return its folder; `training_data` are given as ``COHORT=FILE``."""
    from experiments.transport_study import evidence_without_test, transport_study

    experiment = asked.read(TransportExperiment)
    folder, started = asked.folder(experiment.name)
    train, test = _sources(experiment, asked)
    others = _others(experiment, training_data, asked)
    rng = np.random.default_rng(experiment.seed)
    strict = evidence_without_test(train, test.spec)
    with StageProgress(console) as progress:
        real = test.cohort(stage_generator(rng, "cohort test"))
        read = {n: source.cohort(stage_generator(rng, f"cohort {n}")) for n, source in others.items()}
        study = transport_study(experiment, train, strict, real, read, rng, progress)
        page = keep_study("transport", experiment, study, folder, started, progress, asked.report)

    def draw() -> None:
        _print(study.tables, console)
        for name in [n for n in experiment.train_real if n not in others]:
            console.print(
                f"nobody was trained on {name}: give its file as --training-data {name}=FILE",
                highlight=False, soft_wrap=True,
            )  # fmt: skip

    shown = {
        name: study.tables[name] for name in ("scores", "differences", "matched") if name in study.tables
    }
    print_study(console, folder, page, shown, draw)
    return folder


def _sources(experiment: TransportExperiment, asked: Asked) -> tuple[CohortSource, CohortSource]:
    if is_real(experiment.train.cohort):
        raise InputError(
            f"train: {experiment.train.cohort!r} is a real cohort; name one that is drawn, and real ones to "
            "train on beside under train_real"
        )
    train = resolve_cohort(experiment.train, None, "train", asked.command)
    if not is_real(experiment.test):
        raise InputError(
            f"test: {experiment.test!r} is not a real cohort; transport is judged on real patients"
        )
    test = resolve_cohort(CohortChoice(cohort=experiment.test), asked.data, "test", asked.command)
    # Missing values follow the test cohort's; the generator's own would come on top.
    plain = train.spec.model_copy(update={"defects": False, "arms": experiment.train_arms or train.spec.arms})
    return replace(train, spec=plain), test


def _others(
    experiment: TransportExperiment, training_data: Sequence[str], asked: Asked
) -> dict[str, CohortSource]:
    """Return the other real cohorts whose files were given; every fault of `training_data` at once."""
    known = ", ".join(experiment.train_real) or "none"
    sources: dict[str, CohortSource] = {}
    faults = [
        f"train_real: {name!r} is {'the test cohort' if name == experiment.test else 'no real cohort'}"
        for name in experiment.train_real
        if name == experiment.test or not is_real(name)
    ]
    for given in training_data:
        name, _, file = given.partition("=")
        if not file:
            faults.append(f"--training-data {given}: must be COHORT=FILE")
        elif name not in experiment.train_real:
            faults.append(f"--training-data {given}: train_real in the study has no {name!r}; it has {known}")
        elif name in sources:
            faults.append(f"--training-data {given}: {name!r} was given a file already")
        elif is_real(name):
            try:
                sources[name] = resolve_cohort(
                    CohortChoice(cohort=name), Path(file), "train_real", asked.command
                )
            except InputError as error:
                faults.append(f"--training-data {given}: {str(error).removeprefix('--data ')}")
    if faults:
        raise InputError("\n".join(faults))
    return sources


def _print(tables: Mapping[str, pd.DataFrame], console: Console) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    def show(title: str, table: pd.DataFrame, text: tuple[str, ...], prefix: str = "") -> None:
        shown = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
        for name in (*text, "value"):
            shown.add_column(name.replace("_", " "), justify="right" if name == "value" else "left")
        for row in table.to_dict("records"):
            figure = f"{estimate_words(row)}{prefix}"
            shown.add_row(*(str(row[name]) for name in text), figure)
        console.print(shown)

    scores = tables["scores"].query("metric == 'harrell_c'")
    show("Harrell's C on real patients", scores, ("endpoint", "data", "model"))
    differences = tables["differences"].query("metric == 'harrell_c'")
    show("Difference, paired on the same resamples", differences, ("endpoint", "model", "reference"))
    if "matched" in tables:
        for row in tables["matched"].to_dict("records"):
            number = f"{row['patients']:.0f}" if row["patients"] == row["patients"] else f"> {row['largest']}"
            console.print(
                f"{row['endpoint']}, {row['model']}: {number} real patients match synthetic training",
                highlight=False,
            )
    counts = tables["evidence"]["use"].value_counts()
    console.print(
        f"evidence: {counts.get('used', 0)} figures used, {counts.get('substitute', 0)} as substitutes, "
        f"{counts.get('excluded', 0)} of the test cohort's own put aside",
        highlight=False,
    )
