"""From a sweep's folder to MLflow: one parent run, and below it a run for each of the sweep's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from pipeline.artifacts import RunView
from pipeline.schema import Progress, silent
from pipeline.tracking.client import flat, log, metric_name, open_experiment, quiet_mlflow, system_metrics
from pipeline.tracking.runs import score_metrics
from pipeline.tracking.studies import log_folder, study_tags


def track_sweep(view: RunView, uri: str, experiment: str, progress: Progress = silent) -> str:
    """File a sweep and return the identifier of its parent run; nobody else writes, whatever computed it.

    The parent holds the settings, the best objective, tables, figures and page; each run below it what was
    set and every overall score, named ``<model>.<data>.<metric>`` with the horizon in months as step. A run
    that could not be carried out is there as failed, with its reason.

    Parameters
    ----------
    view : RunView
        Of a folder that ``lungio sweep`` wrote.
    uri : str
        From `resolve_store`.
    experiment : str
        Made when it does not exist.
    progress : Progress, optional
    """
    runs, scores = view.table("runs"), view.table("scores")
    by_run = dict(tuple(scores.groupby("run")))
    with quiet_mlflow(uri) as mlflow:
        client = mlflow.MlflowClient(tracking_uri=uri)
        place = open_experiment(client, experiment, uri)
        tags = study_tags(view.facts)
        parent = client.create_run(place, run_name=view.folder.resolve().name, tags=tags).info.run_id
        status = "KILLED"
        try:
            log(client, parent, flat(view.facts["settings"]), best_metrics(view) + system_metrics(view.facts))
            for done, row in enumerate(runs.to_dict("records"), start=1):
                _track_one(client, view, place, parent, row, by_run.get(row["run"]))
                progress("file in MLflow", done, len(runs))
            log_folder(client, parent, view)
            status = "FINISHED"
        finally:
            client.set_terminated(parent, status)
    return str(parent)


def best_metrics(view: RunView) -> list[tuple[str, float, int]]:
    """Return what the parent shows in a list of runs: how many there are, and the best objective."""
    settings, runs = view.table("settings"), view.table("runs")
    return [
        ("runs", float(len(runs)), 0),
        ("runs_failed", float((runs["fault"] != "").sum()), 0),
        ("best_objective", float(settings["objective"].iloc[0]), 0),
    ]


def _track_one(
    client: Any, view: RunView, place: str, parent: str, row: Mapping[Any, Any], scores: pd.DataFrame | None
) -> None:
    tags = study_tags(view.facts) | {"mlflow.parentRunId": parent, "config_sha256": row["config_sha256"]}
    tags |= {"fault": row["fault"]} if row["fault"] else {}
    name = f"{view.folder.resolve().name} · {row['run']}"
    tags = {key: value for key, value in tags.items() if value}
    run = client.create_run(place, run_name=name, tags=tags).info.run_id
    status = "KILLED"
    try:
        settings = {key: row[key] for key in view.facts["varied"]}
        log(client, run, {"setting": row["setting"], **settings}, [*run_metrics(row, scores)])
        status = "FAILED" if row["fault"] else "FINISHED"
    finally:
        client.set_terminated(run, status)


def run_metrics(row: Mapping[Any, Any], scores: pd.DataFrame | None) -> Iterator[tuple[str, float, int]]:
    """Yield name, value and step of a run's objective and of its scores, interval ends included."""
    if row["objective"] == row["objective"]:
        yield "objective", float(row["objective"]), 0
    if scores is not None:
        for model, rows in scores.assign(group="all").groupby("model"):
            for name, value, step in score_metrics(rows):
                yield metric_name(f"{model}.{name}"), value, step
