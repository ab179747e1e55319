"""What models on features share: the feature table in front of them, and its part of a saved model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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
from pipeline.models.partial_likelihood import SPARED_SHARE
from pipeline.schema import Floats, InputError, Truth


class FeatureModel(ABC):
    """Base of models that see features, fitted on training rows, in place of columns.

    A subclass fits on `learn_features`, predicts from `inputs`, and saves and restores what it learnt beside
    what is saved and restored here.

    Attributes
    ----------
    options : Spec
        Of the class's `Options`.
    features : FeatureTransformer, optional
        None until fitted.
    feature_names : tuple of str
    of_arm : array of bool, shape (p,)
        Which features are indicators of the arm; known while fitting, not kept.
    """

    name: str
    Options: type[Spec]
    explainable: bool = True
    portable: bool = True
    feature_names: tuple[str, ...]
    of_arm: NDArray[np.bool_]

    def __init__(self, context: ModelContext, **options: Any) -> None:
        self.context = context
        self.options: Any = read_options(self.Options, self.name, options)
        self.features: FeatureTransformer | None = None

    def learn_features(self, frame: pd.DataFrame, y: Outcome) -> pd.DataFrame:
        """Fit the feature table on training rows and return it; InputError when they cannot train a model."""
        check_outcome(self.name, frame, y)
        return self.learn_columns(frame)

    def check_penalties(self) -> None:
        """Raise an InputError unless every penalty of the options is positive."""
        if min(self.options.penalties) <= 0:
            raise InputError(
                f"models: {self.name}: penalties must be positive. Got {list(self.options.penalties)} instead"
            )

    def penalty_shares(self, of_arm: float = SPARED_SHARE) -> Floats:
        """Return how much of a penalty each feature bears, shape (p,): the arm `of_arm`, all others 1."""
        return np.where(self.of_arm, of_arm, 1.0)

    def learn_columns(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Fit the feature table on training rows and return it."""
        self.features = builder = FeatureBuilder(self.context.columns, self.context.control_arm).fit(frame)
        self.of_arm = builder.of_arm
        x = builder.transform(frame)
        self.feature_names = tuple(x.columns)
        return x

    def inputs(self, frame: pd.DataFrame) -> Floats:
        """Return the features of `frame` in the order of `feature_names`, shape (n, p)."""
        if self.features is None:
            raise ValueError(f"{self.name} must be fitted before it predicts")
        return np.asarray(self.features.transform(frame)[list(self.feature_names)], dtype=float)

    def with_truths(self, truths: tuple[Truth, ...]) -> Self:
        """Return itself: a model on features knows no truth."""
        return self

    @abstractmethod
    def learnt(self) -> tuple[dict[str, Any], Arrays]:
        """Return what the subclass learnt: JSON-ready values and plain arrays."""

    @abstractmethod
    def take(self, document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Set what `learnt` returned."""

    def export(self) -> tuple[dict[str, Any], Arrays]:
        """Return features, options and what was learnt from them."""
        if self.features is None:
            raise ValueError(f"{self.name} must be fitted before it is saved")
        document, arrays = self.learnt()
        head = {
            "features": self.features.to_dict(),
            "feature_names": list(self.feature_names),
            "options": self.options.model_dump(mode="json"),
        }
        return head | document, arrays

    @classmethod
    def restore(cls, document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Rebuild the fitted model of `export`."""
        model = cls.__new__(cls)
        model.options = cls.Options.model_validate(document["options"])
        model.features = FeatureBuilder.from_dict(document["features"])
        model.feature_names = tuple(document["feature_names"])
        model.take(document, arrays)
        return model
