"""The ceiling: a model that reads the truth of simulated patients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.config import Spec
from pipeline.models.contract import (
    FeatureTransformer,
    ModelContext,
    Outcome,
    read_options,
    restricted_mean,
)
from pipeline.schema import Floats, InputError, Prediction, Truth

GRID_POINTS = 200  # of the trapezoid rule for the restricted mean


class OracleOptions(Spec):
    """The oracle has none."""


class Oracle:
    """True survival under the arm received; risk is minus true mean survival up to the last horizon.

    Nothing is fitted. It exists only where the truth does, and cannot be saved.
    """

    name = "oracle"
    explainable = False
    portable = False

    def __init__(self, context: ModelContext, **options: Any) -> None:
        read_options(OracleOptions, self.name, options)
        if not context.truths:
            raise InputError(
                "models: oracle needs the truth, which only a simulated cohort has: "
                "leave oracle out of the models"
            )
        self.context = context
        self.truths = context.truths
        self.features: FeatureTransformer | None = None

    def fit(self, frame: pd.DataFrame, y: Outcome, rng: np.random.Generator) -> Oracle:
        """Return itself: there is nothing to learn."""
        return self

    def with_truths(self, truths: tuple[Truth, ...]) -> Oracle:
        """Return the oracle of another cohort, whose patients may bear the same numbers."""
        oracle = Oracle.__new__(Oracle)
        oracle.context, oracle.truths, oracle.features = self.context, truths, None
        return oracle

    def _truth_of(self, patients: pd.Index) -> Truth:
        holding = [truth for truth in self.truths if patients.isin(truth.patients.index).all()]
        if len(holding) != 1:
            raise InputError(
                f"models: oracle: {len(holding)} of {len(self.truths)} truths at hand hold all of the "
                f"{len(patients)} patients; give the truth of their cohort"
            )
        return holding[0]

    def predict(self, frame: pd.DataFrame, months: Floats) -> Prediction:
        """Return true survival of the patients in `frame`, found by their index."""
        truth = self._truth_of(frame.index)
        months = np.asarray(months, dtype=float)
        horizon = self.context.horizons_months[-1]
        grid = np.linspace(0.0, horizon, GRID_POINTS + 1)[1:]
        to_horizon = truth.survival(self.context.endpoint, grid, frame.index)
        survival = truth.survival(self.context.endpoint, months, frame.index)
        return Prediction(-restricted_mean(grid, to_horizon, horizon), months, survival)

    def parameters(self) -> dict[str, Any]:
        """Return the horizon of the restricted mean."""
        return {"restricted_to_months": self.context.horizons_months[-1]}

    def export(self) -> NoReturn:
        """Refuse: the truth stays out of saved models."""
        raise InputError("models: oracle cannot be saved: it is the truth of the simulated patients")

    @classmethod
    def restore(cls, document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Oracle:
        """Refuse: no oracle was ever saved."""
        raise InputError("models: oracle cannot be restored: it is the truth of the simulated patients")
