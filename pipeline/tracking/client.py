"""What everything filed in MLflow goes through: a silent client, an experiment, batches of what is logged."""

from __future__ import annotations

import logging
import os
import re
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from pipeline.tracking.store import artifact_root, keep_offline

METRICS_A_CALL: Final = 1000  # what MLflow accepts at once
PARAMETERS_A_CALL: Final = 100
PARAMETER_LETTERS: Final = 500


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
    """Return the identifier of experiment `name`, made or restored when need be."""
    found = client.get_experiment_by_name(name)
    if found is None:
        root = artifact_root(uri)
        folder = re.sub(r"[^\w.-]", "_", name)
        place = f"{root}/{folder}" if root else None
        return str(client.create_experiment(name, artifact_location=place))
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


@contextmanager
def quiet_mlflow(uri: str) -> Iterator[Any]:
    """Yield mlflow, pointed at the store, silent about itself and with nothing sent home."""
    keep_offline()
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside MLflow are not the user's to act on
        import mlflow

        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.ERROR)
        before = os.environ.get("MLFLOW_TRACKING_URI")  # MLflow keeps its setting there too; None unsets both
        mlflow.set_tracking_uri(uri)
        try:
            yield mlflow
        finally:
            mlflow.set_tracking_uri(before)


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
