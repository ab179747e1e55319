"""The frozen description of everything that follows the cohort."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

ForestScale = Literal["survival", "cumulative_hazard", "restricted_mean"]


class Spec(BaseModel):
    """A value read from YAML: immutable, and no key it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CrossValidation(Spec):
    """Repeated K-fold cross-validation, stratified by event and arm; all tuning happens inside a fold.

    `by` names a column (a site, a trial) whose groups stay whole: nobody is predicted by a model that saw
    their group. With as many folds as groups, each is left out once.
    """

    folds: int = Field(5, ge=2, le=200)
    repeats: int = Field(2, ge=1, le=100)
    by: str = Field("patient", min_length=1, description="'patient', or a column whose groups stay whole")


class Bootstrap(Spec):
    """Percentile bootstrap over test patients; the fitted models are held fixed."""

    replicates: int = Field(200, ge=20, le=10_000)
    level: float = Field(0.95, gt=0.5, lt=1)


class Decision(Spec):
    """The predicted risks from which somebody would act, for decision curves."""

    thresholds: tuple[float, ...] = tuple(round(0.05 * k, 2) for k in range(1, 20))

    @model_validator(mode="after")
    def _thresholds_are_probabilities(self) -> Decision:
        if any(not 0 < p < 1 for p in self.thresholds) or any(b <= a for a, b in pairwise(self.thresholds)):
            raise ValueError(
                f"thresholds must rise and lie between 0 and 1. Got {list(self.thresholds)} instead"
            )
        return self


class Optimism(Spec):
    """Bootstrap of the fitting itself: how much better models look on the patients they learnt from."""

    replicates: int = Field(100, ge=10, le=1000)
    metrics: tuple[str, ...] = ("harrell_c", "brier")


class Ablation(Spec):
    """A model fitted again with every combination of modalities, and what it is judged by."""

    model: Literal["cox", "rsf", "gbm"] = "cox"
    metrics: tuple[str, ...] = Field(("uno_c", "scaled_brier"), min_length=1)


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


class ResponseAnalysis(Spec):
    """Classifiers of objective response, and what patients without an evaluated response count as.

    `models` maps a key of ``pipeline.response.CLASSIFIERS`` to its options; published rates, published
    scores and the truth stand beside them wherever they are known.
    """

    models: dict[str, dict[str, Any]] = Field(default={"logistic": {}, "boosted": {}}, min_length=1)
    never_evaluated: Literal["no_response", "left_out"] = Field(
        "no_response",
        description="patients whose response was not evaluable or is not recorded: counted as without one, "
        "as trials report their rates, or left out",
    )


class Analysis(Spec):
    """One analysis: endpoint, horizons, models and how they are judged.

    `models` maps a key of ``pipeline.models.MODELS`` to its options; `metrics` and `subgroups` name keys
    of ``pipeline.metrics.METRICS`` and columns of the cohort (numbers are cut at their median). Horizons
    beyond what every fold and cohort was followed to are dropped and reported. `tau_months` ends Uno's C and
    the integrated scores; left out, it is the longest time that the same rule allows.
    """

    endpoint: Literal["os", "pfs"] = "os"
    horizons_months: tuple[float, ...] = (6, 12, 18, 24, 30)
    tau_months: float | None = Field(None, gt=0)
    models: dict[str, dict[str, Any]] = Field(
        default={"cox": {}, "rsf": {}, "pdl1": {}, "oracle": {}}, min_length=1
    )
    published: Literal["auto", "none"] = Field(
        "auto", description="published scores beside the models: all whose inputs are there, or none"
    )
    metrics: tuple[str, ...] = (
        "harrell_c", "uno_c", "antolini_c", "auc", "median_auc", "brier", "ibs", "scaled_brier",
        "calibration_intercept", "calibration_slope", "ici", "e50", "e90", "d_calibration", "rmst_difference",
        "rmst_bias",
    )  # fmt: skip
    subgroups: tuple[str, ...] = ("arm",)
    features: tuple[str, ...] | None = Field(None, description="baseline columns to use; all when left out")
    cross_validation: CrossValidation = CrossValidation()
    bootstrap: Bootstrap = Bootstrap()
    decision: Decision = Decision()
    optimism: Optimism | None = None
    ablation: Ablation | None = None
    explanation: Explanation = Explanation()
    response: ResponseAnalysis | None = None

    @model_validator(mode="after")
    def _horizons_rise(self) -> Analysis:
        months = self.horizons_months
        if not months or months[0] <= 0 or any(b <= a for a, b in pairwise(months)):
            raise ValueError(f"horizons_months must be positive and increasing. Got {list(months)} instead")
        return self
