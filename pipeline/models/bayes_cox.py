"""Cox regression that starts from published evidence and is updated by the patients at hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from pipeline.features import FeatureBuilder
from pipeline.models.coefficient_prior import CoefficientPrior, read_prior
from pipeline.models.contract import (
    Arrays,
    FeatureTransformer,
    ModelContext,
    Outcome,
    read_options,
)
from pipeline.models.posterior import CoxPosterior, Heterogeneity
from pipeline.schema import Floats, InputError, Prediction, Truth

LEARNT = (
    "coefficients", "covariance", "baseline_months", "baseline_cumulative_hazard", "means_by_heterogeneity",
    "sds_by_heterogeneity",
)  # fmt: skip


class BayesCoxOptions(Heterogeneity):
    """Where the prior stands, and how far the patients at hand may differ from published ones."""

    prior: Path | None = Field(None, description="JSON file made by `lungio prior`; must be given")


class BayesCox:
    """Proportional hazards under a Normal prior, by Laplace's approximation; see `CoxPosterior`.

    Attributes
    ----------
    posterior : CoxPosterior
    """

    name = "bayes_cox"
    explainable = True
    portable = True

    def __init__(self, context: ModelContext, **options: Any) -> None:
        self.context = context
        self.options = read_options(BayesCoxOptions, self.name, options)
        if self.options.prior is None:
            raise InputError("models: bayes_cox: prior is missing; name a file that `lungio prior` made")
        self.prior = read_prior(self.options.prior)
        self.features: FeatureTransformer | None = None
        faults = []
        if self.prior.endpoint != context.endpoint:
            faults.append(
                f"the prior is of endpoint {self.prior.endpoint!r}, the analysis of {context.endpoint!r}"
            )
        lacking = {c.name for c in self.prior.features.columns} - {c.name for c in context.columns}
        if lacking:
            faults.append(
                f"the cohort lacks {', '.join(sorted(lacking))}, which the prior uses; make one with "
                "`lungio prior --columns`"
            )
        if faults:
            raise InputError(f"models: bayes_cox: {self.options.prior}: " + "; ".join(faults))

    def fit(self, frame: pd.DataFrame, y: Outcome, rng: np.random.Generator) -> BayesCox:
        """Update the prior; `rng` is not used."""
        event = np.ascontiguousarray(y["event"])
        months = np.ascontiguousarray(y["time"], dtype=float)
        self.posterior = CoxPosterior.of(self.prior, self.options, self.prior.centred(frame), months, event)
        self.features = _builder(self.prior)
        self.patients, self.events = len(y), int(event.sum())
        return self

    def predict(self, frame: pd.DataFrame, months: Floats) -> Prediction:
        """Return the posterior mean of the log relative hazard as risk, and of survival."""
        if self.features is None:
            raise ValueError("bayes_cox must be fitted before it predicts")
        return self.posterior.predict(self.prior.centred(frame), months)

    def intervals(self, level: float = 0.9) -> pd.DataFrame:
        """Return what was learnt of each coefficient; see `CoxPosterior.intervals`."""
        return self.posterior.intervals(self.prior, level)

    @property
    def coefficients(self) -> Floats:
        """Posterior means of the log hazard ratios per unit of a feature, shape (p,)."""
        return self.posterior.coefficients

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features, as the prior has them."""
        return self.prior.names

    @property
    def feature_means(self) -> Floats:
        """Where the log relative hazard is 0."""
        return self.prior.feature_means

    def parameters(self) -> dict[str, Any]:
        """Return the prior's origin and the posterior of the heterogeneity."""
        return {
            "prior": self.prior.source,
            "patients": self.patients,
            "events": self.events,
            **self.posterior.probabilities(),
        }

    def with_truths(self, truths: tuple[Truth, ...]) -> BayesCox:
        """Return itself: evidence is no truth."""
        return self

    def export(self) -> tuple[dict[str, Any], Arrays]:
        """Return prior and posterior."""
        if self.features is None:
            raise ValueError("bayes_cox must be fitted before it is saved")
        document = {
            "prior": self.prior.to_dict(),
            "options": self.options.model_dump(mode="json"),
            "heterogeneity": [[t, p] for t, p in self.posterior.heterogeneity.items()],
            "patients": self.patients,
            "events": self.events,
        }
        return document, {name: getattr(self.posterior, name) for name in LEARNT}

    @classmethod
    def restore(cls, document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> BayesCox:
        """Rebuild a fitted model; the prior's file is not needed."""
        model = cls.__new__(cls)
        model.options = BayesCoxOptions.model_validate(document["options"])
        model.prior = CoefficientPrior.from_dict(document["prior"])
        model.features = _builder(model.prior)
        model.posterior = CoxPosterior(
            heterogeneity=dict(document["heterogeneity"]), **{name: arrays[name] for name in LEARNT}
        )
        model.patients, model.events = document["patients"], document["events"]
        return model


def _builder(prior: CoefficientPrior) -> FeatureBuilder:
    """Return the features of a prior of the baseline kind."""
    assert isinstance(prior.features, FeatureBuilder)  # noqa: S101 - read_prior saw to it
    return prior.features
