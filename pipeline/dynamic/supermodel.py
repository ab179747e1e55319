"""One Cox model for all landmarks, whose effects may change with the landmark."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
from pydantic import Field

from pipeline.config import Spec
from pipeline.dynamic.contract import DynamicAnalysis
from pipeline.dynamic.design import LandmarkDesign
from pipeline.dynamic.stack import Stack
from pipeline.features import FeatureBuilder
from pipeline.models.contract import check_outcome, read_options, steps_at
from pipeline.models.partial_likelihood import (
    SPARED_SHARE,
    RiskSets,
    breslow,
    cross_validated_likelihood,
    ridge_fit,
)
from pipeline.models.robust import clustered_covariance, score_residuals
from pipeline.schema import Floats, Prediction


class SupermodelOptions(Spec):
    """Whether serial measurements are used, whether effects change, and the penalties tried (a row)."""

    serial: bool = Field(True, description="use what visits have shown; baseline columns alone otherwise")
    interactions: bool = Field(True, description="effects may change linearly with the landmark")
    penalties: tuple[float, ...] = Field((0.01, 0.03, 0.1, 0.3, 1.0, 3.0), min_length=1)
    baseline_share: float = Field(
        6.0,
        gt=0,
        description="times the penalty, of what was known before treatment beside serial measurements",
    )
    missing_share: float = Field(10.0, gt=0, description="times the penalty, of not having been measured")
    interaction_share: float = Field(3.0, gt=0, description="times the penalty, of changing effects")
    inner_folds: int = Field(5, ge=2, le=20)


class LandmarkSupermodel:
    """The landmark supermodel of van Houwelingen (Scand J Stat 2007;34:70-85), with a ridge penalty.

    A row's hazard u months after landmark s is ``h0(u) exp(θ1 s + θ2 s² + x'(β + γ s))``, s scaled to
    0..1 by the last landmark. The penalty is chosen by partial likelihood cross-validated by patient; the
    shares by which kinds of coefficients bear it were set on drawn cohorts that no study judges.
    Standard errors are clustered by patient, because a patient's rows repeat each other.

    Attributes
    ----------
    names : tuple of str
        Of the coefficients: a feature, or ``feature × landmark``.
    coefficients, standard_errors : array, shape (q,)
        Log hazard ratios per unit of a standardised feature.
    """

    def __init__(self, name: str = "supermodel", **options: Any) -> None:
        self.name = name
        self.options = read_options(SupermodelOptions, name, options)

    def fit(self, stack: Stack, rng: np.random.Generator) -> Self:
        """Learn from stacked training rows.

        Raises
        ------
        InputError
            When no row has the event within the window.
        """
        check_outcome(self.name, stack.table, stack.y)
        used = stack.columns_used(self.options.serial)
        self.features = FeatureBuilder(used, stack.control_arm).fit(stack.table)
        self.form = LandmarkDesign.of(stack, self.features, self.options.interactions)
        x = self.design(stack.table)
        months, event = stack.y["time"], stack.y["event"]
        self.centre = x.mean(axis=0)
        spread = x.std(axis=0)
        self.scale = np.where(spread > 1e-9, spread, 1.0)
        z = (x - self.centre) / self.scale
        relative = self._shares(stack)
        penalties = self.options.penalties
        self.penalty = max(penalties)
        folds = min(self.options.inner_folds, len(np.unique(stack.patient[event])))
        if folds > 1 and len(penalties) > 1:
            scores = cross_validated_likelihood(
                z, months, event, penalties, folds, rng, stack.patient, relative
            )
            self.penalty = penalties[int(np.argmax(scores))]
        strength = self.penalty * len(z) * relative
        risk_sets = RiskSets.of(z, months, event)
        beta = ridge_fit(risk_sets, strength, np.zeros(z.shape[1]))
        curvature = risk_sets.information(beta) + np.diag(strength)
        covariance = clustered_covariance(score_residuals(z, months, event, beta), curvature, stack.patient)
        self.beta = beta
        self.coefficients: Floats = beta / self.scale
        self.standard_errors: Floats = np.sqrt(np.diag(covariance)) / self.scale
        self.knots, self.hazard = breslow(z @ beta, months, event)
        return self

    def _shares(self, stack: Stack) -> Floats:
        """Return how many times the penalty each column of `design` bears, shape (q,).

        The landmark's own effects, and the arm's, are not shrunk with the markers.
        """
        made, options = self.features.sources, self.options
        serial = made["column"].isin(stack.serial).to_numpy()
        main = np.where(~serial & serial.any(), options.baseline_share, 1.0)
        main = np.where(made["kind"] == "missing", main * options.missing_share, main)
        changing = [main * options.interaction_share] if options.interactions else []
        own = np.where(self.features.of_arm, SPARED_SHARE, main)
        return np.concatenate([np.full(2, SPARED_SHARE), own, *changing])

    @property
    def source_of(self) -> Mapping[str, str]:
        """The column that each feature was made from."""
        sources = self.features.sources
        return dict(zip(sources["feature"], sources["column"], strict=True))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns of `design`."""
        return tuple(self.form.feature_names_)

    def design(self, table: pd.DataFrame) -> Floats:
        """Return landmark, its square, the features and their products with the landmark, shape (n, q)."""
        return self.form.matrix(table)

    def predict(self, table: pd.DataFrame, months: Floats) -> Prediction:
        """Return risk and survival `months` after each row's landmark.

        Raises
        ------
        InputError
            When a horizon lies beyond the window learnt from.
        """
        months = np.asarray(months, dtype=float)
        self.form.check_within(months)
        risk = (self.design(table) - self.centre) / self.scale @ self.beta
        hazard = steps_at(months, self.knots, self.hazard, before=0.0)
        return Prediction(risk, months, np.exp(-np.outer(np.exp(risk), hazard)))

    def table(self) -> pd.DataFrame:
        """Return `term`, `log_hazard_ratio` and its `standard_error`, one row a coefficient."""
        return pd.DataFrame(
            {
                "term": self.names,
                "log_hazard_ratio": self.coefficients,
                "standard_error": self.standard_errors,
            }
        )

    def refusals(self, analysis: DynamicAnalysis) -> list[str]:
        """Return nothing: it serves any analysis."""
        return []

    def parameters(self) -> Mapping[str, Any]:
        """Return the options and the penalty chosen."""
        return self.options.model_dump(mode="json") | {
            "penalty": self.penalty,
            "coefficients": len(self.beta),
        }
