"""Models that turn table rows into survival curves: Cox, forest, published scores and the oracle."""

from pipeline.models.contract import ModelContext, SurvivalModel
from pipeline.models.kaplan_meier import kaplan_meier, null_prediction
from pipeline.models.published_model import available_scores
from pipeline.models.registry import MODELS, build_model
from pipeline.models.storage import load_model, save_model

__all__ = [
    "MODELS",
    "ModelContext",
    "SurvivalModel",
    "available_scores",
    "build_model",
    "kaplan_meier",
    "load_model",
    "null_prediction",
    "save_model",
]
