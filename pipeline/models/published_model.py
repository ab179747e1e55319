"""A published score as a model: its ranks are the paper's, only the curves are read off training rows."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.config import Spec
from pipeline.features.derived import derived_nlr, neutrophil_lymphocyte_ratio
from pipeline.models.contract import (
    Arrays,
    FeatureTransformer,
    ModelContext,
    Outcome,
    check_outcome,
    read_options,
    steps_at,
)
from pipeline.models.partial_likelihood import RiskSets, breslow, ridge_fit
from pipeline.models.pdl1 import Pdl1Rule
from pipeline.models.published_scores import SCORES, PublishedScore, lacking, sources_of
from pipeline.schema import Column, Floats, InputError, Prediction, Truth

MADE_OF: Final = {"nlr": neutrophil_lymphocyte_ratio, "dnlr": derived_nlr}
LEAST_RATIO: Final = 0.01  # below any ratio that is measured: where the logarithm of a zero is taken


class ScoreOptions(Spec):
    """What is the same for all patients and therefore no column, such as ``prior_systemic_therapy: 1``."""

    given: dict[str, float] = {}


class PublishedModel:
    """Risk is the published score; no outcome has a say in it.

    A missing input is given the training rows' median, so that a patient of whom nothing is known stands in
    the middle. Curves come from a Cox model with the score (the logarithm of a ratio) as its one covariate;
    a coefficient against the published direction is set to zero.

    Attributes
    ----------
    name : str
        Key of ``pipeline.models.published_scores.SCORES``.
    places : dict
        Input -> what it is read from: name -> (column, factor).
    fill : dict
        Input -> the training rows' median.
    log_hazard_ratio, centre : float
        Per unit of the covariate, and the covariate's training mean.
    """

    features: FeatureTransformer | None = None
    explainable = False
    portable = True

    def __init__(self, name: str, context: ModelContext, **options: Any) -> None:
        self.name = name
        self.options = read_options(ScoreOptions, name, options)
        columns = {c.name: c for c in context.measured or context.columns if c.role == "baseline"}
        if unknown := [key for key in self.options.given if key not in self.score.needs]:
            raise InputError(
                f"models: {name}: given: {', '.join(map(repr, unknown))} is no input of it; "
                f"it has {', '.join(self.score.needs)}"
            )
        self.given = dict(self.options.given)
        if absent := lacking(self.score.needs, columns, self.given):
            raise InputError(
                f"models: {name} needs {', '.join(absent)}, which this cohort does not have: leave it out "
                f"or give a value that holds for all patients (models: {name}: given)"
            )
        self.places = {
            need: {} if need in self.given else sources_of(need, columns) for need in self.score.needs
        }

    @property
    def score(self) -> PublishedScore:
        """The score as published."""
        return SCORES[self.name]

    def _measured(self, frame: pd.DataFrame) -> dict[str, Floats]:
        inputs = {}
        for need, places in self.places.items():
            if need in self.given:
                inputs[need] = np.full(len(frame), self.given[need])
                continue
            if gone := [column for column, _ in places.values() if column not in frame]:
                raise InputError(
                    f"models: {self.name} needs column {gone[0]!r}, which the table does not have"
                )
            parts = {
                name: frame[column].to_numpy(dtype=float, na_value=np.nan) * factor
                for name, (column, factor) in places.items()
            }
            inputs[need] = parts[need] if need in parts else MADE_OF[need](parts)
        return inputs

    def risk(self, frame: pd.DataFrame) -> Floats:
        """Return the score turned so that higher is worse, shape (n,)."""
        filled = {
            need: np.where(np.isnan(values), self.fill[need], values)
            for need, values in self._measured(frame).items()
        }
        return self.score.risk(filled)

    def _covariate(self, risk: Floats) -> Floats:
        if not self.score.ratio:
            return risk
        sign = 1.0 if self.score.higher_is_worse else -1.0
        return np.asarray(sign * np.log(np.maximum(sign * risk, LEAST_RATIO)))

    def fit(self, frame: pd.DataFrame, y: Outcome, rng: np.random.Generator) -> Self:
        """Take medians for missing inputs, and the curve that belongs to each score; no rank is learnt."""
        check_outcome(self.name, frame, y)
        inputs = self._measured(frame)
        if empty := [need for need, values in inputs.items() if np.isnan(values).all()]:
            raise InputError(f"models: {self.name}: {', '.join(empty)} is missing for all training patients")
        self.fill = {need: float(np.nanmedian(values)) for need, values in inputs.items()}
        self.missing = {need: int(np.isnan(values).sum()) for need, values in inputs.items()}
        covariate = self._covariate(self.risk(frame))
        self.centre = float(covariate.mean())
        centred = covariate - self.centre
        spread = float(centred.std())
        self.log_hazard_ratio = 0.0
        if spread > 0:
            sets = RiskSets.of((centred / spread)[:, None], y["time"], y["event"])
            # A penalty of one millionth of an event: a score that separates perfectly has no finite maximum.
            beta = float(ridge_fit(sets, 1e-6 * len(y), np.zeros(1))[0])
            self.log_hazard_ratio = max(beta, 0.0) / spread
        self.knots, self.hazard = breslow(
            self.log_hazard_ratio * centred, y["time"], y["event"]
        )
        return self

    def predict(self, frame: pd.DataFrame, months: Floats) -> Prediction:
        """Return the score as risk, and the survival that goes with it."""
        risk = self.risk(frame)
        months = np.asarray(months, dtype=float)
        hazard = steps_at(months, self.knots, self.hazard, before=0.0)
        relative = np.exp(self.log_hazard_ratio * (self._covariate(risk) - self.centre))
        return Prediction(risk, months, np.exp(-np.outer(relative, hazard)))

    def parameters(self) -> dict[str, Any]:
        """Return source and population, and what missing inputs were taken for."""
        filled = {f"missing[{key}]": f"{n}, taken as {self.fill[key]:g}" for key, n in self.missing.items()}
        return {"source": self.score.source, "population": self.score.population,
                "log_hazard_ratio": self.log_hazard_ratio} | filled  # fmt: skip

    def with_truths(self, truths: tuple[Truth, ...]) -> PublishedModel:
        """Return itself: a published score knows no truth."""
        return self

    def export(self) -> tuple[dict[str, Any], Arrays]:
        """Return where inputs are read, what stands for missing ones, and the curve."""
        document = {
            "places": {need: {k: list(v) for k, v in places.items()} for need, places in self.places.items()},
            "given": self.given,
            "fill": self.fill,
            "missing": self.missing,
            "centre": self.centre,
            "log_hazard_ratio": self.log_hazard_ratio,
        }
        return document, {"knots": self.knots, "hazard": self.hazard}

    @classmethod
    def restore(cls, document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Rebuild a fitted score."""
        model = cls.__new__(cls)
        model.name = str(document["model"])
        model.places = {
            need: {k: (str(v[0]), float(v[1])) for k, v in places.items()}
            for need, places in document["places"].items()
        }
        model.given, model.fill, model.missing = document["given"], document["fill"], document["missing"]
        model.centre, model.log_hazard_ratio = document["centre"], document["log_hazard_ratio"]
        model.knots, model.hazard = arrays["knots"], arrays["hazard"]
        return model


class ScoreKind(partial[PublishedModel]):
    """One published score as an entry of the registry: called like a class, and as portable."""

    portable = True

    def __new__(cls, name: str) -> Self:
        """Return the maker of the score `name`."""
        return super().__new__(cls, PublishedModel, name)

    @staticmethod
    def restore(document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> PublishedModel:
        """Rebuild a fitted score."""
        return PublishedModel.restore(document, arrays)


def available_scores(cohorts_columns: list[tuple[Column, ...]]) -> tuple[list[str], dict[str, list[str]]]:
    """Return the scores whose inputs every cohort has, and for each other score what is lacking.

    The clinics' rule by PD-L1 is among them where PD-L1 is a number; the order of categories is not known.
    """
    usable, absent = [], {}
    needs = {Pdl1Rule.name: ("pdl1",), **{name: score.needs for name, score in SCORES.items()}}
    for name, inputs in needs.items():
        gone = [
            column
            for columns in cohorts_columns
            for column in lacking(inputs, {c.name: c for c in columns if c.role == "baseline"})
        ]
        if gone:
            absent[name] = list(dict.fromkeys(gone))
        else:
            usable.append(name)
    return usable, absent
