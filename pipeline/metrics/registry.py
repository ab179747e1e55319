"""The metrics that a config can name; one entry adds one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pipeline.metrics.brier import brier, ibs, scaled_brier
from pipeline.metrics.calibration import calibration_slope, ici
from pipeline.metrics.contract import Metric
from pipeline.metrics.discrimination import auc, harrell_c, uno_c

METRICS: Final[Mapping[str, Metric]] = {
    "harrell_c": Metric("Harrell's C", "higher", by_horizon=False, within_fold=True, compute=harrell_c),
    "uno_c": Metric("Uno's C", "higher", by_horizon=False, within_fold=True, compute=uno_c),
    "auc": Metric("AUC", "higher", by_horizon=True, within_fold=True, compute=auc),
    "brier": Metric("Brier score", "lower", by_horizon=True, within_fold=False, compute=brier),
    "ibs": Metric("Integrated Brier score", "lower", by_horizon=False, within_fold=False, compute=ibs),
    "scaled_brier": Metric("Scaled Brier score", "higher", by_horizon=True, within_fold=False,
                           compute=scaled_brier),
    "calibration_slope": Metric("Calibration slope", "one", by_horizon=True, within_fold=False,
                                compute=calibration_slope),
    "ici": Metric("Integrated calibration index", "lower", by_horizon=True, within_fold=False, compute=ici),
}  # fmt: skip
