"""The rule of clinics: PD-L1 tumour proportion score below 1 %, 1 to 49 %, and 50 % or more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.config import Spec
from pipeline.models.contract import (
    Arrays,
    FeatureTransformer,
    ModelContext,
    Outcome,
    check_outcome,
    read_options,
    steps_at,
)
from pipeline.models.kaplan_meier import kaplan_meier
from pipeline.schema import Column, Floats, InputError, Prediction, Truth

MISSING = "missing"
CUTS_PERCENT = (1.0, 50.0)
LEVELS = ("<1 %", "1-49 %", ">=50 %")


class Pdl1Options(Spec):
    """Which column holds PD-L1; the cohort's own when left out."""

    column: str | None = None


class Pdl1Rule:
    """Risk falls with the PD-L1 category; curves are Kaplan-Meier within a category of training rows.

    The order of risk is the clinics' and is not learnt; a patient without a result stands in the middle,
    with a curve of their own group. A category without training patients takes the curve of all.
    A category column keeps its own levels, in their declared order from low to high.

    Attributes
    ----------
    column : str
    levels : tuple of str
        From low to high PD-L1.
    curves : dict
        Level to (months, survival), the steps of its Kaplan-Meier curve; None holds that of all patients.
    """

    name = "pdl1"
    explainable = False
    portable = True

    def __init__(self, context: ModelContext, **options: Any) -> None:
        self.options = read_options(Pdl1Options, self.name, options)
        column = _pdl1_column(context.measured or context.columns, self.options.column)
        self.column = column.name
        self.levels = column.categories if column.kind == "category" else LEVELS
        self.is_number = column.kind == "number"
        self.features: FeatureTransformer | None = None

    def _categories(self, frame: pd.DataFrame) -> NDArray[Any]:
        if self.column not in frame:
            raise InputError(f"models: pdl1 needs column {self.column!r}, which the table does not have")
        values = frame[self.column]
        if not self.is_number:
            return values.astype(object).where(values.notna(), MISSING).astype(str).to_numpy()
        percent = values.to_numpy(dtype=float)
        level = np.asarray(self.levels, dtype=object)[np.digitize(percent, CUTS_PERCENT)]
        return np.asarray(np.where(np.isnan(percent), MISSING, level))

    def fit(self, frame: pd.DataFrame, y: Outcome, rng: np.random.Generator) -> Pdl1Rule:
        """Estimate the curve of every category."""
        check_outcome(self.name, frame, y)
        categories = self._categories(frame)
        self.curves: dict[str | None, tuple[Floats, Floats]] = {None: kaplan_meier(y["time"], y["event"])}
        self.counts: dict[str, int] = {}
        for level in (*self.levels, MISSING):
            rows = categories == level
            if rows.any():
                self.curves[level] = kaplan_meier(y["time"][rows], y["event"][rows])
                self.counts[level] = int(rows.sum())
        return self

    def predict(self, frame: pd.DataFrame, months: Floats) -> Prediction:
        """Return minus the category's rank as risk, and its curve."""
        categories = self._categories(frame)
        months = np.asarray(months, dtype=float)
        risk = np.full(len(frame), -(len(self.levels) - 1) / 2)
        survival = np.empty((len(frame), len(months)))
        for level in np.unique(categories):
            rows = categories == level
            knots, values = self.curves.get(str(level), self.curves[None])
            survival[rows] = steps_at(months, knots, values, before=1.0)
            if level in self.levels:
                risk[rows] = -self.levels.index(str(level))
        return Prediction(risk, months, survival)

    def parameters(self) -> dict[str, Any]:
        """Return the column and the training patients of every category."""
        return {"column": self.column} | {f"patients[{level}]": n for level, n in self.counts.items()}

    def with_truths(self, truths: tuple[Truth, ...]) -> Pdl1Rule:
        """Return itself: the rule knows no truth."""
        return self

    def export(self) -> tuple[dict[str, Any], Arrays]:
        """Return column, levels and curves."""
        arrays: Arrays = {}
        for k, (months, survival) in enumerate(self.curves.values()):
            arrays[f"months_{k}"], arrays[f"survival_{k}"] = months, survival
        document = {
            "column": self.column,
            "levels": list(self.levels),
            "is_number": self.is_number,
            "curves": list(self.curves),
            "counts": self.counts,
        }
        return document, arrays

    @classmethod
    def restore(cls, document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Pdl1Rule:
        """Rebuild a fitted rule."""
        model = cls.__new__(cls)
        model.features = None
        model.column = document["column"]
        model.levels = tuple(document["levels"])
        model.is_number = document["is_number"]
        model.counts = dict(document["counts"])
        model.curves = {
            level: (arrays[f"months_{k}"], arrays[f"survival_{k}"])
            for k, level in enumerate(document["curves"])
        }
        return model


def _pdl1_column(columns: tuple[Column, ...], wanted: str | None) -> Column:
    baseline = [c for c in columns if c.role == "baseline"]
    if wanted is not None:
        for column in baseline:
            if column.name == wanted and (column.kind == "number" or len(column.categories) > 1):
                return column
        raise InputError(
            f"models: pdl1: column {wanted!r} is not a number or a declared category among the features; "
            f"there are {', '.join(c.name for c in baseline) or 'none'}"
        )
    for kind in ("number", "category"):
        for column in baseline:
            plain = column.name.lower().replace("_", "").replace("-", "")
            if plain.startswith("pdl1") and column.kind == kind and (kind == "number" or column.categories):
                return column
    raise InputError(
        "models: pdl1 needs a column with PD-L1 (tumour proportion score in percent, or categories), and "
        "this cohort has none: leave pdl1 out of the models, or name its column (models: pdl1: column)"
    )
