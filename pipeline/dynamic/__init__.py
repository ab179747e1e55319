"""Prediction updated at every visit: landmark models, and what each of them adds to baseline alone."""

from pipeline.dynamic.contract import DynamicAnalysis, DynamicModel
from pipeline.dynamic.judging import (
    BASELINE,
    REFERENCE,
    FittedDynamic,
    check_names,
    cross_validate_landmarks,
    fit_dynamic,
    judging_analysis,
    landmark_name,
    predict_landmarks,
    reached,
    risk_over_time,
    risk_sets,
)
from pipeline.dynamic.registry import DYNAMIC_MODELS, build_dynamic
from pipeline.dynamic.stack import LANDMARK, Stack, stack_landmarks

__all__ = [
    "BASELINE",
    "DYNAMIC_MODELS",
    "LANDMARK",
    "REFERENCE",
    "DynamicAnalysis",
    "DynamicModel",
    "FittedDynamic",
    "Stack",
    "build_dynamic",
    "check_names",
    "cross_validate_landmarks",
    "fit_dynamic",
    "judging_analysis",
    "landmark_name",
    "predict_landmarks",
    "reached",
    "risk_over_time",
    "risk_sets",
    "stack_landmarks",
]
