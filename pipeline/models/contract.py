"""What every model is told and what it promises, so that metrics and evaluation know no model by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import ValidationError

from pipeline.config import Spec
from pipeline.schema import Column, Floats, InputError, Prediction, Progress, Truth, silent

Outcome = NDArray[np.void]  # structured: event (bool), time (months)
Arrays = dict[str, NDArray[Any]]
Options = TypeVar("Options", bound=Spec)


@dataclass(frozen=True)
class ModelContext:
    """What a model may know before it sees a patient.

    Attributes
    ----------
    columns : tuple of Column
        Declared baseline and arm columns that may become features.
    endpoint : str
        Key of ``pipeline.schema.ENDPOINTS``.
    horizons_months : tuple of float
        Increasing; the last one bounds restricted means.
    max_months : float
        Longest follow-up of the training cohort.
    truths : tuple of Truth
        Truth of the simulated cohorts at hand; read by the oracle only.
    control_arm : str, optional
        The arm that treatment effects are measured against.
    measured : tuple of Column
        Every declared column, feature or not: what published scores may read; `columns` when empty.
    progress : Progress
        Told how far a search of hyper-parameters is.
    """

    columns: tuple[Column, ...]
    endpoint: str
    horizons_months: tuple[float, ...]
    max_months: float
    truths: tuple[Truth, ...] = ()
    control_arm: str | None = None
    measured: tuple[Column, ...] = ()
    progress: Progress = silent


class FeatureTransformer(Protocol):
    """What models ask of ``pipeline.features.FeatureBuilder``."""

    def fit(self, frame: pd.DataFrame) -> Any:
        """Learn from training rows."""

    def transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return float64 features indexed by patient."""

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready account that `from_dict` turns back into the same transformer."""


class SurvivalModel(Protocol):
    """A model of time to one event, from table rows to survival curves.

    Attributes
    ----------
    name : str
        Key in ``MODELS``.
    features : FeatureTransformer, optional
        Fitted transformer, or None for a model that reads columns directly.
    explainable : bool
        Whether ``pipeline.explain`` knows an exact attribution for it.
    portable : bool
        Whether it can be saved; the oracle cannot, for it is the truth itself.
    """

    name: str
    features: FeatureTransformer | None
    explainable: bool
    portable: bool

    def fit(self, frame: pd.DataFrame, y: Outcome, rng: np.random.Generator) -> Self:
        """Learn from the observed table of training patients and their outcome."""

    def predict(self, frame: pd.DataFrame, months: Floats) -> Prediction:
        """Return risk and survival at increasing `months`; the last value is carried past follow-up."""

    def parameters(self) -> dict[str, Any]:
        """Return options and what tuning chose, flat and JSON-ready."""

    def with_truths(self, truths: tuple[Truth, ...]) -> SurvivalModel:
        """Return the model as it stands before another cohort; only the oracle differs."""

    def export(self) -> tuple[dict[str, Any], Arrays]:
        """Return all that predicting needs: a JSON-ready document and plain arrays."""

    @classmethod
    def restore(cls, document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Rebuild a fitted model from what `export` returned."""


def read_options(kind: type[Options], name: str, options: Mapping[str, Any]) -> Options:
    """Return the options of model `name`, or one InputError that names every faulty option."""
    try:
        return kind.model_validate(dict(options))
    except ValidationError as error:
        known = ", ".join(kind.model_fields) or "none"
        faults = []
        for fault in error.errors():
            where = ".".join(str(part) for part in fault["loc"]) or "options"
            if fault["type"] == "extra_forbidden":
                faults.append(f"unknown option {where!r}; known: {known}")
            else:
                faults.append(f"{where}: {fault['msg']}. Got {fault['input']!r} instead")
        raise InputError(f"models: {name}: " + "; ".join(faults)) from None


def check_outcome(name: str, frame: pd.DataFrame, y: Outcome) -> None:
    """Raise an InputError when `frame` and `y` cannot train a model."""
    if len(frame) != len(y):
        raise ValueError(f"frame and y must have the same length. Got {len(frame)} and {len(y)} instead.")
    if not y["event"].any():
        raise InputError(f"models: {name}: none of {len(y)} training patients had the event")


def steps_at(months: Floats, knots: Floats, values: Floats, before: float) -> Floats:
    """Evaluate a right-continuous step function along its last axis.

    `values[..., k]` holds from ``knots[k]`` until the next knot; `before` holds before the first, and the
    last value is carried on.
    """
    position = np.searchsorted(knots, months, side="right") - 1
    stepped = np.asarray(values)[..., np.maximum(position, 0)]
    return np.asarray(np.where(position >= 0, stepped, before), dtype=float)


def restricted_mean(months: Floats, survival: Floats, horizon: float) -> Floats:
    """Mean survival months up to `horizon`, shape (n,), by the trapezoid rule from 1 at month 0."""
    inside = months < horizon
    grid = np.concatenate([[0.0], months[inside], [horizon]])
    at_horizon = np.array([np.interp(horizon, months, row) for row in survival])
    curve = np.column_stack([np.ones(len(survival)), survival[:, inside], at_horizon])
    return np.asarray(np.trapezoid(curve, grid, axis=1), dtype=float)
