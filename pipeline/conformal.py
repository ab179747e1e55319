"""Experimental: lower bounds of survival time that hold at a stated rate, by weighted conformal inference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from pipeline.models import ModelContext, SurvivalModel, build_model
from pipeline.schema import Cohort, Floats, InputError, outcome
from pipeline.split import holdout

CALIBRATION_SHARE: Final = 0.5
STEPS: Final = 400  # of the grid on which survival is read
LEAST_FOLLOWED: Final = 0.05  # chance of being still followed whose inverse is the largest weight


@dataclass(frozen=True)
class LowerBounds:
    """A fitted model and the predicted risk up to which its curves may be read.

    Attributes
    ----------
    model : SurvivalModel
        Fitted on the training half.
    months : array, shape (m,)
        Grid of the curves, read linearly in between; bounds never lie beyond its end.
    risk : float
        A patient's bound is when the predicted risk of the event reaches this.
    level : float
    calibrated_on, events : int
        Patients, and events among them, of the calibration half.
    """

    model: SurvivalModel
    months: Floats
    risk: float
    level: float
    calibrated_on: int
    events: int

    def predict(self, frame: pd.DataFrame) -> Floats:
        """Return the months that each patient outlasts with a chance of about `level`, shape (n,)."""
        curves = _curves(self.model, frame, self.months)
        grid = np.concatenate([[0.0], self.months])
        reached = 1 - curves >= self.risk
        first = np.where(reached.any(axis=1), reached.argmax(axis=1), len(grid) - 1)
        after, before = first, np.maximum(first - 1, 0)
        rows = np.arange(len(curves))
        low, high = 1 - curves[rows, before], 1 - curves[rows, after]
        part = np.divide(self.risk - low, high - low, out=np.ones_like(low), where=high > low)
        return np.asarray(grid[before] + np.clip(part, 0, 1) * (grid[after] - grid[before]))


def lower_bounds(
    cohort: Cohort,
    endpoint: str,
    level: float,
    rng: np.random.Generator,
    base: str = "cox",
    options: Mapping[str, Any] | None = None,
) -> LowerBounds:
    """Fit on one half of the patients and calibrate on the other, so that bounds hold at rate `level`.

    The estimand is L(x) with P(T >= L(X)) >= level for a new patient of the same population. On the
    calibration half the share of patients who have the event before their bound is estimated with each event
    weighted by the inverse of the chance, given the patient's columns, of being still followed just before
    it (a Cox model of censoring fitted on the other half); the bound is read at the largest predicted risk
    that keeps this share, one more patient as heavy as any so far included, within 1 - level. Assumes
    censoring independent of survival given the columns, and that the censoring model is right: with too few
    patients or a wrong one, coverage is only near `level`. Marginal, not for any one patient. Sources:
    Candès, Lei and Ren, J R Stat Soc B 2023;85:24, doi:10.1093/jrsssb/qkac004; Gui et al., Biometrika
    2024;111:459, doi:10.1093/biomet/asad076.

    Raises
    ------
    InputError
        When the level is none, or too high for the calibration half.
    """
    if not 0.5 <= level < 1:
        raise InputError(f"level must lie between 0.5 and 1. Got {level} instead")
    split_rng, model_rng, censoring_rng = rng.spawn(3)
    part = holdout(cohort, endpoint, CALIBRATION_SHARE, split_rng)
    train, kept = cohort.take(part.train), cohort.take(part.test)
    y_train, y = outcome(train.observed, endpoint), outcome(kept.observed, endpoint)
    last = float(y_train["time"].max())
    months = np.linspace(0, last, STEPS + 1)[1:]
    context = ModelContext(
        columns=tuple(c for c in cohort.columns if c.role in ("baseline", "arm")),
        endpoint=endpoint,
        horizons_months=(last,),
        max_months=last,
        control_arm=cohort.control_arm,
        measured=cohort.columns,
    )
    model = build_model(base, context, options).fit(train.observed, y_train, model_rng)
    weights = np.ones(len(y))
    if not y_train["event"].all():
        left = y_train.copy()
        left["event"] = ~y_train["event"]
        censoring = build_model("cox", context).fit(train.observed, left, censoring_rng)
        followed = _read(_curves(censoring, kept.observed, months), months, y["time"])
        weights = 1 / np.maximum(followed, LEAST_FOLLOWED)
    risk_at_event = 1 - _read(_curves(model, kept.observed, months), months, y["time"])
    event = y["event"] & (y["time"] <= last)
    order = np.argsort(risk_at_event[event], kind="stable")
    heaviest = np.maximum.accumulate(weights[event][order])
    missed = (np.cumsum(weights[event][order]) + heaviest) / (len(y) + 1)
    allowed = int(np.searchsorted(missed, 1 - level, side="right"))
    if allowed == 0:
        raise InputError(
            f"cohort {cohort.name!r}: {int(event.sum())} events among {len(y)} patients to calibrate on are "
            f"too few for bounds at level {level:g}; use a lower level or more patients"
        )
    risks = risk_at_event[event][order]
    risk = float(risks[allowed]) if allowed < len(risks) else 1.0
    return LowerBounds(model, months, risk, level, len(y), int(y["event"].sum()))


def _curves(model: SurvivalModel, frame: pd.DataFrame, months: Floats) -> Floats:
    """Survival at month 0 and at `months`, shape (n, m + 1)."""
    return np.column_stack([np.ones(len(frame)), model.predict(frame, months).survival])


def _read(curves: Floats, months: Floats, at: Floats) -> Floats:
    """Each patient's curve at the patient's own month, shape (n,)."""
    grid = np.concatenate([[0.0], months])
    return np.array([np.interp(t, grid, row) for t, row in zip(at, curves, strict=True)])
