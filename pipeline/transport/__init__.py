"""Models carried from one cohort to another: what both measure, fine-tuning, learning curves."""

from pipeline.transport.alignment import align, of_arms, shared_columns
from pipeline.transport.comparison import compared
from pipeline.transport.fine_tuning import FineTunedCox, MixtureForest
from pipeline.transport.learning_curve import LearningCurve, learning_curve, patients_to_match

__all__ = [
    "FineTunedCox",
    "LearningCurve",
    "MixtureForest",
    "align",
    "compared",
    "learning_curve",
    "of_arms",
    "patients_to_match",
    "shared_columns",
]
