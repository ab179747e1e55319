"""Prediction that starts at a landmark: what serial measurements have shown by then, as features."""

from pipeline.landmark.cohort import at_risk, landmark_cohort
from pipeline.landmark.kinetics import LandmarkFeatures
from pipeline.landmark.series import SERIES, Series, measured_columns, series_of

__all__ = [
    "SERIES",
    "LandmarkFeatures",
    "Series",
    "at_risk",
    "landmark_cohort",
    "measured_columns",
    "series_of",
]
