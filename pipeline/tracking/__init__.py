"""A finished run folder filed in MLflow: a parent run, a child a model, datasets, figures and models."""

from pipeline.tracking.champion import crown, verdict_line
from pipeline.tracking.runs import log_report, track_run
from pipeline.tracking.store import check_store, resolve_store, ui_command
from pipeline.tracking.studies import track_study
from pipeline.tracking.sweeps import track_sweep

__all__ = [
    "check_store",
    "crown",
    "log_report",
    "resolve_store",
    "track_run",
    "track_study",
    "track_sweep",
    "ui_command",
    "verdict_line",
]
