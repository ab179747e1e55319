"""lungio sweep: one experiment many times over, with some of its keys, its seed or its cohort varied."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from experiments.conventions import AsJson, Quiet

if TYPE_CHECKING:
    from rich.console import Console

    from experiments.config import Experiment
    from experiments.progress import StageProgress
    from experiments.sweep_spec import Sweep
    from pipeline.artifacts import RunView
    from pipeline.schema import Cohort
    from pipeline.tracking.refusals import StoreError

SHOWN_PATIENTS: Final = 200  # of each cohort that stands in the sweep's account
SHOWN_SETTINGS: Final = 20


@dataclass(frozen=True)
class Places:
    """Where a sweep computes, writes and files."""

    data: Path | None = None
    out: Path | None = None
    backend: str = "joblib"
    jobs: int | None = None
    scheduler: str | None = None
    tracking_uri: str | None = None
    track: bool = True
    report: bool = True


def sweep(
    config: Annotated[str, typer.Argument(help="a sweep: a shipped name (forest_settings) or a YAML file")],
    data: Annotated[Path | None, typer.Option(help="the data file of a real cohort")] = None,
    out: Annotated[
        Path | None, typer.Option(help="folder to make [default: runs/sweep-<name>-<digest>]")
    ] = None,
    backend: Annotated[str, typer.Option(help="joblib, or dask; changes no number")] = "joblib",
    jobs: Annotated[int | None, typer.Option(help="processes [default: all processors]")] = None,
    scheduler: Annotated[str | None, typer.Option(help="address of a Dask scheduler")] = None,
    tracking_uri: Annotated[
        str | None, typer.Option(help="MLflow store [default: MLFLOW_TRACKING_URI, else ./mlflow.db]")
    ] = None,
    track: Annotated[bool, typer.Option("--track/--no-track", help="file the sweep in MLflow")] = True,
    report: Annotated[bool, typer.Option("--report/--no-report", help="make the HTML report")] = True,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Carry out many runs of one experiment: a grid or a search; the same command resumes a killed one."""
    from experiments.cli import at_least
    from experiments.output import Output

    at_least("--jobs", jobs, 1)
    places = Places(data, out, backend, jobs, scheduler, tracking_uri, track, report)
    run_sweep(config, places, Output(as_json, quiet))


def run_sweep(config: str, places: Places, console: Console) -> Path:
    """Carry out a sweep and return its folder.

    Finished runs stand in a journal beside the folder until it is whole, and then the folder says what is
    outstanding, so that the same command goes on where a killed one stopped. Everything that can be refused
    is refused before the first run.

    Raises
    ------
    InputError
        A fault in the sweep or the experiment, a place that cannot be used, or no run that came off.
    StoreError
        When the sweep is whole but its store failed: `lungio push` files it later.
    """
    from experiments.finishing import not_filed
    from experiments.progress import StageProgress
    from experiments.replicates import known_backend
    from experiments.sweep_spec import read_sweep
    from pipeline.artifacts import load_run
    from pipeline.artifacts.sole_writer import sole_writer
    from pipeline.tracking.store import check_store, resolve_store

    spec, base = read_sweep(config)
    known_backend(places.backend)
    digest = sweep_digest(spec, base, places.data)
    folder = places.out or Path("runs") / f"sweep-{spec.name}-{digest[:8]}"
    claim(folder, digest)
    store = resolve_store(places.tracking_uri) if places.track else None
    if store is not None:
        check_store(store)
    check_objective(spec, base)
    about = {"command": "sweep"}
    with sole_writer(folder, about), StageProgress(console) as progress:
        if claim(folder, digest):  # again: another process may have been the first
            compute(spec, base, folder, digest, places, progress)
        failure = finish(folder, store, spec, places, progress)
    print_sweep(spec, load_run(folder), console)
    if failure is not None:
        raise not_filed(folder, places.tracking_uri, failure) from failure
    return folder


def claim(folder: Path, digest: str) -> bool:
    """Return whether the sweep has to be computed: False where a killed one left it whole, but unfinished.

    Raises
    ------
    InputError
        When anything else is there, or no folder can be made.
    """
    from experiments.finishing import outstanding
    from pipeline.artifacts import claim_folder, load_run

    if outstanding(folder) and load_run(folder).facts.get("sweep_sha256") == digest:
        return False
    claim_folder(folder)
    return True


def compute(
    spec: Sweep, base: Experiment, folder: Path, digest: str, places: Places, progress: StageProgress
) -> None:
    """Carry out the runs that the journal does not hold, and write the folder, whole or not at all."""
    import datetime as dt
    import os

    from experiments.finishing import FILING
    from experiments.replicates import TaskPool, journal_file, known_backend
    from experiments.studies import keep_study
    from experiments.sweep_runs import carry_out
    from experiments.sweep_study import sweep_study
    from pipeline.schema import InputError

    started = dt.datetime.now(dt.UTC)
    examples = example_cohorts(spec, base, places.data)
    jobs = places.jobs or os.cpu_count() or 1
    with TaskPool(journal_file(folder), known_backend(places.backend), jobs, places.scheduler) as pool:
        runs = carry_out(spec, base, places.data, pool, progress)
        if all("fault" in run.result for run in runs):
            raise InputError(f"none of {len(runs)} runs came off; the first: {runs[0].result['fault']}")
        study = sweep_study(spec, base, runs, examples)
        study = replace(study, facts={**study.facts, "sweep_sha256": digest})
        following = [FILING] * places.track
        keep_study("sweep", spec, study, folder, started, progress, places.report, following)


def finish(
    folder: Path, store: str | None, spec: Sweep, places: Places, progress: StageProgress
) -> StoreError | None:
    """Do what is outstanding of a sweep whose folder is whole; return why it could not be filed, if so."""
    from experiments.finishing import FILING, REPORT, outstanding, settle
    from experiments.push_command import file_view
    from experiments.replicates import journal_file
    from experiments.studies import study_page
    from pipeline.artifacts import load_run
    from pipeline.tracking.refusals import StoreError

    journal_file(folder).unlink(missing_ok=True)  # all it holds is in the folder now
    waiting = outstanding(folder)
    if REPORT in waiting and places.report:
        study_page("sweep", folder, progress)
    if FILING in waiting and store is not None:
        try:
            file_view(load_run(folder), store, spec.tracking.experiment, progress)
        except StoreError as error:
            return error
        settle(folder, FILING)
    return None


def sweep_digest(spec: Sweep, base: Experiment, data: Path | None) -> str:
    """Return what names a sweep's default folder: the same sweep goes on in the same place."""
    from pipeline.artifacts import value_digest

    return value_digest([spec.model_dump(mode="json"), base.model_dump(mode="json"), str(data)])


def check_objective(spec: Sweep, base: Experiment) -> None:
    """Raise an InputError when no run could have the score that settings are ranked by."""
    from pipeline.metrics import METRICS
    from pipeline.schema import InputError, lookup

    wanted = spec.objective
    lookup(METRICS, wanted.metric, "metric")
    varied = {*spec.keys, *spec.fixed}
    if wanted.metric not in base.analysis.metrics and "analysis.metrics" not in varied:
        raise InputError(
            f"objective.metric: the experiment does not compute {wanted.metric!r}; it has "
            f"{', '.join(base.analysis.metrics)} (fixed: analysis.metrics sets others)"
        )
    if wanted.data == "external" and base.external is None and not any("external" in k for k in varied):
        raise InputError("objective.data: the experiment has no external cohort; take cross-validation")


def example_cohorts(spec: Sweep, base: Experiment, data: Path | None) -> dict[str, Cohort]:
    """Return each cohort the sweep names (a file's, or a few patients drawn), models checked against it.

    Raises
    ------
    InputError
        An unknown model, metric or option in any setting, or a cohort that cannot be had: every fault.
    """
    import numpy as np

    from experiments.sweep_runs import sources_of
    from experiments.sweep_spec import shown, with_setting
    from pipeline.evaluate import build_models
    from pipeline.run import check_names
    from pipeline.schema import InputError

    cohorts: dict[str, Cohort] = {}
    faults: dict[str, None] = {}
    asked: set[str] = set()
    settings = spec.grid() if spec.search == "grid" else spec.corners()
    for setting in settings:
        for place in spec.places():
            experiment = with_setting(base, spec.fixed | setting | place)
            models = {
                k: experiment.analysis.model_dump(mode="json")[k] for k in ("models", "metrics", "features")
            }
            key = shown([models, experiment.train.cohort, experiment.external and experiment.external.cohort])
            if key in asked:
                continue
            asked.add(key)
            try:
                check_names(experiment.analysis)
                for role, source in sources_of(experiment, data).items():
                    if source.name not in cohorts:
                        some = replace(source, patients=SHOWN_PATIENTS) if source.simulated else source
                        cohorts[source.name] = some.cohort(np.random.default_rng(experiment.seed))
                    if role == "train":
                        build_models(cohorts[source.name], experiment.analysis)
            except InputError as error:
                faults[str(error)] = None
    if faults:
        raise InputError("\n".join(faults))
    return cohorts


def print_sweep(spec: Sweep, view: RunView, console: Console) -> None:
    """Print the settings in order of their objective, as a table or as JSON."""
    from experiments.evidence_tables import table as text_table
    from experiments.output import show
    from experiments.studies import print_places
    from experiments.sweep_study import LIMIT
    from pipeline.report import PAGE

    folder, facts = view.folder, view.facts
    settings, runs = view.table("settings"), view.table("runs")
    failed = runs[runs["fault"] != ""]
    document = {
        "sweep": spec.name, "folder": folder, "objective": facts["objective"],
        "settings": settings.to_dict("records"), "runs": runs.to_dict("records"),
    }  # fmt: skip
    rows = [
        {
            str(key).split(".", 1)[-1]: f"{v:.4f}" if key in ("objective", "sd") else str(v)
            for key, v in row.items()
        }
        for row in settings.head(SHOWN_SETTINGS).to_dict("records")
    ]

    def draw() -> None:
        console.print(text_table(f"{facts['title']}: {facts['objective']['label']}, best first", rows))
        if len(settings) > SHOWN_SETTINGS:
            console.print(f"and {len(settings) - SHOWN_SETTINGS:,} settings more in tables/settings.csv")
        for row in failed.head(5).to_dict("records"):
            console.print(f"FAILED run {row['run']}: {row['fault']}", style="bold red", highlight=False)
        if len(failed) > 5:
            console.print(f"and {len(failed) - 5} failed runs more in tables/runs.csv", style="bold red")
        console.print(LIMIT)
        print_places(console, folder, folder / PAGE if (folder / PAGE).is_file() else folder)

    show(console, document, draw)
