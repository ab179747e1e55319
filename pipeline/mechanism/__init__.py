"""The likeliest reason why checkpoint inhibition fails a patient, or that nothing can be said."""

from pipeline.mechanism.classifier import CLASSES, UNKNOWN, MechanismModel, MechanismOptions
from pipeline.mechanism.judging import accuracy_table, calibration_error, confusion, reliability

__all__ = [
    "CLASSES",
    "UNKNOWN",
    "MechanismModel",
    "MechanismOptions",
    "accuracy_table",
    "calibration_error",
    "confusion",
    "reliability",
]
