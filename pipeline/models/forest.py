"""Random survival forest by scikit-survival on a stated time grid, kept as plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from pipeline.config import Spec
from pipeline.features import FeatureBuilder
from pipeline.models.contract import (
    Arrays,
    FeatureTransformer,
    ModelContext,
    Outcome,
    check_outcome,
    read_options,
)
from pipeline.models.forest_arrays import ForestArrays
from pipeline.schema import Floats, Prediction, Truth


class ForestOptions(Spec):
    """Size of the forest and its time grid; `max_samples` is the share of patients drawn for each tree."""

    n_estimators: int = Field(100, ge=1, le=10_000)
    min_samples_leaf: int = Field(15, ge=1)
    max_features: Literal["sqrt", "log2"] | float = "sqrt"
    max_samples: float | None = Field(None, gt=0, le=1)
    grid_months: float = Field(1.0, gt=0, description="event and censoring times are rounded up to this")
    n_jobs: int = Field(2, ge=1)


class SurvivalForest:
    """Random survival forest with log-rank splits (Ishwaran et al., Ann Appl Stat 2008).

    Times are rounded up to multiples of `grid_months`: memory and time grow with the number of unique
    times, and accuracy does not. Curves are exact at grid months and straight between them. Risk is the
    ensemble mortality, the cumulative hazard summed over event months.

    Attributes
    ----------
    forest : ForestArrays
        The fitted trees; columns of their input are `feature_names`, as float32.
    feature_names : tuple of str
    """

    name = "rsf"
    explainable = True
    portable = True

    def __init__(self, context: ModelContext, **options: Any) -> None:
        self.context = context
        self.options = read_options(ForestOptions, self.name, options)
        self.features: FeatureTransformer | None = None

    def fit(self, frame: pd.DataFrame, y: Outcome, rng: np.random.Generator) -> SurvivalForest:
        """Grow the forest; the same generator grows the same trees whatever `n_jobs`."""
        from sksurv.ensemble import RandomSurvivalForest

        check_outcome(self.name, frame, y)
        features = FeatureBuilder(self.context.columns, self.context.control_arm).fit(frame)
        x = features.transform(frame)
        o = self.options
        grower = RandomSurvivalForest(
            n_estimators=o.n_estimators,
            min_samples_leaf=o.min_samples_leaf,
            max_features=o.max_features,
            max_samples=o.max_samples,
            n_jobs=o.n_jobs,
            random_state=int(rng.integers(2**31 - 1)),
        )
        grower.fit(x.to_numpy(dtype=np.float32), on_grid(y, o.grid_months))
        self.features = features
        self.feature_names = tuple(x.columns)
        self.forest = ForestArrays.of(grower)
        return self

    def predict(self, frame: pd.DataFrame, months: Floats) -> Prediction:
        """Return ensemble mortality as risk, and mean leaf survival at `months`."""
        months = np.asarray(months, dtype=float)
        risk, survival = self.forest.predict(self._inputs(frame), months)
        return Prediction(risk, months, survival)

    def cumulative_hazard(self, frame: pd.DataFrame, months: Floats) -> Floats:
        """Return mean leaf cumulative hazard at `months`, shape (n, m)."""
        return self.forest.cumulative_hazard(self._inputs(frame), np.asarray(months, dtype=float))

    def _inputs(self, frame: pd.DataFrame) -> NDArray[np.float32]:
        if self.features is None:
            raise ValueError("rsf must be fitted before it predicts")
        return self.features.transform(frame)[list(self.feature_names)].to_numpy(dtype=np.float32)

    def parameters(self) -> dict[str, Any]:
        """Return options and the forest's size."""
        sizes = {
            "features": len(self.feature_names),
            "grid_times": len(self.forest.months),
            "leaves": sum(len(tree.leaf_survival) for tree in self.forest.trees),
        }
        return self.options.model_dump(mode="json", exclude={"n_jobs"}) | sizes

    def with_truths(self, truths: tuple[Truth, ...]) -> SurvivalForest:
        """Return itself: a fitted forest knows no truth."""
        return self

    def export(self) -> tuple[dict[str, Any], Arrays]:
        """Return the trees as arrays."""
        if self.features is None:
            raise ValueError("rsf must be fitted before it is saved")
        document = {
            "features": self.features.to_dict(),
            "feature_names": list(self.feature_names),
            "options": self.options.model_dump(mode="json"),
        }
        return document, self.forest.to_arrays()

    @classmethod
    def restore(cls, document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> SurvivalForest:
        """Rebuild a fitted forest; nothing but numpy and the feature table is needed to predict."""
        model = cls.__new__(cls)
        model.options = ForestOptions.model_validate(document["options"])
        model.features = FeatureBuilder.from_dict(document["features"])
        model.feature_names = tuple(document["feature_names"])
        model.forest = ForestArrays.from_arrays(arrays)
        return model


def on_grid(y: Outcome, grid_months: float) -> Outcome:
    """Return `y` with times rounded up to multiples of `grid_months`, at least one.

    A time on the grid stays where it is, so survival at a grid month counts all events up to it.
    """
    rounded = y.copy()
    steps = np.ceil(np.round(y["time"] / grid_months, 9))
    rounded["time"] = np.maximum(steps, 1.0) * grid_months
    return rounded
