"""Judging models on patients they have not seen: predictions, scores with intervals, curves, a sentinel."""

from pipeline.evaluate.curves import calibration_table, roc_table
from pipeline.evaluate.horizons import check_horizons, prediction_months
from pipeline.evaluate.predictions import (
    Predictions,
    build_models,
    cross_validate,
    external,
    fit_models,
    model_context,
)
from pipeline.evaluate.scoring import Judgement, differences, gap_to_oracle, judge, score
from pipeline.evaluate.sentinel import shuffled_control
from pipeline.evaluate.subgroups import check_subgroups, subgroup_rows

__all__ = [
    "Judgement",
    "Predictions",
    "build_models",
    "calibration_table",
    "check_horizons",
    "check_subgroups",
    "cross_validate",
    "differences",
    "external",
    "fit_models",
    "gap_to_oracle",
    "judge",
    "model_context",
    "prediction_months",
    "roc_table",
    "score",
    "shuffled_control",
    "subgroup_rows",
]
