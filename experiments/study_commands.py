"""The commands that carry out a study in a folder of its own, with the options that all of them take."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated, Final

import typer

from experiments.conventions import AsJson, Quiet

Data = Annotated[Path | None, typer.Option(help="the data file of a real cohort")]
Out = Annotated[Path | None, typer.Option(help="folder to make [default: in runs/]")]
Draw = Annotated[int | None, typer.Option("--n", help="patients to draw, each time it draws some")]
Seed = Annotated[int | None, typer.Option(help="another seed than the file's")]
Replicates = Annotated[int | None, typer.Option(help="of each size or threshold [default: the file's]")]
Report = Annotated[bool, typer.Option("--report/--no-report", help="make the HTML report")]


def _study(name: str, example: str, does: str, reads_file: bool = True) -> Callable[..., None]:
    """Return the command `name` with the usual options: ``run_<name>`` of its module, imported on use."""

    def command(
        config: str = typer.Argument(help=f"a study: a shipped name ({example}) or a YAML file"),
        data: Data = None,
        out: Out = None,
        n: Draw = None,
        seed: Seed = None,
        report: Report = True,
        as_json: AsJson = False,
        quiet: Quiet = False,
    ) -> None:
        from experiments.cli import at_least
        from experiments.output import Output
        from experiments.studies import Asked

        at_least("--n", n, 1)
        at_least("--seed", seed, 0)
        run = getattr(import_module(f"experiments.{name}_command"), f"run_{name}")
        run(Asked(name, config, data, out, n, seed, report), Output(as_json, quiet))

    def drawing(
        config: str = typer.Argument(help=f"a study: a shipped name ({example}) or a YAML file"),
        out: Out = None,
        n: Draw = None,
        seed: Seed = None,
        report: Report = True,
        as_json: AsJson = False,
        quiet: Quiet = False,
    ) -> None:
        command(config, None, out, n, seed, report, as_json, quiet)

    chosen = command if reads_file else drawing
    chosen.__name__, chosen.__doc__ = name, does
    return chosen


def transport(
    config: Annotated[str, typer.Argument(help="a study: a shipped name (chowell_transport) or a YAML file")],
    data: Data = None,
    training_data: Annotated[
        list[str] | None,
        typer.Option(metavar="COHORT=FILE", help="another real cohort to train on beside; may be repeated"),
    ] = None,
    out: Out = None,
    n: Draw = None,
    seed: Seed = None,
    report: Report = True,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Train on patients drawn from publications alone, without the test cohort's; judge on real ones."""
    from experiments.cli import at_least
    from experiments.output import Output
    from experiments.studies import Asked
    from experiments.transport_command import run_transport

    at_least("--n", n, 1)
    at_least("--seed", seed, 0)
    asked = Asked("transport", config, data, out, n, seed, report)
    run_transport(asked, training_data or (), Output(as_json, quiet))


def _planning(name: str, example: str, does: str) -> Callable[..., None]:
    """Return the command `name` with the options of studies that draw many replicates and resume."""

    def command(
        config: str = typer.Argument(help=f"a plan: a shipped name ({example}) or a YAML file"),
        out: Out = None,
        seed: Seed = None,
        replicates: Replicates = None,
        backend: Annotated[str, typer.Option(help="joblib, or dask; changes no number")] = "joblib",
        jobs: Annotated[int | None, typer.Option(help="processes [default: all processors]")] = None,
        scheduler: Annotated[str | None, typer.Option(help="address of a Dask scheduler")] = None,
        report: Report = True,
        as_json: AsJson = False,
        quiet: Quiet = False,
    ) -> None:
        import os

        from experiments.cli import at_least
        from experiments.output import Output
        from experiments.replicates import known_backend
        from experiments.studies import Asked

        at_least("--replicates", replicates, 10)
        at_least("--seed", seed, 0)
        at_least("--jobs", jobs, 1)
        chosen = known_backend(backend)
        run = getattr(import_module(f"experiments.{name}_command"), f"run_{name}")
        asked = Asked(name, config, out=out, seed=seed, replicates=replicates, report=report)
        run(asked, chosen, jobs or os.cpu_count() or 1, scheduler, Output(as_json, quiet))

    command.__name__, command.__doc__ = name, does
    return command


STUDY_COMMANDS: Final = (
    _study("benefit", "poplar_benefit",
           "Prognostic or predictive: who gains from one arm over the other in a randomised cohort."),
    _study("decide", "mrd_policy",
           "Play policies of declared rules in simulated patients, "
           "or weigh marker rules in randomised ones."),
    _study("dynamic", "keynote_189_dynamic",
           "Predict anew at every landmark from serial measurements, beside baseline alone."),
    _planning("enrich", "cytokine_combination",
              "Who gains from an added agent by a signature, and the trial that would have shown it; "
              "a killed one goes on with the same --out."),
    _study("mechanism", "keynote_189_mechanism",
           "Name the likeliest deficit behind failure, where enough is known to say; drawn patients only.",
           reads_file=False),
    _planning("power", "keynote_189_power",
              "How large a study must be to find what is there; a killed one goes on with the same --out."),
    _study("toxicity", "keynote_189_toxicity",
           "Adverse events with competing risks, and whether patients with one live longer, rightly asked."),
    transport,
)  # fmt: skip
