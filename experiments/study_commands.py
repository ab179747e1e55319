"""The commands of studies beside `run`: each reads a config and writes a folder with a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from experiments.command_line import DEFAULT_SEED, at_least, console

Data = Annotated[Path | None, typer.Option(help="the data file of a real cohort")]
Out = Annotated[Path | None, typer.Option(help="folder to make [default: in runs/]")]
Seed = Annotated[int | None, typer.Option(help="another seed than the file's")]
Report = Annotated[bool, typer.Option("--report/--no-report", help="make the HTML report")]


def dynamic(
    config: Annotated[
        str, typer.Argument(help="a study: a shipped name (keynote_189_dynamic) or a YAML file")
    ],
    data: Data = None,
    out: Out = None,
    n: Annotated[
        int | None, typer.Option("--n", help="patients to draw for training, and again for testing")
    ] = None,
    seed: Seed = None,
    report: Report = True,
) -> None:
    """Predict anew at every landmark from serial measurements, beside baseline alone."""
    from experiments.dynamic_command import run_dynamic

    at_least("--n", n, 1)
    at_least("--seed", seed, 0)
    run_dynamic(config, data, out, n, seed, report, console())


def toxicity(
    config: Annotated[
        str, typer.Argument(help="a study: a shipped name (keynote_189_toxicity) or a YAML file")
    ],
    data: Data = None,
    out: Out = None,
    n: Annotated[int | None, typer.Option("--n", help="patients to draw")] = None,
    seed: Seed = None,
    report: Report = True,
) -> None:
    """Adverse events with competing risks, and whether patients with one live longer, rightly asked."""
    from experiments.toxicity_command import run_toxicity

    at_least("--n", n, 1)
    at_least("--seed", seed, 0)
    run_toxicity(config, data, out, n, seed, report, console())


def prior(
    config: Annotated[str, typer.Argument(metavar="COHORT", help="a cohort or a trial, as for simulate")],
    out: Annotated[Path, typer.Option(help="JSON file to make")],
    endpoint: Annotated[str, typer.Option(help="os or pfs")] = "os",
    columns: Annotated[
        str | None, typer.Option(help="baseline columns, comma-separated [default: all]")
    ] = None,
    arm: Annotated[str | None, typer.Option(help="patients of this arm alone [default: all]")] = None,
    draws: Annotated[int, typer.Option(help="cohorts, each from another sample of the evidence")] = 40,
    n: Annotated[int, typer.Option("--n", help="patients of each")] = 4_000,
    seed: Annotated[int, typer.Option(help="same seed, same prior")] = DEFAULT_SEED,
) -> None:
    """Turn published evidence into a prior for `bayes_cox`, which real patients then update."""
    from experiments.prior_command import make_prior

    at_least("--draws", draws, 5)
    at_least("--n", n, 200)
    at_least("--seed", seed, 0)
    named = None if columns is None else [name.strip() for name in columns.split(",")]
    make_prior(config, endpoint, named, arm, draws, n, seed, out, console())


def mechanism(
    config: Annotated[
        str, typer.Argument(help="a study: a shipped name (keynote_189_mechanism) or a YAML file")
    ],
    out: Out = None,
    n: Annotated[int | None, typer.Option("--n", help="patients to draw, and again for testing")] = None,
    seed: Seed = None,
    report: Report = True,
) -> None:
    """Name the likeliest deficit behind failure, where enough is known to say; drawn patients only."""
    from experiments.mechanism_command import run_mechanism

    at_least("--n", n, 1)
    at_least("--seed", seed, 0)
    run_mechanism(config, out, n, seed, report, console())


STUDY_COMMANDS: Final = (dynamic, toxicity, mechanism, prior)
