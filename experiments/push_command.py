"""lungio push: a finished folder, of a run or a study, filed in MLflow afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.conventions import AsJson, Quiet

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.artifacts import RunView
    from pipeline.schema import Progress


def push(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="the folder of a run or a study")],
    tracking_uri: Annotated[
        str | None, typer.Option(help="MLflow store [default: MLFLOW_TRACKING_URI, else ./mlflow.db]")
    ] = None,
    experiment: Annotated[str, typer.Option(help="MLflow experiment, made when need be")] = "lungio",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """File a finished run or study in MLflow: after --no-track, to another store, or a study at all."""
    from experiments.output import Output

    push_folder(folder, tracking_uri, experiment, Output(as_json, quiet))


def push_folder(folder: Path, tracking_uri: str | None, experiment: str, console: Console) -> str:
    """File what `folder` holds and return the identifier of its (parent) run; nothing is fitted.

    Raises
    ------
    InputError
        When the folder is no run's, the store cannot be used, or an experiment without a name is asked for.
    """
    from experiments.finishing import FILING, settle
    from experiments.output import show
    from experiments.progress import StageProgress
    from pipeline.artifacts import load_run
    from pipeline.schema import InputError
    from pipeline.tracking.store import check_store, plain_uri, resolve_store

    view = load_run(folder)
    store = resolve_store(tracking_uri)
    check_store(store)
    if not experiment.strip():
        raise InputError("--experiment must not be empty")
    with StageProgress(console) as progress:
        run_id = file_view(view, store, experiment, progress)
    settle(folder, FILING)
    words = f"filed as {run_id} in {plain_uri(store)}"
    document = {"folder": folder, "run_id": run_id, "store": plain_uri(store), "experiment": experiment}
    show(console, document, lambda: console.print(words, highlight=False, soft_wrap=True))
    return run_id


def file_view(view: RunView, store: str, experiment: str, progress: Progress) -> str:
    """File a run, a study or a sweep in a store that was checked; return the identifier of its parent run."""
    from pipeline.report import report_files

    kind = view.facts.get("kind")  # of a folder that is not whole this is refused before MLflow is loaded
    from pipeline.tracking import log_report, track_run, track_study, track_sweep

    if kind == "sweep":
        return track_sweep(view, store, experiment, progress)
    if kind is not None:
        return track_study(view, store, experiment)  # its page is a file of the folder
    run_id = track_run(view, store, experiment, progress)
    log_report(store, run_id, report_files(view.folder))
    return run_id
