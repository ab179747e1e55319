"""What published evidence says of a Cox model before a real patient is seen: a prior for all of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.features import FeatureBuilder
from pipeline.models.contract import Outcome, steps_at
from pipeline.models.partial_likelihood import RiskSets, breslow, ridge_fit
from pipeline.models.robust import clustered_covariance, score_residuals
from pipeline.schema import Cohort, Column, Floats, InputError, outcome

FORMAT = 1
FAINT_PENALTY = 1e-4  # per patient: keeps features that repeat each other apart, and moves nothing else
HAZARD_STEPS = 120
LEAST_OPEN = 0.1  # of the spread of coefficients over drawn cohorts that is not laid to estimation
LEAST_COHORTS: Final = 5
BASELINE: Final = "baseline"  # the kind of a prior whose features are known before treatment


class PriorFeatures(Protocol):
    """What a prior asks of whatever turns a table into the columns of its coefficients."""

    @property
    def feature_names_(self) -> list[str]:
        """Names of the coefficients."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns read."""

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return float64 features, named and in the order of the coefficients."""

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready account."""


@dataclass(frozen=True)
class Sample:
    """Rows of one drawn cohort.

    Attributes
    ----------
    table : DataFrame, n rows
    y : structured array, shape (n,)
    patient : array of int, shape (n,), optional
        Number of the row's patient, 0, 1, ..., where a patient has several rows.
    """

    table: pd.DataFrame
    y: Outcome
    patient: NDArray[np.intp] | None = None


@dataclass(frozen=True)
class CoefficientPrior:
    """Coefficients and baseline hazard as published evidence has them, with what it does not know.

    Attributes
    ----------
    endpoint : str
    features : PriorFeatures
        Fitted on drawn patients; real ones are transformed by it, so that coefficients mean the same. A
        `FeatureBuilder` for what is known before treatment.
    mean, covariance : array, shape (p,), (p, p)
        Of the log hazard ratios per unit of a feature.
    feature_means : array, shape (p,)
        Where the log relative hazard is 0.
    months, hazard : array, shape (k,)
        Cumulative baseline hazard at the feature means.
    concentration : float
        Of the gamma process around `hazard`: its variance is ``hazard / concentration``.
    source : str
        Which cohort was drawn, how often and from which evidence.
    kind : str
        What its features are; a model reads priors of its own kind alone.
    """

    endpoint: str
    features: PriorFeatures
    mean: Floats
    covariance: Floats
    feature_means: Floats
    months: Floats
    hazard: Floats
    concentration: float
    source: str
    kind: str = BASELINE

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the coefficients."""
        return tuple(self.features.feature_names_)

    def centred(self, table: pd.DataFrame) -> Floats:
        """Return the features of `table` less their means in the prior, shape (n, p)."""
        return np.asarray(self.features.transform(table).to_numpy() - self.feature_means, dtype=float)

    def loosened(self, log_sd: float) -> Self:
        """Return the prior whose baseline hazard differs by so much more between populations.

        Its concentration is such that the squared coefficient of variation, where the cumulative hazard has
        reached half of its last value, grows by ``log_sd ** 2``.
        """
        if log_sd == 0:
            return self
        middle = float(self.hazard[self._middle(self.hazard)])
        concentration = 1 / (1 / self.concentration + middle * log_sd**2)
        return replace(self, concentration=concentration)

    @staticmethod
    def _middle(hazard: Floats) -> int:
        return int(np.searchsorted(hazard, hazard[-1] / 2))

    @classmethod
    def of(cls, cohorts: Sequence[Cohort], endpoint: str, columns: Sequence[Column], source: str) -> Self:
        """Learn the prior from cohorts that each were drawn from another sample of the evidence.

        Parameters
        ----------
        cohorts : sequence of Cohort
            At least five, simulated.
        endpoint : str
        columns : sequence of Column
            Baseline and arm columns that become features.
        source : str
        """
        check_cohorts(len(cohorts))
        features = FeatureBuilder(tuple(columns), cohorts[0].control_arm)
        features.fit(pd.concat([c.observed for c in cohorts], ignore_index=True))
        samples = [Sample(c.observed, outcome(c.observed, endpoint)) for c in cohorts]
        return cls.learnt(features, samples, endpoint, source)

    @classmethod
    def learnt(
        cls,
        features: PriorFeatures,
        samples: Sequence[Sample],
        endpoint: str,
        source: str,
        kind: str = BASELINE,
        penalty: float = FAINT_PENALTY,
    ) -> Self:
        """Learn the prior from rows of drawn cohorts, whose features are fitted on all of them together.

        A Cox model is fitted to every cohort. The spread of its coefficients over cohorts, less the mean
        variance of their estimation (clustered where a patient has several rows), is what the evidence
        leaves open. Correlations are shrunk towards none (Ledoit and Wolf, J Multivar Anal 2004;88:365-411),
        as there may be fewer cohorts than coefficients. `penalty` is the ridge, per row.
        """
        tables = [features.transform(s.table).to_numpy() for s in samples]
        means = np.mean([x.mean(axis=0) for x in tables], axis=0)
        last = min(float(s.y["time"].max()) for s in samples)
        months = np.linspace(0, last, HAZARD_STEPS + 1)[1:]
        fits, hazards, errors = [], [], []
        for sample, x in zip(samples, tables, strict=True):
            y = sample.y
            sets = RiskSets.of(x - means, y["time"], y["event"])
            beta = ridge_fit(sets, penalty * len(x), np.zeros(x.shape[1]))
            fits.append(beta)
            curvature = sets.information(beta) + penalty * len(x) * np.eye(len(beta))
            if sample.patient is None:
                covariance = np.linalg.inv(curvature)
            else:
                residuals = score_residuals(x - means, y["time"], y["event"], beta)
                covariance = clustered_covariance(residuals, curvature, sample.patient)
            errors.append(np.diag(covariance))
            knots, hazard = breslow((x - means) @ beta, y["time"], y["event"])
            hazards.append(steps_at(months, knots, hazard, before=0.0))
        hazard = np.mean(hazards, axis=0)
        middle = cls._middle(hazard)
        spread = max(float(np.var([h[middle] for h in hazards], ddof=1)), 1e-6)
        covariance = _covariance(np.array(fits), np.mean(errors, axis=0))
        return cls(endpoint, features, np.mean(fits, axis=0), covariance, means, months, hazard,
                   float(hazard[middle] / spread), source, kind)  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready account that `from_dict` turns back into the same prior."""
        arrays = ("mean", "covariance", "feature_means", "months", "hazard")
        return {
            "format": FORMAT,
            "kind": self.kind,
            "endpoint": self.endpoint,
            "source": self.source,
            "features": self.features.to_dict(),
            "concentration": self.concentration,
            **{name: getattr(self, name).tolist() for name in arrays},
        }

    @classmethod
    def from_dict(
        cls,
        stored: Mapping[str, Any],
        features: Callable[[Mapping[str, Any]], PriorFeatures] = FeatureBuilder.from_dict,
    ) -> Self:
        """Return the prior that `to_dict` described, its features restored by `features`."""
        arrays = ("mean", "covariance", "feature_means", "months", "hazard")
        return cls(
            endpoint=str(stored["endpoint"]),
            source=str(stored["source"]),
            features=features(stored["features"]),
            concentration=float(stored["concentration"]),
            kind=str(stored.get("kind", BASELINE)),
            **{name: np.array(stored[name], dtype=float) for name in arrays},
        )


def check_cohorts(number: int) -> None:
    """Raise an InputError when there are too few drawn cohorts for a spread."""
    if number < LEAST_COHORTS:
        raise InputError(f"a prior needs at least {LEAST_COHORTS} drawn cohorts. Got {number} instead")


def _covariance(fits: Floats, error: Floats) -> Floats:
    """Covariance between worlds: sample variances less those of estimation, correlations shrunk."""
    from sklearn.covariance import ledoit_wolf

    variance = fits.var(axis=0, ddof=1)
    shrunk, _ = ledoit_wolf((fits - fits.mean(axis=0)) / np.sqrt(variance))
    scale = np.sqrt(np.diag(shrunk))
    sd = np.sqrt(np.maximum(variance - error, LEAST_OPEN * variance))
    return np.asarray(shrunk / np.outer(scale, scale) * np.outer(sd, sd))


def read_prior(
    path: Path,
    kind: str = BASELINE,
    features: Callable[[Mapping[str, Any]], PriorFeatures] = FeatureBuilder.from_dict,
) -> CoefficientPrior:
    """Return the prior in a JSON file; InputError when it is none, or one of another kind."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored.get("format") != FORMAT:
            raise InputError(f"{path}: format must be {FORMAT}. Got {stored.get('format')!r} instead")
        found = stored.get("kind", BASELINE)
        if found != kind:
            raise InputError(
                f"{path}: a prior of {found} features, and {kind} ones are wanted; `lungio prior` makes a "
                f"{kind} one {'with' if kind != BASELINE else 'without'} --study"
            )
        return CoefficientPrior.from_dict(stored, features)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; `lungio prior COHORT --out {path}` makes one") from error
    except InputError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not a prior that can be read ({error})") from error
