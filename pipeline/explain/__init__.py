"""Exact explanations of fitted models, summed by column and modality, and held against the truth."""

from pipeline.explain.attribution import (
    LOG_HAZARD,
    SURVIVAL,
    TOLERANCE,
    AdditivityError,
    Attribution,
    Scale,
)
from pipeline.explain.exact import linear_shap, tree_shap
from pipeline.explain.importance import Agreement, agreement_with_truth, importance
from pipeline.explain.models import EXPLAINERS, explain
from pipeline.explain.stories import beeswarm_table, choose_patients, measured, waterfall_table

__all__ = [
    "EXPLAINERS",
    "LOG_HAZARD",
    "SURVIVAL",
    "TOLERANCE",
    "AdditivityError",
    "Agreement",
    "Attribution",
    "Scale",
    "agreement_with_truth",
    "beeswarm_table",
    "choose_patients",
    "explain",
    "importance",
    "linear_shap",
    "measured",
    "tree_shap",
    "waterfall_table",
]
