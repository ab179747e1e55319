"""Adverse events: how often, who has them, and whether patients who do live longer."""

from pipeline.toxicity.immortal_time import METHODS, Onsets, contrast, onsets_of
from pipeline.toxicity.incidence import competing_outcome, cumulative_incidence
from pipeline.toxicity.risk import CAUSE_MODELS, cross_validated_risk

__all__ = [
    "CAUSE_MODELS",
    "METHODS",
    "Onsets",
    "competing_outcome",
    "contrast",
    "cross_validated_risk",
    "cumulative_incidence",
    "onsets_of",
]
