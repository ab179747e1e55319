"""lungio power: how often a study of a given size would find what is there, evidence uncertainty included."""

from __future__ import annotations

from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from experiments.cohorts import resolve_simulated
from experiments.config import NAME_PATTERN
from experiments.progress import StageProgress
from experiments.replicates import Backend, Task, journal_file, run_tasks
from experiments.studies import Asked, Study, keep_study, print_study
from pipeline.config import Spec
from pipeline.schema import Cohort, InputError

if TYPE_CHECKING:
    from rich.console import Console

SHOWN_PATIENTS = 200  # of the cohort that stands in the study's account


class Question(Spec):
    """What the study is to find."""

    kind: Literal["interaction", "models", "discrimination"]
    endpoint: Literal["os", "pfs"] = "pfs"
    marker: str | None = Field(None, description="interaction: the column whose effect differs by arm")
    alpha: float = Field(0.05, gt=0, lt=0.5)
    model: str = Field("cox", description="models, discrimination: judged by cross-validation")
    against: str = Field("pdl1", description="models: the one it is to be better than")
    target: float = Field(0.6, gt=0.5, lt=1, description="discrimination: Uno's C to be reached")

    @model_validator(mode="after")
    def _marker_is_named(self) -> Question:
        if self.kind == "interaction" and self.marker is None:
            raise ValueError("marker is missing: whose interaction with treatment is looked for?")
        return self


class PowerStudy(Spec):
    """A plan: sizes, how often each is drawn, and the question asked of every draw."""

    name: str = Field(pattern=NAME_PATTERN)
    seed: int = Field(ge=0)
    cohort: str = Field(min_length=1)
    sizes: tuple[int, ...] = Field((200, 400, 800), min_length=1)
    replicates: int = Field(200, ge=10, le=100_000)
    evidence_draw: Literal["point", "sample"] = Field(
        "sample", description="sample: each replicate draws its evidence from published intervals"
    )
    questions: dict[str, Question] = Field(min_length=1)
    title: str | None = None


def run_power(asked: Asked, backend: Backend, jobs: int, scheduler: str | None, console: Console) -> Path:
    """Carry out a plan and return its folder; a journal beside it lets a killed one go on."""
    spec = asked.read(PowerStudy)
    example = resolve_simulated(spec.cohort, SHOWN_PATIENTS).cohort(np.random.default_rng(spec.seed))
    _check_questions(spec, example)
    folder, started = asked.folder(spec.name)
    journal = journal_file(folder)
    tasks = [
        {"cohort": spec.cohort, "evidence_draw": spec.evidence_draw, "patients": n, "seed": [spec.seed, n, k],
         "questions": {name: q.model_dump(mode="json") for name, q in spec.questions.items()}}
        for n in spec.sizes
        for k in range(spec.replicates)
    ]  # fmt: skip
    with StageProgress(console) as progress:
        results = run_tasks(one_replicate, tasks, journal, backend, jobs, scheduler, progress)
        study = power_study(spec, tasks, results, example)
        page = keep_study("power", spec, study, folder, started, progress, asked.report)
    journal.unlink()

    def draw() -> None:
        for row in study.tables["power"].to_dict("records"):
            console.print(
                f"{row['question']:<28}{row['patients']:>7,} patients  {row['value']:.3f} "
                f"({row['low']:.3f} to {row['high']:.3f})", highlight=False,
            )  # fmt: skip

    print_study(console, folder, page, {"power": study.tables["power"]}, draw)
    return folder


def _check_questions(spec: PowerStudy, cohort: Cohort) -> None:
    from pipeline.models import MODELS

    faults = []
    for name, question in spec.questions.items():
        if question.endpoint not in cohort.endpoints():
            faults.append(f"questions.{name}.endpoint: cohort {cohort.name!r} has no {question.endpoint}")
        if question.kind == "interaction" and question.marker not in cohort.names("baseline"):
            faults.append(
                f"questions.{name}.marker: cohort {cohort.name!r} has no column {question.marker!r}"
            )
        for model in (question.model, question.against) if question.kind != "interaction" else ():
            if model not in MODELS:
                faults.append(f"questions.{name}: unknown model {model!r}; known: {', '.join(MODELS)}")
    if faults:
        raise InputError("\n".join(faults))


@lru_cache(maxsize=1)
def _population(cohort: str) -> Any:
    from synthetic_data.cohort import population_of

    return population_of(resolve_simulated(cohort, SHOWN_PATIENTS).spec)


def one_replicate(task: Task) -> dict[str, bool]:
    """Draw one study and answer every question of it: found or not."""
    from pipeline.power import answer
    from synthetic_data.cohort import simulate_cohort

    rng = np.random.default_rng(list(task["seed"]))
    if task["evidence_draw"] == "sample":
        source = resolve_simulated(task["cohort"], 10).spec.model_copy(update={"evidence_draw": "sample"})
    else:
        source = _population(task["cohort"])
    cohort_rng, *rest = rng.spawn(1 + len(task["questions"]))
    cohort = simulate_cohort(source, int(task["patients"]), cohort_rng, workers=1)
    return {
        name: answer(cohort, question, child)
        for (name, question), child in zip(task["questions"].items(), rest, strict=True)
    }


def power_study(
    spec: PowerStudy, tasks: list[dict[str, Any]], results: list[dict[str, Any]], example: Cohort
) -> Study:
    """Return the share of replicates that found it, by question and size, with Monte-Carlo intervals."""
    import pandas as pd

    from pipeline import figures
    from synthetic_data.safety_figures import wilson_interval

    found = pd.DataFrame(results).assign(patients=[t["patients"] for t in tasks])
    rows = []
    for name in spec.questions:
        for patients, part in found.groupby("patients")[name]:
            share, runs = float(part.mean()), len(part)
            low, high = wilson_interval(share, runs)
            rows.append((name, patients, runs, share, low, high))
    table = pd.DataFrame(rows, columns=["question", "patients", "replicates", "value", "low", "high"])
    return Study(
        title=spec.title or spec.name,
        lead=f"{spec.replicates:,} replicates of each size; evidence "
        + (
            "drawn anew for each from its published intervals"
            if spec.evidence_draw == "sample"
            else "as published"
        ),
        tables={"power": table, "replicates": found},
        figures={"power": partial(figures.power_figure, table)},
        cohorts={"example": example},
        limits=[
            "Power is that of studies of patients like the drawn ones, whose effects are those published."
        ],
        cards=[
            (str(name), f"{part['value'].iloc[-1]:.0%}", f"at {int(part['patients'].iloc[-1]):,} patients")
            for name, part in table.groupby("question", sort=False)
        ],
        facts={"questions": {name: q.model_dump(mode="json") for name, q in spec.questions.items()}},
    )
