"""Published evidence as frozen specs: trials, markers, models and topics, each figure with its source."""

from synthetic_data.evidence.context import ModelSpec, TopicSpec
from synthetic_data.evidence.markers import Correlation, Distribution, Effect, MarkerSpec
from synthetic_data.evidence.register import (
    DEFAULT_FOLDER,
    Finding,
    Register,
    load_marker,
    load_register,
    load_trial,
    read_register,
)
from synthetic_data.evidence.trials import (
    Arm,
    Contrast,
    Readout,
    Response,
    Safety,
    SurvivalFigures,
    TrialSpec,
)
from synthetic_data.evidence.values import Count, FollowUp, Landmark, Median, Rate, Ratio, Source

__all__ = [
    "DEFAULT_FOLDER",
    "Arm",
    "Contrast",
    "Correlation",
    "Count",
    "Distribution",
    "Effect",
    "Finding",
    "FollowUp",
    "Landmark",
    "MarkerSpec",
    "Median",
    "ModelSpec",
    "Rate",
    "Ratio",
    "Readout",
    "Register",
    "Response",
    "Safety",
    "Source",
    "SurvivalFigures",
    "TopicSpec",
    "TrialSpec",
    "load_marker",
    "load_register",
    "load_trial",
    "read_register",
]
