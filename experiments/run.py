"""One run from first to last: config, cohorts, analysis, folder, MLflow and report."""

from __future__ import annotations

import datetime as dt
import os
import shlex
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import yaml

from experiments.cohorts import (
    CohortSource,
    draw_or_read,
    resolve_cohort,
    resolve_simulated,
    with_published_rates,
)
from experiments.config import CONFIGS, Experiment
from experiments.progress import StageProgress
from pipeline.artifacts import (
    claim_folder,
    describe_cohort,
    folder_digest,
    git_commit,
    save_cohort,
    save_run,
    update_facts,
    value_digest,
)
from pipeline.artifacts.run_folder import load_run
from pipeline.schema import Cohort, InputError
from pipeline.tracking.store import check_store, resolve_store

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from pipeline.run import RunResult
    from pipeline.tracking.champion import Verdict

REPORT_SCRIPT: Final = Path(__file__).with_name("notebooks") / "report.py"
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
    quiet: bool = False


def run_experiment(experiment: Experiment, options: Options, console: Console) -> Path:
    """Carry out `experiment` and return its run folder.

    Everything that can be refused is refused before any patient is drawn; the folder appears only when it
    is whole, and MLflow hears of the run only then.
    """
    from pipeline.run import analyse, check_names, plan
    from pipeline.run.streams import stage_generator

    started = dt.datetime.now(dt.UTC)
    folder = options.out or Path("runs") / f"{experiment.name}-{started.astimezone():%Y%m%d-%H%M%S}"
    claim_folder(folder)
    store = resolve_store(options.tracking_uri) if options.track else None
    if store is not None:
        check_store(store)
    check_names(experiment.analysis)
    sources = resolve_sources(experiment, options)
    rng = np.random.default_rng(experiment.seed)
    with StageProgress(console, options.quiet) as progress:
        cohorts = draw_or_read(sources, rng, progress)
        if experiment.analysis.response is not None:
            cohorts = {role: with_published_rates(sources[role], cohort) for role, cohort in cohorts.items()}
        planned = plan(experiment.analysis, cohorts["train"], cohorts.get("external"))
        result = analyse(planned, stage_generator(rng, "analysis"), progress)
        result = with_fidelity(result, sources["train"], cohorts["train"])
        facts = run_facts(experiment, options, cohorts, started)
        facts |= {"seconds": dict(progress.seconds), "system": progress.used()}
        spec = yaml.safe_dump(experiment.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
        save_run(result, folder, facts=facts, files={"experiment.yaml": spec}, progress=progress)
        run_id = file_and_report(folder, store, experiment, options, progress)
        verdict = None
        if store is not None and run_id is not None:
            from pipeline.tracking import crown

            external = cohorts.get("external")
            verdict = crown(load_run(folder), run_id, store, external, stage_generator(rng, "champion"))
        update_facts(folder, {"seconds": dict(progress.seconds)})
    print_result(console, folder, store, options, verdict)
    return folder


def resolve_sources(experiment: Experiment, options: Options) -> dict[str, CohortSource]:
    """Return the cohorts' configs by role, read and checked."""
    choices = {"train": experiment.train}
    external = experiment.external_choice()
    if external is not None:
        choices["external"] = external
    config = options.config or experiment.name
    sources = {role: resolve_cohort(choice, options.data, role, config) for role, choice in choices.items()}
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
    spec = experiment.model_dump(mode="json")
    decisive = {key: spec[key] for key in ("seed", "train", "external", "analysis")}
    return {
        "name": experiment.name,
        "title": experiment.report.title or experiment.name,
        "report_notes": experiment.report.notes,
        "seed": experiment.seed,
        "simulated": all(c.simulated for c in cohorts.values()),
        "started": started.isoformat(timespec="seconds"),
        "command": shlex.join(["lungio", *sys.argv[1:]]) if "lungio" in Path(sys.argv[0]).name else "",
        "cohorts": {role: describe_cohort(cohort) for role, cohort in cohorts.items()},
        "config_sha256": value_digest(decisive),
        "evidence": evidence_facts(),
        "git": git_commit(CHECKOUT),
        "processors": os.cpu_count(),
    }


def evidence_facts() -> dict[str, Any]:
    """Return the SHA-256 of the shipped evidence and how many files it covers."""
    folder = CONFIGS / "evidence"
    return {
        "folder": "configs/evidence",
        "sha256": folder_digest(folder),
        "files": len([*folder.rglob("*.yaml")]),
    }


def file_and_report(
    folder: Path, store: str | None, experiment: Experiment, options: Options, progress: StageProgress
) -> str | None:
    """File the run in MLflow while another process writes the report; then file the report too.

    Returns
    -------
    str or None
        The filed run's identifier.
    """
    from pipeline.report import NOTEBOOK, PAGE, make_report

    with ThreadPoolExecutor(max_workers=1) as pool:
        writing = pool.submit(make_report, folder, REPORT_SCRIPT, progress) if options.report else None
        run_id = None
        if store is not None:
            from pipeline.tracking import track_run

            run_id = track_run(load_run(folder), store, experiment.tracking.experiment, progress)
        if writing is not None:
            writing.result()
    if store is not None and run_id is not None and options.report:
        from pipeline.tracking import log_report

        log_report(store, run_id, [folder / PAGE, folder / NOTEBOOK])
    return run_id


def print_result(
    console: Console, folder: Path, store: str | None, options: Options, verdict: Verdict | None = None
) -> None:
    """Print the score table, what became of the best model, and where report and run are to be found."""
    from experiments.score_table import response_table, score_tables
    from pipeline.report import PAGE

    view = load_run(folder)
    for data in dict.fromkeys(view.table("scores")["data"]):
        for table in score_tables(view, data, console.width):
            console.print(table)
    if "response_scores" in view.tables:
        for data in dict.fromkeys(view.table("response_scores")["data"]):
            console.print(response_table(view, data))
    for check in view.facts["checks"]:
        if not check["passed"]:
            console.print(f"CHECK FAILED {check['name']}: {check['detail']}", style="bold red")
    console.print(view.facts["research_use"], style="bold")

    def say(what: str, where: object) -> None:
        console.print(f"{what:<8}{where}", highlight=False, soft_wrap=True)

    say("run", folder)
    if options.report:
        say("report", folder / PAGE)
    if store is not None:
        given = f" --tracking-uri {shlex.quote(options.tracking_uri)}" if options.tracking_uri else ""
        say("compare", f"lungio ui{given}")
    if verdict is not None:
        from pipeline.tracking import verdict_line

        say("model", verdict_line(verdict))


def simulate_to_folder(config: str, n: int, out: Path, seed: int, console: Console) -> None:
    """Draw `n` patients of a cohort into a new folder; print its fidelity table and SHA-256."""
    from experiments.score_table import fidelity_table
    from pipeline.run.streams import stage_generator
    from synthetic_data.fidelity import fidelity

    claim_folder(out)
    source = resolve_simulated(config, n)
    # The training cohort of a run with this seed and size is the same patients.
    cohort = source.cohort(stage_generator(np.random.default_rng(seed), "cohort train"))
    table: pd.DataFrame = fidelity(cohort, source.plan)  # type: ignore[arg-type]
    cohort = replace(cohort, manifest={**cohort.manifest, "seed": seed})
    save_cohort(cohort, out, {"fidelity": table})
    console.print(fidelity_table(table, cohort.name))
    console.print(f"cohort  {out}", highlight=False, soft_wrap=True)
    if cohort.visits is not None:
        console.print(f"visits  {len(cohort.visits):,} rows in visits.csv", highlight=False, soft_wrap=True)
    console.print(f"sha256  {describe_cohort(cohort)['sha256']}", highlight=False, soft_wrap=True)
