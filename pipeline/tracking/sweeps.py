"""From a sweep's folder to MLflow: one parent run, and below it a run for each of the sweep's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from pipeline.artifacts import RunView
from pipeline.schema import Progress, silent
from pipeline.tracking.client import flat, identity_tag, log, metric_name, open_run, place_of, system_metrics
from pipeline.tracking.runs import score_metrics
from pipeline.tracking.studies import log_folder, study_tags


def track_sweep(view: RunView, uri: str, experiment: str, progress: Progress = silent) -> str:
    """File a sweep and return the identifier of its parent run; one that was filed is not filed again.

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
    with place_of(view.facts, uri, experiment) as (_, client, place, filed):
        if filed is not None:
            progress("file in MLflow", len(runs), len(runs))
            return filed
        tags = study_tags(view.facts) | identity_tag(view.facts)
        with open_run(client, place, view.folder.resolve().name, tags) as parent:
            log(client, parent, flat(view.facts["settings"]), best_metrics(view) + system_metrics(view.facts))
            for done, row in enumerate(runs.to_dict("records"), start=1):
                _track_one(client, view, place, parent, row, by_run.get(row["run"]))
                progress("file in MLflow", done, len(runs))
            log_folder(client, parent, view)
    return parent


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
    tags = study_tags(view.facts) | {
        "mlflow.parentRunId": parent, "config_sha256": row["config_sha256"], "fault": row["fault"],
    }  # fmt: skip
    settings = {"setting": row["setting"], **{key: row[key] for key in view.facts["varied"]}}
    name, ending = f"{view.folder.resolve().name} · {row['run']}", "FAILED" if row["fault"] else "FINISHED"
    with open_run(client, place, name, tags, ending) as run:
        log(client, run, settings, [*run_metrics(row, scores)])


def run_metrics(row: Mapping[Any, Any], scores: pd.DataFrame | None) -> Iterator[tuple[str, float, int]]:
    """Yield name, value and step of a run's objective and of its scores, interval ends included."""
    if row["objective"] == row["objective"]:
        yield "objective", float(row["objective"]), 0
    if scores is not None:
        for model, rows in scores.assign(group="all").groupby("model"):
            for name, value, step in score_metrics(rows):
                yield metric_name(f"{model}.{name}"), value, step
