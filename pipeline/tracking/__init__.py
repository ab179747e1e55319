"""A finished run folder filed in MLflow: a parent run, a child a model, datasets, figures and models."""

from pipeline.tracking.runs import log_report, track_run
from pipeline.tracking.store import check_store, resolve_store, ui_command

__all__ = ["check_store", "log_report", "resolve_store", "track_run", "ui_command"]
