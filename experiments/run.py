"""One run from first to last: config, cohorts, analysis, folder, MLflow and report."""

from __future__ import annotations

import datetime as dt
import os
import shlex
import sys
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import numpy as np
import yaml

from experiments.cohorts import CohortSource, draw_or_read, resolve_cohort, resolve_simulated, with_own_rates
from experiments.config import CONFIGS, Experiment
from experiments.finishing import (
    FILING,
    REPORT,
    check_resumable,
    finish,
    not_filed,
    outstanding,
    unfinished,
)
from experiments.output import chatty, show
from experiments.progress import StageProgress
from experiments.run_result import print_result
from pipeline.artifacts import (
    claim_folder,
    describe_cohort,
    folder_digest,
    git_commit,
    save_cohort,
    save_run,
    value_digest,
)
from pipeline.artifacts.run_folder import load_run
from pipeline.artifacts.sole_writer import sole_writer
from pipeline.schema import Cohort, InputError, silent
from pipeline.tracking.store import check_store, plain_uri, resolve_store

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from pipeline.run import RunResult

WEIGHED_FROM: Final = 500_000  # patients; weighing them takes a second, and fewer find room
CHECKOUT: Final = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Options:
    """What the command line adds to an experiment: places and outputs, nothing that changes a number."""

    config: str = ""
    data: Path | None = None
    out: Path | None = None
    tracking_uri: str | None = None
    track: bool = True
    report: bool = True
    resume: bool = False


def run_experiment(experiment: Experiment, options: Options, console: Console) -> Path:
    """Carry out `experiment` and return its run folder.

    Everything that can be refused is refused before any patient is drawn; the folder appears only when it
    is whole, and MLflow hears of the run only then. Until all that was asked for is done, its ``run.json``
    says what is outstanding. A killed run leaves no folder, or a whole one with something outstanding; with
    `options.resume` the first is computed anew, to the same bits, and the second is finished.

    Raises
    ------
    InputError
        A fault in the config, or a place that cannot be used.
    StoreError
        When the run is whole but its store failed: `lungio push` files it later.
    """
    started = dt.datetime.now(dt.UTC)
    digest = value_digest(decisive(experiment))
    folder = options.out or (unfinished(experiment, digest) if options.resume else None)
    folder = folder or Path("runs") / f"{experiment.name}-{started.astimezone():%Y%m%d-%H%M%S}"
    claim(folder, options)
    store = resolve_store(options.tracking_uri) if options.track else None
    if store is not None:
        check_store(store)
    about = {"config_sha256": digest, "command": "run"}
    with sole_writer(folder, about) as killed, StageProgress(console) as progress:
        there = claim(folder, options)  # again: another process may have been the first
        if killed is not None and chatty(console):
            now = "what is outstanding follows" if there else "it is done anew"
            console.print(f"{folder}: a run begun {killed['since']} was killed here; {now}", highlight=False)
        if there:
            check_resumable(folder, digest)
            external = partial(external_again, experiment, options, folder)
        else:
            patients = compute(experiment, options, folder, started, progress)
            external = partial(patients.get, "external")
        failure, verdict = finish(folder, store, experiment, options, external, progress)
    filed = store if failure is None else None
    print_result(console, folder, filed, options.tracking_uri, verdict)
    if failure is not None:
        raise not_filed(folder, options.tracking_uri, failure) from failure
    return folder


def claim(folder: Path, options: Options) -> bool:
    """Return whether a run is there to be resumed.

    Raises
    ------
    InputError
        When something is there and is not to be resumed, or no folder can be made.
    """
    if options.resume and folder.is_dir():
        return True
    if waiting := outstanding(folder):
        raise InputError(
            f"{folder} holds a run that was cut short before its {' and its '.join(waiting)}; --resume "
            "finishes it, or choose another --out"
        )
    claim_folder(folder)
    return False


def external_again(experiment: Experiment, options: Options, folder: Path) -> Cohort | None:
    """Return the external patients that the run in `folder` was judged on, drawn or read again.

    Raises
    ------
    InputError
        When they are others than they were: evidence, configs or file have changed since.
    """
    source = resolve_sources(experiment, options).get("external")
    if source is None:
        return None
    rng = np.random.default_rng(experiment.seed)
    cohort = draw_or_read({"external": source}, rng, silent)["external"]
    if describe_cohort(cohort)["sha256"] != load_run(folder).facts["cohorts"]["external"]["sha256"]:
        raise InputError(
            f"{folder}: its external patients cannot be had as they were, for evidence, configs or data have "
            f"changed; `lungio push {shlex.quote(str(folder))}` files the run without judging its best model "
            "against the champion"
        )
    return cohort


def decisive(experiment: Experiment) -> dict[str, Any]:
    """Return what of an experiment decides its numbers."""
    spec = experiment.model_dump(mode="json")
    return {key: spec[key] for key in ("seed", "train", "external", "analysis")}


def compute(
    experiment: Experiment, options: Options, folder: Path, started: dt.datetime, progress: StageProgress
) -> dict[str, Cohort]:
    """Draw or read the cohorts, analyse them, write the folder, whole or not at all; return the cohorts."""
    from pipeline.run import analyse, check_names, plan
    from pipeline.run.streams import stage_generator

    check_names(experiment.analysis)
    sources = resolve_sources(experiment, options)
    rng = np.random.default_rng(experiment.seed)
    cohorts = draw_or_read(sources, rng, progress)
    if experiment.analysis.response is not None:
        cohorts = with_own_rates(sources, cohorts)
    planned = plan(experiment.analysis, cohorts["train"], cohorts.get("external"))
    result = analyse(planned, stage_generator(rng, "analysis"), progress)
    result = with_fidelity(result, sources["train"], cohorts["train"])
    facts = run_facts(experiment, options, cohorts, started)
    facts |= {"seconds": dict(progress.seconds), "system": progress.used()}
    facts |= {"outstanding": [REPORT] * options.report + [FILING] * options.track}
    spec = yaml.safe_dump(experiment.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    save_run(result, folder, facts=facts, files={"experiment.yaml": spec}, progress=progress)
    return cohorts


def resolve_sources(experiment: Experiment, options: Options) -> dict[str, CohortSource]:
    """Return the cohorts' configs by role, read and checked."""
    choices = {"train": experiment.train}
    external = experiment.external_choice()
    if external is not None:
        choices["external"] = external
    config = options.config or experiment.name
    sources = {
        role: resolve_cohort(choice, options.data, role, f"run {config}") for role, choice in choices.items()
    }
    files = [role for role, source in sources.items() if not source.simulated]
    if options.data is not None and not files:
        raise InputError(
            f"--data {options.data}: experiment {experiment.name!r} draws its patients and reads no file"
        )
    if len(files) == 2:
        raise InputError(
            "external: a real cohort cannot be its own external test; write `external: null` "
            "and read the cross-validation, or name another cohort"
        )
    return sources


def with_fidelity(result: RunResult, source: CohortSource, cohort: Cohort) -> RunResult:
    """Add the comparison of a drawn cohort with its publications to the result's tables."""
    if source.plan is None:
        return result
    from synthetic_data.fidelity import fidelity

    return replace(result, tables={**result.tables, "fidelity": fidelity(cohort, source.plan)})


def run_facts(
    experiment: Experiment, options: Options, cohorts: dict[str, Cohort], started: dt.datetime
) -> dict[str, Any]:
    """Return what identifies a run: seed, cohorts, hashes, commit and how to repeat it."""
    return {
        "name": experiment.name,
        "title": experiment.report.title or experiment.name,
        "report_notes": experiment.report.notes,
        "seed": experiment.seed,
        "simulated": all(c.simulated for c in cohorts.values()),
        "started": started.isoformat(timespec="seconds"),
        "identity": uuid4().hex,
        "command": command_line(),
        "cohorts": {role: describe_cohort(cohort) for role, cohort in cohorts.items()},
        "config_sha256": value_digest(decisive(experiment)),
        "evidence": evidence_facts(),
        "git": git_commit(CHECKOUT),
        "processors": os.cpu_count(),
    }


def command_line() -> str:
    """Return the command as it was given, without the password of a store; empty when from a script."""
    if "lungio" not in Path(sys.argv[0]).name:
        return ""
    return shlex.join(["lungio", *map(plain_uri, sys.argv[1:])])


def evidence_facts() -> dict[str, Any]:
    """Return the SHA-256 of the shipped evidence and how many files it covers."""
    folder = CONFIGS / "evidence"
    return {
        "folder": "configs/evidence",
        "sha256": folder_digest(folder),
        "files": len([*folder.rglob("*.yaml")]),
    }


def simulate_to_folder(config: str, n: int, out: Path, seed: int, console: Console) -> None:
    """Draw `n` patients of a cohort into a new folder; print its fidelity table and SHA-256."""
    from experiments.score_table import fidelity_table
    from pipeline.run.streams import stage_generator
    from synthetic_data.cohort import population_of
    from synthetic_data.cohort_memory import WRITTEN, check_memory
    from synthetic_data.fidelity import fidelity

    claim_folder(out)
    source = resolve_simulated(config, n)
    if n > WEIGHED_FROM:
        source = source.solved()
        weighed = source.population or population_of(source.spec, rng=np.random.default_rng(seed))
        check_memory(weighed, n, "draw them in parts: --chunk 250000", WRITTEN)
    # The training cohort of a run with this seed and size is the same patients.
    cohort = source.cohort(stage_generator(np.random.default_rng(seed), "cohort train"))
    table: pd.DataFrame = fidelity(cohort, source.plan)  # type: ignore[arg-type]
    cohort = replace(cohort, manifest={**cohort.manifest, "seed": seed})
    save_cohort(cohort, out, {"fidelity": table})
    digest, visits = describe_cohort(cohort)["sha256"], cohort.visits
    document = {
        "simulated": True, "cohort": cohort.name, "folder": out, "patients": len(cohort), "seed": seed,
        "sha256": digest, "visits": None if visits is None else len(visits),
        "fidelity": table.to_dict("records"),
    }  # fmt: skip

    def draw() -> None:
        console.print(fidelity_table(table, cohort.name))
        console.print(f"cohort  {out}", highlight=False, soft_wrap=True)
        if visits is not None:
            console.print(f"visits  {len(visits):,} rows in visits.csv", highlight=False, soft_wrap=True)
        console.print(f"sha256  {digest}", highlight=False, soft_wrap=True)

    show(console, document, draw)
