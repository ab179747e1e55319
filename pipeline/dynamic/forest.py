"""One survival forest for all landmarks: the landmark is a feature like any other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field

from pipeline.config import Spec
from pipeline.dynamic.contract import DynamicAnalysis
from pipeline.dynamic.stack import LANDMARK, Stack
from pipeline.features import FeatureBuilder
from pipeline.models.contract import check_outcome, read_options
from pipeline.schema import Floats, Prediction


class LandmarkForestOptions(Spec):
    """Size of the forest."""

    serial: bool = Field(True, description="use what visits have shown; baseline columns alone otherwise")
    n_estimators: int = Field(200, ge=1, le=10_000)
    min_samples_leaf: int = Field(30, ge=1, description="rows, of which a patient has one a landmark")
    max_features: Literal["sqrt", "log2"] | float = 0.3
    n_jobs: int = Field(2, ge=1)


class LandmarkForest:
    """A survival forest on stacked landmarks, which may find that effects change with the landmark.

    Rows of one patient are drawn like any others: curves of unseen patients are judged, never out-of-bag
    ones, which would lean on a patient's other rows.

    Attributes
    ----------
    forest : pipeline.survival_forest.SurvivalForest
    """

    def __init__(self, name: str = "landmark_forest", **options: Any) -> None:
        self.name = name
        self.options = read_options(LandmarkForestOptions, name, options)

    def fit(self, stack: Stack, rng: np.random.Generator) -> Self:
        """Grow the forest on stacked training rows."""
        from pipeline.survival_forest import SurvivalForest

        check_outcome(self.name, stack.table, stack.y)
        self.features = FeatureBuilder(stack.columns_used(self.options.serial), stack.control_arm)
        self.features.fit(stack.table)
        options = self.options.model_dump(exclude={"serial"})
        self.forest = SurvivalForest(**options, random_state=int(rng.integers(2**31 - 1)))
        self.forest.fit(self.design(stack.table), stack.y)
        return self

    def design(self, table: pd.DataFrame) -> Floats:
        """Return the features and the landmark, shape (n, p + 1)."""
        x = self.features.transform(table).to_numpy()
        return np.column_stack([x, table[LANDMARK.name].to_numpy(dtype=float)])

    def predict(self, table: pd.DataFrame, months: Floats) -> Prediction:
        """Return ensemble mortality as risk, and survival `months` after each row's landmark."""
        x, months = self.design(table), np.asarray(months, dtype=float)
        survival = self.forest.predict_survival_function(x, times=months)
        return Prediction(self.forest.predict(x), months, np.asarray(survival))

    def refusals(self, analysis: DynamicAnalysis) -> list[str]:
        """Return nothing: it serves any analysis."""
        return []

    def parameters(self) -> Mapping[str, Any]:
        """Return the options."""
        return self.options.model_dump(mode="json", exclude={"n_jobs"})
