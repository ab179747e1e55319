"""lungio drift: whether new patients are still those that a run's models were trained on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.conventions import AsJson, Quiet

if TYPE_CHECKING:
    from rich.console import Console

    from experiments.drift_study import DriftStudy, Found
    from experiments.studies import Study
    from pipeline.artifacts import RunView


def drift(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="a run folder with saved models")],
    cohort: Annotated[
        str,
        typer.Argument(
            metavar="NEW_COHORT", help="a folder of `lungio simulate`, a cohort's name, or its YAML file"
        ),
    ],
    data: Annotated[Path | None, typer.Option(help="the data file of the new cohort, if it is real")] = None,
    training_data: Annotated[
        Path | None, typer.Option(help="the data file the run was trained on, if it was real")
    ] = None,
    n: Annotated[
        int | None, typer.Option("--n", help="new patients to draw [default: as many as trained on]")
    ] = None,
    rules: Annotated[Path | None, typer.Option(help="YAML file of thresholds [default: the stated]")] = None,
    seed: Annotated[int, typer.Option(help="same seed, same verdict")] = 1,
    out: Annotated[Path | None, typer.Option(help="folder to make [default: in runs/]")] = None,
    as_json: AsJson = False,
    report: Annotated[bool, typer.Option("--report/--no-report", help="make the HTML report")] = True,
    quiet: Quiet = False,
) -> None:
    """Compare new patients with a run's; ends with 0 (no drift), 3 (look) or 4 (do not use)."""
    from experiments.cli import at_least
    from experiments.output import Output

    at_least("--n", n, 1)
    at_least("--seed", seed, 0)
    if training_data is not None and not training_data.is_file():
        from pipeline.schema import InputError

        raise InputError(f"--training-data {training_data}: there is no such file")
    from experiments.drift_study import EXIT_CODES

    console = Output(as_json, quiet)
    verdict = run_drift(run, cohort, data, training_data, n, rules, seed, out, console, report)
    raise typer.Exit(EXIT_CODES[verdict])


def run_drift(
    run: Path,
    cohort: str,
    data: Path | None,
    training_data: Path | None,
    n: int | None,
    rules: Path | None,
    seed: int,
    out: Path | None,
    console: Console,
    report: bool = True,
) -> str:
    """Carry out the comparison, keep it in a folder, print it and return the verdict."""
    import numpy as np

    from experiments.config import read_spec
    from experiments.drift_study import DriftStudy, compare_cohorts, new_cohort, training_cohort
    from experiments.output import chatty, show
    from experiments.progress import StageProgress
    from experiments.studies import keep_study, print_places, study_folder
    from pipeline.artifacts import load_run
    from pipeline.drift import DriftRules
    from pipeline.run.streams import stage_generator
    from pipeline.schema import InputError

    view = load_run(run)
    if not view.models():
        raise InputError(
            f"{run} holds no saved models to judge new patients by; give the folder of `lungio run`"
        )
    asked = DriftRules() if rules is None else read_spec(rules, DriftRules)
    spec = DriftStudy(
        name=str(view.facts["name"]), seed=seed, run=view.folder.name, cohort=Path(cohort).name, rules=asked
    )
    folder, started = study_folder("drift", spec.name, out)
    rng = np.random.default_rng(seed)
    with StageProgress(console) as progress:
        old = training_cohort(view, training_data)
        progress("draw or read the cohorts", 1, 2)
        new = new_cohort(cohort, data, n or len(old), stage_generator(rng, "cohort new"))
        progress("draw or read the cohorts", 2, 2)
        found = compare_cohorts(view, old, new, spec.rules, stage_generator(rng, "drift"), progress)
        study = as_study(view, spec, found)
        page = keep_study("drift", spec, study, folder, started, progress, report)

    def draw() -> None:
        print_drift(found, console)
        if chatty(console):
            print_places(console, folder, page)

    show(console, {**found.account, "folder": folder}, draw)
    return found.drift.verdict


def as_study(view: RunView, spec: DriftStudy, found: Found) -> Study:
    """Return the comparison as a study: tables, the figure, cards and limits."""
    from experiments.studies import Study
    from pipeline.figures import drift_figure

    account, limits = found.account, spec.rules.population_stability
    old, new = found.cohorts["train"], found.cohorts["new"]
    area = account["separation"]
    alarms = account["alarms"]
    return Study(
        title=f"{new.name} beside {old.name}",
        lead=f"Verdict: {found.drift.verdict}. {len(new):,} new patients, {len(old):,} trained on, "
        f"run {view.folder.name}",
        tables=found.tables,
        figures={
            "drift": lambda: drift_figure(
                found.tables["shift"], found.drift.findings, limits.look, limits.stop
            )
        },
        cohorts=found.cohorts,
        limits=[
            "No alarm means that nothing of a size that matters was shown among what was measured; it does "
            "not show that a model is right, nor that it was right before.",
        ],
        cards=[
            ("Verdict", found.drift.verdict, f"of {account['judged']} comparisons, {len(alarms)} alarms"),
            (
                "Old told from new, AUC",
                f"{area['auc']:.3f}",
                f"{area['low']:.3f} to {area['high']:.3f}; 0.5 is not at all",
            ),
        ],
        facts={"drift": account},
    )


def print_drift(found: Found, console: Console) -> None:
    """Print the verdict, and the alarms behind it unless nobody asked."""
    from experiments.output import chatty

    verdict, account = found.drift.verdict, found.account
    colour = {"none": "green", "look": "yellow", "do not use": "red"}[verdict]
    console.print(f"verdict {verdict}", style=f"bold {colour}")
    if not chatty(console):
        return
    for row in account["alarms"]:
        console.print(
            f"  {row['finding']:<11}{row['words']} (Holm p {row['p_holm']:.1g})",
            highlight=False,
            soft_wrap=True,
        )
    area = account["separation"]
    console.print(
        f"old told from new patients with AUC {area['auc']:.3f} ({area['low']:.3f} to {area['high']:.3f}); "
        f"{account['judged']} comparisons",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    for note in account["notes"]:
        console.print(note, highlight=False, soft_wrap=True)
