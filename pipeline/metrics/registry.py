"""The metrics that a config can name; one entry adds one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pipeline.metrics.brier import brier, ibs, scaled_brier
from pipeline.metrics.calibration import (
    calibration_errors,
    calibration_intercept,
    calibration_slope,
    d_calibration,
    slope_within_folds,
)
from pipeline.metrics.contract import Metric
from pipeline.metrics.discrimination import antolini_c, auc, harrell_c, median_auc, uno_c
from pipeline.metrics.rmst import rmst_bias, rmst_difference

METRICS: Final[Mapping[str, Metric]] = {
    "harrell_c": Metric("Harrell's C", "higher", by_horizon=False, within_fold=True, compute=harrell_c,
                        chance=0.5, bound=1.0),
    "uno_c": Metric("Uno's C", "higher", by_horizon=False, within_fold=True, compute=uno_c,
                    to_the_end=True, chance=0.5, bound=1.0),
    "antolini_c": Metric("Antolini's C", "higher", by_horizon=False, within_fold=True, compute=antolini_c,
                         chance=0.5, bound=1.0),
    "auc": Metric("AUC", "higher", by_horizon=True, within_fold=True, compute=auc, chance=0.5, bound=1.0),
    "median_auc": Metric("Median AUC of the horizons", "higher", by_horizon=False, within_fold=True,
                         compute=median_auc, median_of="auc", chance=0.5, bound=1.0),
    "brier": Metric("Brier score", "lower", by_horizon=True, within_fold=False, compute=brier, bound=0.0),
    "ibs": Metric("Integrated Brier score", "lower", by_horizon=False, within_fold=False, compute=ibs,
                  to_the_end=True, bound=0.0),
    "scaled_brier": Metric("Scaled Brier score", "higher", by_horizon=True, within_fold=False,
                           compute=scaled_brier, bound=1.0),
    "calibration_intercept": Metric("Calibration intercept", "zero", by_horizon=True, within_fold=False,
                                    compute=calibration_intercept),
    "calibration_slope": Metric("Calibration slope", "one", by_horizon=True, within_fold=False,
                                compute=calibration_slope, over_folds=slope_within_folds),
    "ici": Metric("Integrated calibration index", "lower", by_horizon=True, within_fold=False,
                  compute=calibration_errors, part=0),
    "e50": Metric("Median calibration error", "lower", by_horizon=True, within_fold=False,
                  compute=calibration_errors, part=1),
    "e90": Metric("90th percentile of calibration error", "lower", by_horizon=True, within_fold=False,
                  compute=calibration_errors, part=2),
    "d_calibration": Metric("D-calibration chi-square", "lower", by_horizon=False, within_fold=False,
                            compute=d_calibration),
    "rmst_difference": Metric("Months gained by the lower-risk half", "higher", by_horizon=True,
                              within_fold=True, compute=rmst_difference, chance=0.0),
    "rmst_bias": Metric("Observed less predicted months", "zero", by_horizon=True, within_fold=False,
                        compute=rmst_bias),
}  # fmt: skip
