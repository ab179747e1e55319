"""The Kaplan-Meier curve, and the model that gives it to everybody."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.models.contract import steps_at
from pipeline.schema import Floats, Prediction


def kaplan_meier(months: Floats, event: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return event months (k,) and survival from each on (k,); events precede censorings at ties."""
    at, position = np.unique(months, return_inverse=True)
    events = np.bincount(position, event, minlength=len(at))
    left = np.bincount(position, minlength=len(at))
    at_risk = len(months) - np.concatenate([[0], np.cumsum(left)[:-1]])
    survival = np.cumprod(1 - events / at_risk)
    return at[events > 0], survival[events > 0]


def null_prediction(months: Floats, event: NDArray[np.bool_], patients: int, at_months: Floats) -> Prediction:
    """Return what is said of every patient when nothing is known: the Kaplan-Meier curve of training."""
    knots, values = kaplan_meier(months, event)
    curve = steps_at(at_months, knots, values, before=1.0) if len(knots) else np.ones(len(at_months))
    return Prediction(np.zeros(patients), at_months, np.tile(curve, (patients, 1)))
