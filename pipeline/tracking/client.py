"""What everything filed in MLflow goes through: a silent client, an experiment, batches of what is logged."""

from __future__ import annotations

import logging
import os
import re
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final, NamedTuple

from pipeline.artifacts.owners import is_gone, this_process
from pipeline.tracking.refusals import StoreError, refusal
from pipeline.tracking.store import artifact_root, keep_offline, make_store, plain_uri

OWNER, IDENTITY = "lungio.process", "lungio.identity"
MOST_RUNNING: Final = 1000
# Left to itself MLflow asks a server that is gone for minutes before it says so.
SERVER_PATIENCE: Final = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
}
METRICS_A_CALL: Final = 1000  # what MLflow accepts at once
PARAMETERS_A_CALL: Final = 100
PARAMETER_LETTERS: Final = 500
VERSION_LETTERS: Final = 12


def log(
    client: Any, run_id: str, parameters: Mapping[str, Any], metrics: list[tuple[str, float, int]]
) -> None:
    """Log parameters, and metrics as name, value and step, in calls of the size that MLflow takes."""
    from mlflow.entities import Metric, Param

    now = int(time.time() * 1000)
    params = [Param(metric_name(key), str(value)[:PARAMETER_LETTERS]) for key, value in parameters.items()]
    for start in range(0, len(params), PARAMETERS_A_CALL):
        client.log_batch(run_id, params=params[start : start + PARAMETERS_A_CALL])
    for start in range(0, len(metrics), METRICS_A_CALL):
        part = metrics[start : start + METRICS_A_CALL]
        client.log_batch(run_id, metrics=[Metric(name, value, now, step) for name, value, step in part])


def open_experiment(client: Any, name: str, uri: str) -> str:
    """Return the identifier of experiment `name`, made or restored when need be.

    Runs in it that a killed process left as running are marked as failed.
    """
    found = client.get_experiment_by_name(name)
    if found is None:
        root = artifact_root(uri)
        folder = re.sub(r"[^\w.-]", "_", name).strip(".") or "_"  # never a folder above
        place = f"{root}/{folder}" if root else None
        try:
            return str(client.create_experiment(name, artifact_location=place))
        except Exception as error:
            if getattr(error, "error_code", "") != "RESOURCE_ALREADY_EXISTS":
                raise
            found = client.get_experiment_by_name(name)  # another process made it in between
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    for run in abandoned_runs(client, [str(found.experiment_id)]):
        client.set_terminated(run.info.run_id, "FAILED")
    return str(found.experiment_id)


def abandoned_runs(client: Any, experiments: Sequence[str]) -> list[Any]:
    """Return the runs of ours that are marked as running and whose process is gone."""
    running = client.search_runs(
        list(experiments), f"attributes.status = 'RUNNING' and tags.`{OWNER}` != ''", max_results=MOST_RUNNING
    )
    return [run for run in running if is_abandoned(run)]


def is_abandoned(run: Any) -> bool:
    """Whether a run that is marked as running is ours, of a process that is gone."""
    return is_gone(run.data.tags.get(OWNER, ""))


@contextmanager
def open_run(
    client: Any, experiment: str, name: str, tags: Mapping[str, str], ending: str = "FINISHED"
) -> Iterator[str]:
    """Yield the identifier of a new run, which ends as `ending` says, as failed or, by Ctrl-C, as killed.

    Its tags say which process writes it, so that a run whose process was killed outright can be told from
    one that is still being written.
    """
    tags = {key: value for key, value in tags.items() if value} | {OWNER: this_process()}
    run = str(client.create_run(experiment, run_name=name, tags=tags).info.run_id)
    try:
        yield run
    except BaseException as error:
        ended = "FAILED" if isinstance(error, Exception) else "KILLED"
        with suppress(Exception):  # the store may be what failed
            client.set_terminated(run, ended)
        raise
    client.set_terminated(run, ending)


def filed_before(client: Any, experiment: str, facts: Mapping[str, Any]) -> str | None:
    """Return the (parent) run under which the work of a folder was filed whole, None when it was not."""
    if not (tags := identity_tag(facts)):
        return None
    query = " and ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items())
    found = client.search_runs([experiment], f"{query} and attributes.status = 'FINISHED'")
    return str(found[0].info.run_id) if found else None


class Place(NamedTuple):
    """An experiment of a store, and the run under which a folder was filed there before, if it was."""

    mlflow: Any
    client: Any
    experiment: str
    filed: str | None


@contextmanager
def place_of(facts: Mapping[str, Any], uri: str, experiment: str) -> Iterator[Place]:
    """Open an experiment to file a folder with these `facts`; made or restored when need be."""
    with quiet_mlflow(uri) as mlflow:
        client = mlflow.MlflowClient(tracking_uri=uri)
        found = open_experiment(client, experiment, uri)
        yield Place(mlflow, client, found, filed_before(client, found, facts))


def identity_tag(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return the tag of a (parent) run that no other folder's has; none for a folder without identity."""
    return {IDENTITY: str(facts["identity"])} if facts.get("identity") else {}


@contextmanager
def quiet_mlflow(uri: str) -> Iterator[Any]:
    """Yield mlflow, pointed at the store, silent about itself and with nothing sent home.

    Raises
    ------
    StoreError
        When the store does not answer, is locked or full, or refuses us.
    """
    keep_offline()
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    for setting, value in SERVER_PATIENCE.items():
        os.environ.setdefault(setting, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside MLflow are not the user's to act on
        import mlflow

        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.CRITICAL if name == "mlflow" else logging.ERROR)
        before = os.environ.get("MLFLOW_TRACKING_URI")  # MLflow keeps its setting there too; None unsets both
        mlflow.set_tracking_uri(uri)
        try:
            make_store(mlflow, uri)
            yield mlflow
        except Exception as error:
            if (reason := refusal(error)) is None:
                raise
            raise StoreError(f"MLflow store {plain_uri(uri)}: {reason}") from error
        finally:
            mlflow.set_tracking_uri(before)


def facts_tags(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return the tags that every run of ours carries: what decided it, and what it is for.

    ``cohort_sha256`` is the digest of the training cohort (of the first, where none has that part), and
    ``evidence_version`` that of the published figures it rests on, shortened as git shortens a commit.
    """
    cohorts = facts["cohorts"]
    first = cohorts.get("train") or next(iter(cohorts.values()), {"name": "", "sha256": ""})
    return {
        "run": facts["name"],
        "cohort": first["name"],
        "cohort_sha256": first["sha256"],
        "config_sha256": facts["config_sha256"],
        "evidence_sha256": facts["evidence"]["sha256"],
        "evidence_version": facts["evidence"]["sha256"][:VERSION_LETTERS],
        "git_commit": (facts.get("git") or {}).get("commit", ""),
        "lungio": facts["versions"]["lungio"],
        "mlflow.note.content": facts["research_use"],
        "mlflow.source.type": "LOCAL",
    }


def system_metrics(facts: Mapping[str, Any]) -> list[tuple[str, float, int]]:
    """Return what a job took as MLflow's system metrics, which its pages show on a tab of their own.

    MLflow's own sampler watches a run while it is open in the store; ours are filed when they are whole, so
    the job measures itself: time on the clock and of processors, largest memory, seconds of each stage.
    """
    found = {f"system/{name}": value for name, value in facts.get("system", {}).items()}
    found |= {f"system/seconds/{metric_name(s)}": value for s, value in facts.get("seconds", {}).items()}
    return [(name, float(value), 0) for name, value in found.items()]


def metric_name(name: str) -> str:
    """Spell a name with the letters MLflow takes."""
    for sign, word in (("=", ": "), ("≤", "up to"), (">", "above")):
        name = name.replace(sign, word)
    return re.sub(r"[^A-Za-z0-9_\-./: ]", "_", name)


def flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested mappings as one, keys joined by dots."""
    out: dict[str, Any] = {}
    for key, part in value.items():
        if isinstance(part, Mapping) and part:
            out |= flat(part, f"{prefix}{key}.")
        else:
            out[f"{prefix}{key}"] = part
    return out
