"""What patients make of a Normal prior on Cox's coefficients: posterior, baseline hazard and intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field
from scipy.linalg import cho_factor, cho_solve

from pipeline.config import Spec
from pipeline.models.coefficient_prior import CoefficientPrior
from pipeline.models.contract import steps_at
from pipeline.models.partial_likelihood import RiskSets, penalised_fit
from pipeline.schema import Floats, Prediction

NODES: Final = 15  # of the Gauss-Hermite rule over a patient's log relative hazard
BISECTIONS: Final = 50  # of an interval's end: to the last bit


class Heterogeneity(Spec):
    """How far the patients at hand may differ from published ones.

    `heterogeneity` lists standard deviations of a coefficient between populations that are weighed against
    each other; `heterogeneity_scale` is the scale of the half-Normal prior on it.
    """

    heterogeneity: tuple[float, ...] = Field((0.0, 0.05, 0.1, 0.2, 0.4), min_length=1)
    heterogeneity_scale: float = Field(0.1, gt=0)
    hazard_heterogeneity: float = Field(
        0.0, ge=0, description="standard deviation of the log baseline hazard between populations"
    )

    def log_prior(self) -> tuple[Floats, Floats]:
        """Return the grid of standard deviations τ and the log prior weight of each, both (k,)."""
        taus = np.array(self.heterogeneity)
        return taus, -0.5 * (taus / self.heterogeneity_scale) ** 2


@dataclass(frozen=True)
class QuadraticLikelihood:
    """A log likelihood of coefficients, by its slope and curvature at one point.

    Attributes
    ----------
    at : array, shape (p,)
    score : array, shape (p,)
        Slope there.
    information : array, shape (p, p)
        Less the curvature; may be singular.
    worth : float
        How many independent rows one row is worth to the baseline hazard.
    """

    at: Floats
    score: Floats
    information: Floats
    worth: float


@dataclass(frozen=True)
class CoxPosterior:
    """Coefficients and cumulative baseline hazard after the patients at hand.

    Coefficients have the prior N(m, Σ + τ² I): m and Σ are what published evidence says, τ how far the
    patients at hand may differ from it. τ is a hyper-parameter on a grid; each of its values is weighed by
    its prior and by the marginal likelihood in Laplace's approximation, and the posterior is the mixture.
    The cumulative baseline hazard has a gamma process as prior, to which Kalbfleisch's update is conjugate
    given the coefficients (J R Stat Soc B 1978;40:214-221). With no event the posterior is the prior.

    Survival is the posterior mean over the log relative hazard; intervals and survival leave out that the
    hazard itself is uncertain.

    Attributes
    ----------
    heterogeneity : dict of float to float
        Posterior probability of each τ.
    means_by_heterogeneity, sds_by_heterogeneity : array, shape (k, p)
        Of each coefficient's posterior given each τ: the Normals whose mixture it is.
    coefficients : array, shape (p,)
        Posterior means of the log hazard ratios per unit of a feature.
    covariance : array, shape (p, p)
        Of the posterior, between values of τ included.
    baseline_months, baseline_cumulative_hazard : array, shape (j,)
        Posterior mean of the hazard's process.
    """

    heterogeneity: dict[float, float]
    means_by_heterogeneity: Floats
    sds_by_heterogeneity: Floats
    coefficients: Floats
    covariance: Floats
    baseline_months: Floats
    baseline_cumulative_hazard: Floats

    @classmethod
    def of(
        cls,
        prior: CoefficientPrior,
        allowed: Heterogeneity,
        x: Floats,
        months: Floats,
        event: NDArray[np.bool_],
    ) -> Self:
        """Update `prior` by independent patients.

        Parameters
        ----------
        prior : CoefficientPrior
        allowed : Heterogeneity
        x : array, shape (n, p)
            Features less their means in the prior.
        months : array, shape (n,)
        event : array of bool, shape (n,)
        """
        taus, log_weight = allowed.log_prior()
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
        return cls._mixture(prior, allowed, log_weight, means, covariances, x, months, event, 1.0)

    @classmethod
    def of_quadratic(
        cls,
        prior: CoefficientPrior,
        allowed: Heterogeneity,
        likelihood: QuadraticLikelihood,
        x: Floats,
        months: Floats,
        event: NDArray[np.bool_],
    ) -> Self:
        """Update `prior` by a log likelihood that is known by its value at one point; the rest as in `of`."""
        taus, log_weight = allowed.log_prior()
        means, covariances = [], []
        away = likelihood.at - prior.mean
        for k, tau in enumerate(taus):
            covariance = prior.covariance + tau**2 * np.eye(len(prior.mean))
            precision = np.linalg.inv(covariance)
            curvature = likelihood.information + precision
            factor = cho_factor(curvature)
            slope = likelihood.score - precision @ away
            step = cho_solve(factor, slope)
            means.append(likelihood.at + step)
            covariances.append(cho_solve(factor, np.eye(len(step))))
            log_weight[k] += 0.5 * float(slope @ step) - 0.5 * float(away @ precision @ away)
            log_weight[k] -= 0.5 * (np.linalg.slogdet(covariance)[1] + np.linalg.slogdet(curvature)[1])
        worth = likelihood.worth
        return cls._mixture(prior, allowed, log_weight, means, covariances, x, months, event, worth)

    @classmethod
    def _mixture(
        cls,
        prior: CoefficientPrior,
        allowed: Heterogeneity,
        log_weight: Floats,
        means: list[Floats],
        covariances: list[Floats],
        x: Floats,
        months: Floats,
        event: NDArray[np.bool_],
        worth: float,
    ) -> Self:
        weight = np.exp(log_weight - log_weight.max())
        weight /= weight.sum()
        coefficients: Floats = weight @ np.array(means)
        apart = np.array(means) - coefficients
        between = np.einsum("k,ki,kj->ij", weight, apart, apart)
        return cls(
            dict(zip(allowed.heterogeneity, weight.tolist(), strict=True)),
            np.array(means),
            np.sqrt([np.diag(c) for c in covariances]),
            coefficients,
            np.einsum("k,kij->ij", weight, np.array(covariances)) + between,
            *_hazard(prior.loosened(allowed.hazard_heterogeneity), x @ coefficients, months, event, worth),
        )

    def predict(self, x: Floats, months: Floats) -> Prediction:
        """Return the posterior mean of the log relative hazard as risk, and of survival; `x` is centred."""
        months = np.asarray(months, dtype=float)
        risk = x @ self.coefficients
        spread = np.sqrt(np.einsum("ni,ij,nj->n", x, self.covariance, x))
        hazard = steps_at(months, self.baseline_months, self.baseline_cumulative_hazard, before=0.0)
        nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
        survival = np.zeros((len(x), len(months)))
        for node, weight in zip(nodes, weights / weights.sum(), strict=True):
            survival += weight * np.exp(-np.outer(np.exp(risk + node * spread), hazard))
        return Prediction(risk, months, survival)

    def intervals(self, prior: CoefficientPrior, level: float) -> pd.DataFrame:
        """Return `feature`, `prior_mean`, `prior_sd`, `mean`, `sd`, `low`, `high`: what was learnt.

        `low` and `high` are quantiles of the mixture over τ, whose tails are not those of one Normal.
        """
        return pd.DataFrame(
            {
                "feature": prior.names,
                "prior_mean": prior.mean,
                "prior_sd": np.sqrt(np.diag(prior.covariance)),
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

    def probabilities(self) -> dict[str, float]:
        """Return the posterior probability of each τ, named for a table of parameters."""
        return {f"probability[heterogeneity={t:g}]": round(p, 4) for t, p in self.heterogeneity.items()}


def _hazard(
    prior: CoefficientPrior, risk: Floats, months: Floats, event: NDArray[np.bool_], worth: float
) -> tuple[Floats, Floats]:
    """Return the posterior mean of the gamma process: prior and observed increments, weighed."""
    grid = np.union1d(prior.months, months[event])
    expected = np.diff(np.interp(grid, np.concatenate([[0.0], prior.months]),
                                 np.concatenate([[0.0], prior.hazard])), prepend=0.0)  # fmt: skip
    observed = np.zeros(len(grid))
    np.add.at(observed, np.searchsorted(grid, months[event]), 1.0)
    order = np.argsort(-months, kind="stable")
    total = np.concatenate([[0.0], np.cumsum(np.exp(risk[order]))])
    at_risk = total[np.searchsorted(-months[order], -grid, side="right")]
    c = prior.concentration
    return grid, np.cumsum((c * expected + worth * observed) / (c + worth * at_risk))
