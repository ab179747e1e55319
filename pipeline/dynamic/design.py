"""The columns of a landmark supermodel: landmark, its square, features, and products of the two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import pandas as pd

from pipeline.dynamic.stack import LANDMARK, Stack
from pipeline.features import FeatureBuilder
from pipeline.schema import Column, Floats, InputError

CHANGING: Final = " × landmark"


@dataclass(frozen=True)
class LandmarkDesign:
    """Features of a stack's rows and how they may change with the landmark, scaled to 0..1 by the last one.

    Attributes
    ----------
    features : FeatureBuilder
        Fitted on stacked training rows.
    landmarks_months : tuple of float
        Those learnt from, increasing.
    window_months : float
        How long after a landmark events count.
    interactions : bool
        Whether effects may change linearly with the landmark.
    """

    features: FeatureBuilder
    landmarks_months: tuple[float, ...]
    window_months: float
    interactions: bool = True

    @classmethod
    def of(cls, stack: Stack, features: FeatureBuilder, interactions: bool) -> Self:
        """Return the design of a stack whose features are fitted."""
        landmarks = tuple(np.unique(stack.landmarks).tolist())
        return cls(features, landmarks, stack.window_months, interactions)

    @property
    def last_landmark(self) -> float:
        """What the landmark is divided by."""
        return self.landmarks_months[-1] or 1.0

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns read beside the landmark."""
        return self.features.columns

    @property
    def feature_names_(self) -> list[str]:
        """Names of the columns of `matrix`."""
        features = self.features.feature_names_
        changing = [f"{f}{CHANGING}" for f in features] if self.interactions else []
        return [LANDMARK.name, f"{LANDMARK.name}²", *features, *changing]

    def matrix(self, table: pd.DataFrame) -> Floats:
        """Return landmark, its square, the features and their products with the landmark, shape (n, q)."""
        x = self.features.transform(table).to_numpy()
        s = (table[LANDMARK.name].to_numpy(dtype=float) / self.last_landmark)[:, None]
        parts = [s, s * s, x, x * s] if self.interactions else [s, s * s, x]
        return np.concatenate(parts, axis=1)

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return `matrix` with its names, indexed like the table."""
        return pd.DataFrame(self.matrix(X), index=X.index, columns=self.feature_names_)

    def check_within(self, months: Floats) -> None:
        """Raise an InputError when a horizon lies beyond the window learnt from."""
        if months.max(initial=0.0) > self.window_months + 1e-9:
            raise InputError(
                f"horizon of {months.max():g} months after the landmark exceeds the window of "
                f"{self.window_months:g} months that was learnt from; lower it or widen `window_months`"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready account that `from_dict` turns back into the same design."""
        return {
            "features": self.features.to_dict(),
            "landmarks_months": list(self.landmarks_months),
            "window_months": self.window_months,
            "interactions": self.interactions,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the design that `to_dict` described."""
        return cls(
            FeatureBuilder.from_dict(stored["features"]),
            tuple(float(s) for s in stored["landmarks_months"]),
            float(stored["window_months"]),
            bool(stored["interactions"]),
        )
