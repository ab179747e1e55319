"""Metrics of survival predictions, each computed at once for a sample and all its bootstrap resamples."""

from pipeline.metrics.bootstrap import estimate, interval, resamples
from pipeline.metrics.calibration import calibration_curve
from pipeline.metrics.contract import Metric
from pipeline.metrics.discrimination import roc_curve_at
from pipeline.metrics.net_benefit import net_benefit
from pipeline.metrics.registry import METRICS

__all__ = [
    "METRICS",
    "Metric",
    "calibration_curve",
    "estimate",
    "interval",
    "net_benefit",
    "resamples",
    "roc_curve_at",
]
