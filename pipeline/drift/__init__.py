"""Whether new patients are still those a model was trained on: markers, gaps, outcomes, and a verdict."""

from pipeline.drift.outcomes import outcome_drift
from pipeline.drift.rules import DriftRules
from pipeline.drift.shift import comparable, marker_shift, population_stability
from pipeline.drift.verdict import LEVELS, Drift, judge_drift

__all__ = [
    "LEVELS",
    "Drift",
    "DriftRules",
    "comparable",
    "judge_drift",
    "marker_shift",
    "outcome_drift",
    "population_stability",
]
