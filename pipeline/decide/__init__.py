"""Decisions: policies as declared rules, and what they are worth to simulated and to real patients."""

from pipeline.decide.follow import follow
from pipeline.decide.knowledge import WEEK, Known, Series, gather, prediction_series
from pipeline.decide.outcomes import Action, Clock, Ratios, Where, months_under
from pipeline.decide.policy import START, Assay, Policy, PredictionTrigger, Rule, bound_words
from pipeline.decide.strategies import Guided, Outcome, World
from pipeline.decide.value import (
    Judging,
    difference_table,
    net_benefit_table,
    net_value_table,
    value_table,
)
from pipeline.decide.weighting import weighted_values

__all__ = [
    "START",
    "WEEK",
    "Action",
    "Assay",
    "Clock",
    "Guided",
    "Judging",
    "Known",
    "Outcome",
    "Policy",
    "PredictionTrigger",
    "Ratios",
    "Rule",
    "Series",
    "Where",
    "World",
    "bound_words",
    "difference_table",
    "follow",
    "gather",
    "months_under",
    "net_benefit_table",
    "net_value_table",
    "prediction_series",
    "value_table",
    "weighted_values",
]
