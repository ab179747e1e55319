"""The lungio command: run, sweep, simulate, verify, subgroups, report, ui, evidence."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from experiments.cohort_command import cohort_app
from experiments.compare_command import compare
from experiments.conventions import BAD_INPUT, INTERRUPTED, MISSED, ONE_THREAD, AsJson, Quiet, ending
from experiments.doctor_command import doctor
from experiments.drift_command import drift
from experiments.evidence_command import evidence_app
from experiments.init_command import init
from experiments.push_command import push
from experiments.realism_command import realism
from experiments.study_commands import STUDY_COMMANDS
from experiments.sweep_command import sweep

SUBGROUP_PATIENTS = 8_000  # a subgroup of 10 % is then known to 0.01 on the log scale
DEFAULT_SEED = 2018  # the default run's: `simulate keynote_189 --n 2000` draws its training patients


class PlainErrors(TyperGroup):
    """Commands whose user sees one plain message where a developer would see a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command; bad input exits with 2 and Ctrl-C with 130, an error of ours is raised."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            print("lungio: interrupted; nothing half-written is left", file=sys.stderr)
            raise SystemExit(INTERRUPTED) from None
        except Exception as error:
            message = plain_message(error)
            if message is None:
                raise
            print(f"lungio: {message}", file=sys.stderr)
            raise SystemExit(getattr(error, "exit_code", BAD_INPUT)) from None


app = typer.Typer(
    name="lungio",
    cls=PlainErrors,
    help="Published lung-cancer immunotherapy trials in; synthetic cohorts and explained, tracked "
    "survival models out.\n\nFor research only: not for decisions about the care of any patient.",
    no_args_is_help=True,
    epilog=ending(),
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(cohort_app, name="cohort", help="Check a file of real patients, and draft its map.")
app.add_typer(evidence_app, name="evidence", help="List, show and check the published figures.")
app.command()(compare)
app.command()(doctor)
app.command()(drift)
app.command()(init)
app.command()(push)
app.command()(realism)
app.command()(sweep)
for study_command in STUDY_COMMANDS:
    app.command()(study_command)


@app.command()
def run(
    config: Annotated[str, typer.Argument(help="an experiment: a shipped name (keynote_189) or a YAML file")],
    data: Annotated[Path | None, typer.Option(help="the data file of a real cohort (CSV or Parquet)")] = None,
    out: Annotated[Path | None, typer.Option(help="folder to make [default: runs/<name>-<time>]")] = None,
    n: Annotated[
        int | None, typer.Option("--n", help="patients to draw for training, and again for testing")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="another seed than the file's")] = None,
    tracking_uri: Annotated[
        str | None, typer.Option(help="MLflow store [default: MLFLOW_TRACKING_URI, else ./mlflow.db]")
    ] = None,
    track: Annotated[bool, typer.Option("--track/--no-track", help="file the run in MLflow")] = True,
    report: Annotated[bool, typer.Option("--report/--no-report", help="make the HTML report")] = True,
    as_json: AsJson = False,
    quiet: Quiet = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="finish the latest unfinished run of it, or the one at --out")
    ] = False,
) -> None:
    """Draw or read a cohort, train, judge and explain models, file the run and report it."""
    from experiments.config import read_experiment
    from experiments.output import Output
    from experiments.run import Options, run_experiment

    at_least("--n", n, 1)
    at_least("--seed", seed, 0)
    experiment = read_experiment(config).with_changes(patients=n, seed=seed)
    options = Options(config, data, out, tracking_uri, track, report, resume)
    run_experiment(experiment, options, Output(as_json, quiet))


@app.command()
def prior(
    config: Annotated[str, typer.Argument(metavar="COHORT", help="a cohort or a trial, as for simulate")],
    out: Annotated[Path, typer.Option(help="JSON file to make")],
    endpoint: Annotated[str | None, typer.Option(help="os or pfs [default: os, or the study's]")] = None,
    study: Annotated[
        str | None, typer.Option(help="a dynamic study: a prior for `bayes_supermodel` at its landmarks")
    ] = None,
    columns: Annotated[
        str | None, typer.Option(help="baseline columns, comma-separated [default: all]")
    ] = None,
    series: Annotated[
        str | None, typer.Option(help="with --study: serial measurements, comma-separated [default: all]")
    ] = None,
    arm: Annotated[str | None, typer.Option(help="patients of this arm alone [default: all]")] = None,
    draws: Annotated[int, typer.Option(help="cohorts, each from another sample of the evidence")] = 40,
    n: Annotated[int, typer.Option("--n", help="patients of each")] = 4_000,
    seed: Annotated[int, typer.Option(help="same seed, same prior")] = DEFAULT_SEED,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Turn published evidence into a prior for a Bayesian model, which real patients then update."""
    from experiments.output import Output
    from experiments.prior_command import make_prior, named

    at_least("--draws", draws, 5)
    at_least("--n", n, 200)
    at_least("--seed", seed, 0)
    chosen = named(columns), named(series)
    make_prior(config, endpoint, study, *chosen, arm, draws, n, seed, out, Output(as_json, quiet))


@app.command()
def simulate(
    config: Annotated[
        str,
        typer.Argument(help="a cohort: a shipped name (keynote_189), a trial (CheckMate-816) or a YAML file"),
    ],
    n: Annotated[int, typer.Option("--n", help="patients to draw")],
    out: Annotated[Path, typer.Option(help="folder to make")],
    seed: Annotated[int, typer.Option(help="same seed, same patients")] = DEFAULT_SEED,
    chunk: Annotated[
        int | None, typer.Option(help="write as drawn, in Parquet files of so many rows, for large cohorts")
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Draw a synthetic cohort into a folder and show how well it reproduces its publications."""
    from experiments.output import Output

    at_least("--n", n, 1)
    at_least("--seed", seed, 0)
    at_least("--chunk", chunk, 1)
    console = Output(as_json, quiet)
    if chunk is not None:
        from experiments.simulate_in_parts import simulate_in_parts

        simulate_in_parts(config, n, chunk, out, seed, console)
        return
    from experiments.run import simulate_to_folder

    simulate_to_folder(config, n, out, seed, console)


@app.command()
def subgroups(
    trial: Annotated[str | None, typer.Argument(help="a trial of the register, e.g. KEYNOTE-189")] = None,
    every: Annotated[bool, typer.Option("--all", help="every trial that published subgroups")] = False,
    subgroup: Annotated[
        list[str] | None, typer.Option(help="predict this one as well, e.g. 'never smoker'; repeat for more")
    ] = None,
    n: Annotated[int, typer.Option("--n", help="patients to draw of each trial")] = SUBGROUP_PATIENTS,
    seed: Annotated[int, typer.Option(help="same seed, same predictions")] = DEFAULT_SEED,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Predict a trial's subgroup hazard ratios without its own, and compare with the published."""
    from experiments.output import Output
    from experiments.subgroups_command import print_subgroups

    at_least("--n", n, 200)
    at_least("--seed", seed, 0)
    print_subgroups(trial, every, subgroup or [], n, seed, Output(as_json, quiet))


@app.command()
def verify(
    config: Annotated[
        str | None, typer.Argument(metavar="COHORT", help="a cohort or a trial, as for simulate")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="every trial of the register")] = False,
    n: Annotated[
        int | None, typer.Option("--n", help="patients to draw [default: 100,000; with --all 20,000 a trial]")
    ] = None,
    seed: Annotated[int, typer.Option(help="same seed, same patients")] = DEFAULT_SEED,
    jobs: Annotated[
        int | None, typer.Option(help="processes for --all; changes no number [default: all processors]")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="folder to make: CSV, JSON and figures")] = None,
    digitised: Annotated[Path | None, typer.Option(help="digitised curves to compare with (CSV)")] = None,
    replicates: Annotated[
        int | None, typer.Option(help="instead: draw the trial so often at its size, for its hazard ratios")
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Draw a trial, estimate every published figure anew; ends with code 1 when one built on is missed."""
    from experiments.output import Output
    from experiments.verify_command import verify_cohort, verify_register
    from pipeline.schema import InputError

    at_least("--n", n, 1)
    at_least("--seed", seed, 0)
    at_least("--jobs", jobs, 1)
    if every is (config is not None):
        raise InputError("name one cohort (lungio verify keynote_189), or give --all and no name")
    console = Output(as_json, quiet)
    if replicates is not None:
        from experiments.replicates_command import verify_replicates

        at_least("--replicates", replicates, 40)
        met = verify_replicates(config, replicates, n, seed, out, console)
    elif config is None:
        met = verify_register(n, seed, jobs, out, console, digitised=digitised)
    else:
        met = verify_cohort(config, n, seed, out, console, digitised)
    if not met:
        raise typer.Exit(MISSED)


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="a run folder")],
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make a run's report anew from what its folder holds; nothing is fitted."""
    from experiments.finishing import REPORT_SCRIPT
    from experiments.output import Output, show
    from experiments.progress import StageProgress
    from pipeline.artifacts import load_run
    from pipeline.report import make_report

    out = Output(as_json, quiet)
    view = load_run(folder)
    with StageProgress(out) as progress:
        page = make_report(view.folder, REPORT_SCRIPT, progress)
    document = {"folder": view.folder, "report": page}
    show(out, document, lambda: out.print(f"report: {page}", highlight=False, soft_wrap=True))


@app.command()
def ui(
    tracking_uri: Annotated[
        str | None, typer.Option(help="MLflow store [default: MLFLOW_TRACKING_URI, else ./mlflow.db]")
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535)] = 5000,
) -> None:
    """Compare runs in MLflow's pages, on this machine only."""
    from pipeline.tracking.store import free_port, resolve_store, store_to_show, ui_command, ui_environment

    store = resolve_store(tracking_uri)
    shown = store_to_show(store)
    free_port(port)
    command = ui_command(store, port)
    print(f"store: {shown}\npages: http://127.0.0.1:{port}  (Ctrl-C stops)", flush=True)
    print(" ".join(command[2:]), flush=True)
    os.environ.update(ui_environment(store))
    os.execv(command[0], command)  # noqa: S606 - our own interpreter with arguments built here


def at_least(option: str, value: int | None, smallest: int) -> None:
    """Raise an InputError when `value` is below `smallest`."""
    if value is not None and value < smallest:
        from pipeline.schema import InputError

        raise InputError(f"{option} must be at least {smallest}. Got {value} instead")


def main() -> None:
    """Run the command."""
    for name, threads in ONE_THREAD.items():
        os.environ.setdefault(name, threads)
    app()


def plain_message(error: Exception) -> str | None:
    """Return what to tell the user about an error that is not ours, or None when it is."""
    from pydantic import ValidationError

    from pipeline.artifacts.folders import plain_os_error
    from pipeline.schema import InputError

    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, ValidationError):
        lines: list[Any] = [f"{'.'.join(map(str, f['loc']))}: {f['msg']}" for f in error.errors()]
        return "\n".join(lines)
    if isinstance(error, OSError) and error.errno is not None:
        return plain_os_error(error)
    return None


if __name__ == "__main__":
    main()
