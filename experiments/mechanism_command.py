"""lungio mechanism: the likeliest deficit behind failure, calibrated where the truth is known."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from experiments.cohorts import resolve_simulated
from experiments.config import NAME_PATTERN, CohortChoice, ExternalChoice
from experiments.output import estimate_words
from experiments.progress import StageProgress
from experiments.studies import Asked, Study, keep_study, print_study
from pipeline.config import Spec
from pipeline.immune_mechanisms import deficits
from pipeline.mechanism import CLASSES, UNKNOWN, MechanismModel, MechanismOptions
from pipeline.run.streams import stage_generator
from pipeline.schema import Cohort, InputError, Progress

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

# How deficits are called, and the answer that names none.
LABELS = {name: m.deficit for name, m in deficits().items()} | {UNKNOWN: "Not enough data to say"}


class MechanismStudy(Spec):
    """One study of mechanisms; both cohorts are drawn, for only there is the cause of failure known."""

    name: str = Field(pattern=NAME_PATTERN)
    seed: int = Field(ge=0)
    train: CohortChoice
    external: ExternalChoice = ExternalChoice()
    endpoint: Literal["os", "pfs"] = "pfs"
    landmark_months: float = Field(
        3, ge=0, description="told from what is known by then; 0 is before treatment"
    )
    model: MechanismOptions = MechanismOptions()
    patients_shown: int = Field(8, ge=0, le=40)
    title: str | None = None


def run_mechanism(asked: Asked, console: Console) -> Path:
    """Carry out a study of mechanisms and return its folder."""
    spec = asked.read(MechanismStudy)
    if spec.train.patients is None:
        raise InputError("train.patients is missing: how many patients are to be drawn?")
    folder, started = asked.folder(spec.name)
    external = spec.external.after(spec.train)
    sources = {
        "train": resolve_simulated(spec.train.cohort, spec.train.patients),
        "external": resolve_simulated(external.cohort, external.patients or spec.train.patients),
    }
    rng = np.random.default_rng(spec.seed)
    with StageProgress(console) as progress:
        cohorts = {}
        for done, (role, source) in enumerate(sources.items(), start=1):
            cohorts[role] = source.cohort(stage_generator(rng, f"cohort {role}"), f"{source.name}_{role}")
            progress("draw the cohorts", done, len(sources))
        study = mechanism_study(spec, cohorts, stage_generator(rng, "mechanism"), progress)
        page = keep_study("mechanism", spec, study, folder, started, progress, asked.report)

    def draw() -> None:
        for row in study.tables["accuracy"].to_dict("records"):
            console.print(
                f"{row['patients_meant']:<22}{row['patients']:>7,}  right {estimate_words(row)}",
                highlight=False,
            )
        console.print(f"calibration error     {study.facts['calibration_error']:.3f}", highlight=False)

    print_study(console, folder, page, {"accuracy": study.tables["accuracy"]}, draw)
    return folder


def mechanism_study(
    spec: MechanismStudy, cohorts: dict[str, Cohort], rng: np.random.Generator, progress: Progress
) -> Study:
    """Learn on the failures of "train", judge on those of "external"."""
    from experiments.strategies import strategies
    from pipeline import figures
    from pipeline.landmark import LandmarkFeatures
    from pipeline.mechanism import accuracy_table, calibration_error, confusion, reliability
    from synthetic_data.evidence import load_register

    train = cohorts["train"]
    features = None if train.visits is None else LandmarkFeatures().fit(train.visits, train.observed.index)
    tables_of = {
        role: failures(cohort, spec.endpoint, spec.landmark_months, features)
        for role, cohort in cohorts.items()
    }
    frame, cause, columns = tables_of["train"]
    model = MechanismModel(columns, spec.model).fit(frame, cause, stage_generator(rng, "fit"))
    progress("learn causes", 1, 1)
    frame, cause, _ = tables_of["external"]
    probabilities, said = model.probabilities(frame), model.answers(frame)
    accuracy = accuracy_table(cause, probabilities, list(said), stage_generator(rng, "bootstrap"))
    confused = confusion(cause, list(said))
    reliable = reliability(cause, probabilities)
    error = calibration_error(cause, probabilities)
    patients = _patients(model, frame, cause, probabilities, said, spec.patients_shown)
    by_meant = accuracy.set_index("patients_meant")["value"]
    evidence = strategies(load_register())
    rates = {name: f"{value:.0%}" for name, value in by_meant.items()}
    silent = f"silent on {(said == UNKNOWN).mean():.0%}, right in {rates.get('silent', '–')} of them"
    guesses = f"at random: {rates['one class at random']}; the commonest: {rates['always the commonest']}"
    shown = [
        ("Likeliest deficit is right", rates["all"], guesses),
        ("Right where it answers", rates.get("answered", "–"), silent),
        ("Calibration error", f"{error:.3f}", "of the likeliest deficit's probability"),
    ]
    return Study(
        title=spec.title or spec.name,
        lead=f"Known by {spec.landmark_months:g} months; learnt from "
        f"{len(tables_of['train'][0]):,} failures, judged on {len(frame):,} others",
        tables={
            "accuracy": accuracy,
            "confusion": confused.reset_index(),
            "reliability": reliable,
            "patients": patients,
            "strategies": evidence.assign(deficit=evidence["deficit"].map(LABELS)),
        },
        figures={
            "confusion": partial(figures.confusion_figure, confused, LABELS),
            "reliability": partial(figures.reliability_figure, reliable),
        },
        cohorts=cohorts,
        limits=[
            "Why treatment failed is known of drawn patients only, by the rules they were drawn with; no "
            "trial published such causes. A real patient's likeliest deficit is a hypothesis.",
            "That a strategy is aimed at a deficit does not show that it helps patients who have it; most "
            "of the randomised trials named found no difference.",
        ],
        cards=shown,
        facts={"calibration_error": error, "measured": float(model.measured(frame).mean())},
    )


def failures(
    cohort: Cohort, endpoint: str, landmark_months: float, features: Any
) -> tuple[pd.DataFrame, np.ndarray[Any, Any], tuple[Any, ...]]:
    """Return those at risk at the landmark whom checkpoint inhibition failed, why, and their columns."""
    from pipeline.landmark import landmark_cohort

    if cohort.truth is None or "cause_of_failure" not in cohort.truth.patients:
        raise InputError(f"cohort {cohort.name!r} does not know why treatment failed")
    at = landmark_cohort(cohort, endpoint, landmark_months, features)
    cause = cohort.truth.patients["cause_of_failure"].reindex(at.observed.index).astype(str)
    failed = cause[cause.isin(CLASSES)]
    columns = tuple(c for c in at.columns if c.role == "baseline")
    return at.observed.loc[failed.index], failed.to_numpy(dtype=object), columns


def model_at(
    train: Cohort,
    endpoint: str,
    landmark_months: float,
    features: Any,
    options: MechanismOptions,
    rng: np.random.Generator,
) -> MechanismModel:
    """Return the model of deficits fitted on failures of `train` at one landmark."""
    frame, cause, columns = failures(train, endpoint, landmark_months, features)
    return MechanismModel(columns, options).fit(frame, cause, rng)


def _patients(
    model: MechanismModel,
    frame: pd.DataFrame,
    cause: np.ndarray[Any, Any],
    probabilities: pd.DataFrame,
    said: pd.Series[str],
    shown: int,
) -> pd.DataFrame:
    """Return some patients: answer, probability, what speaks for it, whether the two views agree."""
    import pandas as pd

    rows = np.unique(np.linspace(0, len(frame) - 1, max(shown, 1)).astype(int))[:shown]
    part = frame.iloc[rows]
    evidence = model.evidence(part)
    groups = evidence.drop(columns="other").idxmax(axis=1)
    top = probabilities.iloc[rows].idxmax(axis=1)
    return pd.DataFrame(
        {
            "patient": part.index.astype(str),
            "answer": [LABELS[s] for s in said.iloc[rows]],
            "probability": probabilities.iloc[rows].max(axis=1).to_numpy(),
            "markers_that_speak_for_it": [LABELS[str(g)] for g in groups],
            "views_agree": ["yes" if g == t else "no" for g, t in zip(groups, top, strict=True)],
            "measured": model.measured(part).to_numpy(),
            "true_cause": [LABELS[str(cause[k])] for k in rows],
        }
    )
