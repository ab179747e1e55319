"""The models that a config can name; one entry adds one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from pipeline.models.bayes_cox import BayesCox
from pipeline.models.boosting import GradientBoosting
from pipeline.models.contract import ModelContext, SurvivalModel
from pipeline.models.cox import RidgeCox
from pipeline.models.forest import ForestModel
from pipeline.models.oracle import Oracle
from pipeline.models.pdl1 import Pdl1Rule
from pipeline.models.published_model import ScoreKind
from pipeline.models.published_scores import SCORES
from pipeline.schema import lookup

MODELS: Final[Mapping[str, Callable[..., SurvivalModel]]] = {
    "cox": RidgeCox,
    "bayes_cox": BayesCox,
    "rsf": ForestModel,
    "gbm": GradientBoosting,
    "pdl1": Pdl1Rule,
    "oracle": Oracle,
    **{name: ScoreKind(name) for name in SCORES},
}


def build_model(name: str, context: ModelContext, options: Mapping[str, Any] | None = None) -> SurvivalModel:
    """Return the unfitted model `name`, or an InputError: unknown name, faulty option or missing column."""
    return lookup(MODELS, name, "model")(context, **(options or {}))
