"""The frozen description of everything that follows the cohort."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Spec(BaseModel):
    """A value read from YAML: immutable, and no key it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CrossValidation(Spec):
    """Repeated K-fold cross-validation by patient, stratified by event and arm."""

    folds: int = Field(5, ge=2, le=20)
    repeats: int = Field(2, ge=1, le=100)


class Bootstrap(Spec):
    """Percentile bootstrap over test patients; the fitted models are held fixed."""

    replicates: int = Field(200, ge=20, le=10_000)
    level: float = Field(0.95, gt=0.5, lt=1)


ForestScale = Literal["survival", "cumulative_hazard", "restricted_mean"]


class Explanation(Spec):
    """Which patients are explained, at which horizon, and what of a forest is."""

    patients: int = Field(200, ge=3, description="explained patients of the test cohort")
    waterfalls: int = Field(3, ge=0, le=20, description="patients drawn one by one: low, middle, high risk")
    horizon_months: float = Field(12, gt=0)
    forest_scale: ForestScale = Field("survival", description="what a forest's contributions are to")
    background: int = Field(
        0, ge=0, le=1000,
        description="training patients whose values stand for unknown ones; 0 follows the trees' own weights",
    )  # fmt: skip


class Analysis(Spec):
    """One analysis: endpoint, horizons, models and how they are judged.

    `models` maps a key of ``pipeline.models.MODELS`` to its options; `metrics` and `subgroups` name keys
    of ``pipeline.metrics.METRICS`` and columns of the cohort (numbers are cut at their median).
    """

    endpoint: Literal["os", "pfs"] = "os"
    horizons_months: tuple[float, ...] = (6, 12, 18, 24)
    models: dict[str, dict[str, Any]] = Field(
        default={"cox": {}, "rsf": {}, "pdl1": {}, "oracle": {}}, min_length=1
    )
    published: Literal["auto", "none"] = Field(
        "auto", description="published scores beside the models: all whose inputs are there, or none"
    )
    metrics: tuple[str, ...] = (
        "harrell_c", "uno_c", "auc", "brier", "ibs", "scaled_brier", "calibration_slope", "ici",
    )  # fmt: skip
    subgroups: tuple[str, ...] = ("arm",)
    features: tuple[str, ...] | None = Field(None, description="baseline columns to use; all when left out")
    cross_validation: CrossValidation = CrossValidation()
    bootstrap: Bootstrap = Bootstrap()
    explanation: Explanation = Explanation()

    @model_validator(mode="after")
    def _horizons_rise(self) -> Analysis:
        months = self.horizons_months
        if not months or months[0] <= 0 or any(b <= a for a, b in pairwise(months)):
            raise ValueError(f"horizons_months must be positive and increasing. Got {list(months)} instead")
        return self
