"""Who gains from one treatment over another: learners, and measures that take no risk for a benefit."""

from pipeline.benefit.interaction import benefit_by_score, treatment_interaction
from pipeline.benefit.judging import (
    MEASURES,
    BenefitScores,
    benefit_curve,
    benefit_groups,
    judge_benefit,
    sequential_benefit,
)
from pipeline.benefit.learners import LEARNERS, Question, predict_benefit, randomised, true_benefit
from pipeline.benefit.measures import c_for_benefit, qini
from pipeline.benefit.pseudo_observations import pseudo_observations

__all__ = [
    "LEARNERS",
    "MEASURES",
    "BenefitScores",
    "Question",
    "benefit_by_score",
    "benefit_curve",
    "benefit_groups",
    "c_for_benefit",
    "judge_benefit",
    "predict_benefit",
    "pseudo_observations",
    "qini",
    "randomised",
    "sequential_benefit",
    "treatment_interaction",
    "true_benefit",
]
