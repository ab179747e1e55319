"""What every dynamic model promises, and the settings of a dynamic analysis."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Literal, Protocol, Self

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from pipeline.config import Bootstrap, CrossValidation, Spec
from pipeline.dynamic.stack import Stack
from pipeline.schema import Floats, Prediction


class DynamicModel(Protocol):
    """A model of what comes within a window after any landmark."""

    name: str

    def fit(self, stack: Stack, rng: np.random.Generator) -> Self:
        """Learn from stacked training rows."""

    def predict(self, table: pd.DataFrame, months: Floats) -> Prediction:
        """Return risk and survival `months` after the landmark of each row of a stack's table."""

    def refusals(self, analysis: DynamicAnalysis) -> list[str]:
        """Return every reason why the model, before it is fitted, cannot serve `analysis`."""

    def parameters(self) -> Mapping[str, Any]:
        """Return options and what tuning chose."""


class DynamicAnalysis(Spec):
    """One dynamic analysis: landmarks, window, models and how they are judged."""

    endpoint: Literal["os", "pfs"] = Field("pfs", description="what is predicted")
    landmarks_months: tuple[float, ...] = Field((1.5, 3, 6, 9, 12), min_length=1)
    window_months: float = Field(12, gt=0, description="events later than this after a landmark do not count")
    horizons_months: tuple[float, ...] = Field((6,), min_length=1, description="counted from the landmark")
    models: dict[str, dict[str, Any]] = Field(
        default={"baseline_cox": {}, "supermodel": {}, "landmark_forest": {}}, min_length=1
    )
    metrics: tuple[str, ...] = ("auc", "brier", "scaled_brier", "calibration_slope", "uno_c")
    cross_validation: CrossValidation = CrossValidation(folds=5, repeats=1)
    bootstrap: Bootstrap = Bootstrap()
    patient_pages: int = Field(3, ge=0, le=20, description="patients whose updated risk is drawn")
    reference_patients: int | None = Field(
        None,
        ge=1,
        description="also train the supermodel on so many drawn patients: what the visits can tell",
    )

    @model_validator(mode="after")
    def _months_rise(self) -> Self:
        faults = []
        for name, months, least in (
            ("landmarks_months", self.landmarks_months, 0.0),
            ("horizons_months", self.horizons_months, np.nextafter(0, 1)),
        ):
            if months[0] < least or any(b <= a for a, b in pairwise(months)):
                faults.append(f"{name} must be increasing, from {'0 on' if not least else 'above 0'}. "
                              f"Got {list(months)} instead")  # fmt: skip
        if max(self.horizons_months) > self.window_months:
            faults.append(
                f"horizons_months must lie within window_months ({self.window_months:g}). "
                f"Got {list(self.horizons_months)} instead"
            )
        if faults:
            raise ValueError("; ".join(faults))
        return self
