"""The survival forest as a model of the pipeline: grown on features, predicted on request at any month."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from pipeline.config import Spec
from pipeline.models.contract import Arrays, Outcome
from pipeline.models.on_features import FeatureModel
from pipeline.schema import Floats, Prediction

if TYPE_CHECKING:
    from pipeline.survival_forest import ForestNodes


class ForestOptions(Spec):
    """Options of ``pipeline.survival_forest.SurvivalForest``, which says what each one does.

    A third of the features is tried at each split, not the square root of their number: of a hundred markers
    few act, and trees that rarely see them predict too timidly. In ten drawn cohorts of five trials the
    calibration slope at 12 months falls from 0.95-1.33 to 0.95-1.02, the Brier score there by 0.0007 on
    average (-0.003 to +0.002), and Uno's C rises by 0.0009 (-0.004 to +0.006). With 300 trees
    in place of 100, in six drawn cohorts of three trials, contributions agree better with the true ones (rank
    correlation 0.56, not 0.54), the scaled Brier score rises by 0.002 and C by 0.001.
    """

    n_estimators: int = Field(300, ge=1, le=10_000)
    min_samples_leaf: Literal["auto"] | Annotated[int, Field(ge=1)] = "auto"
    max_depth: int | None = Field(None, ge=1)
    max_features: Literal["auto", "third", "sqrt", "log2"] | float | None = "third"
    splitter: Literal["best", "random"] = "best"
    max_samples: float | None = Field(None, gt=0, le=1)
    max_times: int = Field(128, ge=1, le=254)
    n_jobs: int = Field(2, ge=1)


class ForestModel(FeatureModel):
    """Random survival forest with log-rank splits (Ishwaran et al., Ann Appl Stat 2008).

    Risk is the ensemble mortality; survival is the mean over trees of the leaf's Kaplan-Meier curve.

    Attributes
    ----------
    forest : ForestNodes
        The fitted trees; columns of their input are `feature_names`, as float32.
    """

    name = "rsf"
    Options = ForestOptions
    forest: ForestNodes

    def fit(self, frame: pd.DataFrame, y: Outcome, rng: np.random.Generator) -> ForestModel:
        """Grow the forest; the same generator grows the same trees whatever `n_jobs`."""
        from pipeline.survival_forest import SurvivalForest

        x = self.learn_features(frame, y).to_numpy(dtype=np.float32)
        options = self.options.model_dump()
        self.forest = SurvivalForest(**options, random_state=int(rng.integers(2**31 - 1))).fit(x, y).nodes_
        return self

    def predict(self, frame: pd.DataFrame, months: Floats) -> Prediction:
        """Return ensemble mortality as risk, and mean leaf survival at `months`."""
        x, months = self.inputs(frame).astype(np.float32), np.asarray(months, dtype=float)
        survival = self.forest.survival(x, months, self.options.n_jobs)
        return Prediction(self.forest.risk(x, self.options.n_jobs), months, survival)

    def cumulative_hazard(self, frame: pd.DataFrame, months: Floats) -> Floats:
        """Return mean leaf cumulative hazard at `months`, shape (n, m)."""
        x = self.inputs(frame).astype(np.float32)
        return self.forest.cumulative_hazard(x, np.asarray(months, dtype=float), self.options.n_jobs)

    def parameters(self) -> dict[str, Any]:
        """Return options and the forest's size."""
        sizes = {
            "features": len(self.feature_names),
            "grid_times": len(self.forest.grid.months),
            "leaves": len(self.forest.leaves),
        }
        options: dict[str, Any] = self.options.model_dump(mode="json", exclude={"n_jobs"})
        return options | sizes

    def learnt(self) -> tuple[dict[str, Any], Arrays]:
        """Return the trees as arrays."""
        return {}, self.forest.to_arrays()

    def take(self, document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Set the trees that `learnt` returned."""
        from pipeline.survival_forest import ForestNodes

        self.forest = ForestNodes.from_arrays(arrays)
        self.forest.check(len(self.feature_names), len(self.forest.leaves))
        self.forest.leaves.check(len(self.forest.grid.months))
