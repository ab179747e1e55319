"""A cohort's baseline columns and arm as the numbers a model learns from."""

from pipeline.features.builder import FeatureBuilder
from pipeline.features.derived import DERIVED, Derived

__all__ = ["DERIVED", "Derived", "FeatureBuilder"]
