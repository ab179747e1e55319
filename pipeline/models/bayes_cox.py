"""Cox regression that starts from published evidence and is updated by the patients at hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field
from scipy.linalg import cho_factor, cho_solve

from pipeline.config import Spec
from pipeline.models.coefficient_prior import CoefficientPrior, read_prior
from pipeline.models.contract import (
    Arrays,
    FeatureTransformer,
    ModelContext,
    Outcome,
    read_options,
    steps_at,
)
from pipeline.models.partial_likelihood import RiskSets, penalised_fit
from pipeline.schema import Floats, InputError, Prediction, Truth

NODES = 15  # of the Gauss-Hermite rule over a patient's log relative hazard
BISECTIONS = 50  # of an interval's end: to the last bit
LEARNT = (
    "coefficients", "covariance", "baseline_months", "baseline_cumulative_hazard", "means_by_heterogeneity",
    "sds_by_heterogeneity",
)  # fmt: skip


class BayesCoxOptions(Spec):
    """Where the prior stands, and how far the patients at hand may differ from published ones.

    `heterogeneity` lists standard deviations of a coefficient between populations that are weighed against
    each other; `heterogeneity_scale` is the scale of the half-Normal prior on it.
    """

    prior: Path | None = Field(None, description="JSON file made by `lungio prior`; must be given")
    heterogeneity: tuple[float, ...] = Field((0.0, 0.05, 0.1, 0.2, 0.4), min_length=1)
    heterogeneity_scale: float = Field(0.1, gt=0)


class BayesCox:
    """Proportional hazards under a Normal prior, by Laplace's approximation.

    Coefficients have the prior N(m, Σ + τ² I): m and Σ are what published evidence says, τ how far the
    patients at hand may differ from it. τ is a hyper-parameter on a grid; each of its values is weighed by
    its prior and by the marginal likelihood in Laplace's approximation, and the posterior is the mixture.
    The cumulative baseline hazard has a gamma process as prior, to which Kalbfleisch's update is conjugate
    given the coefficients (J R Stat Soc B 1978;40:214-221). With no event the posterior is the prior.

    Survival is the posterior mean over the log relative hazard; intervals and survival leave out that the
    hazard itself is uncertain.

    Attributes
    ----------
    coefficients : array, shape (p,)
        Posterior means of the log hazard ratios per unit of a feature.
    covariance : array, shape (p, p)
        Of the posterior, between values of τ included.
    heterogeneity : dict of float to float
        Posterior probability of each τ.
    means_by_heterogeneity, sds_by_heterogeneity : array, shape (k, p)
        Of each coefficient's posterior given each τ: the Normals whose mixture it is.
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
        x = self._centred(self.prior.features, frame)
        event = np.ascontiguousarray(y["event"])
        self._update(x, np.ascontiguousarray(y["time"], dtype=float), event)
        self.features = self.prior.features
        self.patients, self.events = len(y), int(event.sum())
        return self

    def _centred(self, features: FeatureTransformer, frame: pd.DataFrame) -> Floats:
        return np.asarray(features.transform(frame).to_numpy() - self.prior.feature_means, dtype=float)

    def _update(self, x: Floats, months: Floats, event: NDArray[np.bool_]) -> None:
        prior, options = self.prior, self.options
        taus = np.array(options.heterogeneity)
        log_weight = -0.5 * (taus / options.heterogeneity_scale) ** 2
        means, covariances = [], []
        sets = RiskSets.of(x, months, event) if event.any() else None
        start = prior.mean
        for k, tau in enumerate(taus):
            covariance = prior.covariance + tau**2 * np.eye(len(prior.mean))
            if sets is not None:
                precision = np.linalg.inv(covariance)
                start = penalised_fit(sets, precision, prior.mean, start)
                curvature = sets.information(start) + precision
                pull = start - prior.mean
                log_weight[k] += sets.log_likelihood(start) - 0.5 * float(pull @ precision @ pull)
                log_weight[k] -= 0.5 * (np.linalg.slogdet(covariance)[1] + np.linalg.slogdet(curvature)[1])
                covariance = cho_solve(cho_factor(curvature), np.eye(len(start)))
            means.append(start)
            covariances.append(covariance)
        weight = np.exp(log_weight - log_weight.max())
        weight /= weight.sum()
        self.heterogeneity = dict(zip(taus.tolist(), weight.tolist(), strict=True))
        self.means_by_heterogeneity: Floats = np.array(means)
        self.sds_by_heterogeneity: Floats = np.sqrt([np.diag(c) for c in covariances])
        self.coefficients: Floats = weight @ np.array(means)
        apart = np.array(means) - self.coefficients
        self.covariance: Floats = np.einsum("k,kij->ij", weight, np.array(covariances))
        self.covariance += np.einsum("k,ki,kj->ij", weight, apart, apart)
        self.baseline_months, self.baseline_cumulative_hazard = self._hazard(
            x @ self.coefficients, months, event
        )

    def _hazard(self, risk: Floats, months: Floats, event: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """Return the posterior mean of the gamma process: prior and observed increments, weighed."""
        prior = self.prior
        grid = np.union1d(prior.months, months[event])
        expected = np.diff(np.interp(grid, np.concatenate([[0.0], prior.months]),
                                     np.concatenate([[0.0], prior.hazard])), prepend=0.0)  # fmt: skip
        observed = np.zeros(len(grid))
        np.add.at(observed, np.searchsorted(grid, months[event]), 1.0)
        order = np.argsort(-months, kind="stable")
        total = np.concatenate([[0.0], np.cumsum(np.exp(risk[order]))])
        at_risk = total[np.searchsorted(-months[order], -grid, side="right")]
        c = prior.concentration
        return grid, np.cumsum((c * expected + observed) / (c + at_risk))

    def predict(self, frame: pd.DataFrame, months: Floats) -> Prediction:
        """Return the posterior mean of the log relative hazard as risk, and of survival."""
        if self.features is None:
            raise ValueError("bayes_cox must be fitted before it predicts")
        x = self._centred(self.features, frame)
        months = np.asarray(months, dtype=float)
        risk = x @ self.coefficients
        spread = np.sqrt(np.einsum("ni,ij,nj->n", x, self.covariance, x))
        hazard = steps_at(months, self.baseline_months, self.baseline_cumulative_hazard, before=0.0)
        nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
        survival = np.zeros((len(x), len(months)))
        for node, weight in zip(nodes, weights / weights.sum(), strict=True):
            survival += weight * np.exp(-np.outer(np.exp(risk + node * spread), hazard))
        return Prediction(risk, months, survival)

    def intervals(self, level: float = 0.9) -> pd.DataFrame:
        """Return `feature`, `prior_mean`, `prior_sd`, `mean`, `sd`, `low`, `high`: what was learnt.

        `low` and `high` are quantiles of the mixture over τ, whose tails are not those of one Normal.
        """
        return pd.DataFrame(
            {
                "feature": self.prior.names,
                "prior_mean": self.prior.mean,
                "prior_sd": np.sqrt(np.diag(self.prior.covariance)),
                "mean": self.coefficients,
                "sd": np.sqrt(np.diag(self.covariance)),
                "low": self._quantile(0.5 - level / 2),
                "high": self._quantile(0.5 + level / 2),
            }
        )

    def _quantile(self, probability: float) -> Floats:
        """Return a quantile of each coefficient's posterior, by bisection between those given each τ."""
        from scipy.stats import norm

        weight = np.array(list(self.heterogeneity.values()))
        means, sds = self.means_by_heterogeneity, self.sds_by_heterogeneity
        each = means + norm.ppf(probability) * sds
        low, high = each.min(axis=0), each.max(axis=0)
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            below = weight @ norm.cdf(middle, means, sds) < probability
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return np.asarray((low + high) / 2, dtype=float)

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
        found = {f"probability[heterogeneity={t:g}]": round(p, 4) for t, p in self.heterogeneity.items()}
        return {"prior": self.prior.source, "patients": self.patients, "events": self.events, **found}

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
            "heterogeneity": [[t, p] for t, p in self.heterogeneity.items()],
            "patients": self.patients,
            "events": self.events,
        }
        return document, {name: getattr(self, name) for name in LEARNT}

    @classmethod
    def restore(cls, document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> BayesCox:
        """Rebuild a fitted model; the prior's file is not needed."""
        model = cls.__new__(cls)
        model.options = BayesCoxOptions.model_validate(document["options"])
        model.prior = CoefficientPrior.from_dict(document["prior"])
        model.features = model.prior.features
        model.heterogeneity = dict(document["heterogeneity"])
        model.patients, model.events = document["patients"], document["events"]
        for name in LEARNT:
            setattr(model, name, arrays[name])
        return model
