"""Exact explanations of fitted models, summed by column and modality, and held against the truth."""

from pipeline.explain.agreement import Agreement, TruePart, agreement_with_truth, told
from pipeline.explain.attribution import (
    CUMULATIVE_HAZARD,
    LOG_HAZARD,
    RESTRICTED_MEAN,
    SURVIVAL,
    TOLERANCE,
    AdditivityError,
    Attribution,
    Scale,
)
from pipeline.explain.exact import linear_shap, tree_shap, tree_shap_by_shap, tree_shap_interactions
from pipeline.explain.importance import importance
from pipeline.explain.leaf_paths import ForestNodes, LeafPaths
from pipeline.explain.models import EXPLAINERS, dependence, explain, explain_effect
from pipeline.explain.stories import beeswarm_table, choose_patients, measured, waterfall_table

__all__ = [
    "CUMULATIVE_HAZARD",
    "EXPLAINERS",
    "LOG_HAZARD",
    "RESTRICTED_MEAN",
    "SURVIVAL",
    "TOLERANCE",
    "AdditivityError",
    "Agreement",
    "Attribution",
    "ForestNodes",
    "LeafPaths",
    "Scale",
    "TruePart",
    "agreement_with_truth",
    "beeswarm_table",
    "choose_patients",
    "dependence",
    "explain",
    "explain_effect",
    "importance",
    "linear_shap",
    "measured",
    "told",
    "tree_shap",
    "tree_shap_by_shap",
    "tree_shap_interactions",
    "waterfall_table",
]
