"""lungio enrich: who gains from an added agent by a signature, and the trial that would have shown it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from experiments.config import NAME_PATTERN
from experiments.progress import StageProgress
from experiments.replicates import Backend, journal_file, run_tasks
from experiments.studies import Asked, keep_study, print_study
from pipeline.config import Spec
from pipeline.enrich import ORACLE, Signature

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

Percentile = Annotated[float, Field(ge=0, lt=100)]


class Addition(Spec):
    """An agent added to a backbone, as a cohort with one hypothetical arm."""

    label: str
    cohort: str = Field(min_length=1)


class PublishedGroups(Spec):
    """Hazard ratios that the trial of an addition published by groups of one signature."""

    addition: str
    endpoint: Literal["os", "pfs"]
    signature: str
    edges: tuple[Annotated[float, Field(ge=0, le=100)], ...] = Field(min_length=3)
    populations: tuple[str, ...] = Field(min_length=2, description="as the register calls them, from low up")


class EnrichStudy(Spec):
    """A study of enrichment: agents, signatures, thresholds, and how strongly benefit is concentrated."""

    name: str = Field(pattern=NAME_PATTERN)
    title: str | None = None
    seed: int = Field(ge=0)
    additions: dict[str, Addition] = Field(min_length=1)
    evidence_classes: tuple[str, ...] = Field(min_length=1, description="whose trials stand as evidence")
    signatures: dict[str, Signature] = Field(min_length=1)
    ratios_per_sd: tuple[Annotated[float, Field(ge=0.2, le=5)], ...] = Field(min_length=1)
    endpoint: Literal["os", "pfs"] = "os"
    horizon_months: float = Field(24, gt=0, le=120)
    patients: int = Field(40_000, ge=500)
    percentiles: tuple[Percentile, ...] = Field(min_length=2)
    alpha: float = Field(0.05, gt=0, lt=0.5)
    power: float = Field(0.8, gt=0.5, lt=1)
    replicates: int = Field(400, ge=10, le=100_000)
    drawn_percentiles: tuple[Percentile, ...] = Field((0, 50), min_length=1)
    published_groups: PublishedGroups | None = None

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        faults = []
        if ORACLE in self.signatures:
            faults.append(f"no signature may be called {ORACLE!r}")
        for name in ("percentiles", "drawn_percentiles"):
            values = getattr(self, name)
            if list(values) != sorted(set(values)):
                faults.append(f"{name} must be increasing. Got {list(values)} instead")
        groups = self.published_groups
        if groups is not None:
            if groups.addition not in self.additions:
                faults.append(f"published_groups: no addition {groups.addition!r}")
            if groups.signature not in self.signatures:
                faults.append(f"published_groups: no signature {groups.signature!r}")
            if len(groups.edges) != len(groups.populations) + 1:
                faults.append("published_groups: edges must be one more than populations")
        if faults:
            raise ValueError("; ".join(faults))
        return self


def run_enrich(asked: Asked, backend: Backend, jobs: int, scheduler: str | None, console: Console) -> Path:
    """Carry out a study of enrichment and return its folder; a journal lets a killed one go on."""
    from experiments.enrich_scenario import draw_trials, resolve, trial_tasks
    from experiments.enrich_study import enrich_study

    spec = asked.read(EnrichStudy)
    sources = resolve(spec)
    folder, started = asked.folder(spec.name)
    journal = journal_file(folder)
    tasks = trial_tasks(spec, sources)
    with StageProgress(console) as progress:
        drawn = run_tasks(draw_trials, tasks, journal, backend, jobs, scheduler, progress)
        study = enrich_study(spec, sources, tasks, drawn, progress)
        page = keep_study("enrich", spec, study, folder, started, progress, asked.report)
    journal.unlink(missing_ok=True)
    draw = partial(_print_needed, study.tables["needed"], next(iter(spec.signatures)), console)
    print_study(console, folder, page, {"needed": study.tables["needed"]}, draw)
    return folder


def _print_needed(needed: pd.DataFrame, signature: str, console: Console) -> None:
    for row in needed[needed["signature"] == signature].to_dict("records"):
        console.print(f"{row['arm']}, ratio per SD {row['ratio_per_sd']:g}: {row['said']}", highlight=False)
