"""Judging models on patients they have not seen: predictions, scores with intervals, curves, a sentinel."""

from pipeline.evaluate.curves import calibration_table, roc_table
from pipeline.evaluate.decisions import decision_table
from pipeline.evaluate.differences import differences, gap_to_oracle, holm
from pipeline.evaluate.horizons import (
    Settled,
    fold_sets,
    prediction_months,
    settle_horizons,
    unusable,
    whole_sets,
)
from pipeline.evaluate.modalities import ablation, ablation_table, modality_columns
from pipeline.evaluate.optimism import optimism_table
from pipeline.evaluate.predictions import (
    Predictions,
    build_models,
    cross_validate,
    external,
    fit_models,
    model_context,
    validation_folds,
)
from pipeline.evaluate.scoring import Judgement, judge, score
from pipeline.evaluate.sentinel import shuffled_control
from pipeline.evaluate.subgroups import check_subgroups, subgroup_rows

__all__ = [
    "Judgement",
    "Predictions",
    "Settled",
    "ablation",
    "ablation_table",
    "build_models",
    "calibration_table",
    "check_subgroups",
    "cross_validate",
    "decision_table",
    "differences",
    "external",
    "fit_models",
    "fold_sets",
    "gap_to_oracle",
    "holm",
    "judge",
    "modality_columns",
    "model_context",
    "optimism_table",
    "prediction_months",
    "roc_table",
    "score",
    "settle_horizons",
    "shuffled_control",
    "subgroup_rows",
    "unusable",
    "validation_folds",
    "whole_sets",
]
