"""What published evidence says of a Cox model before a real patient is seen: a prior for all of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from pipeline.features import FeatureBuilder
from pipeline.models.contract import steps_at
from pipeline.models.partial_likelihood import RiskSets, breslow, ridge_fit
from pipeline.schema import Cohort, Column, Floats, InputError, outcome

FORMAT = 1
FAINT_PENALTY = 1e-4  # per patient: keeps features that repeat each other apart, and moves nothing else
HAZARD_STEPS = 120
LEAST_OPEN = 0.1  # of the spread of coefficients over drawn cohorts that is not laid to estimation


@dataclass(frozen=True)
class CoefficientPrior:
    """Coefficients and baseline hazard as published evidence has them, with what it does not know.

    Attributes
    ----------
    endpoint : str
    features : FeatureBuilder
        Fitted on drawn patients; real ones are transformed by it, so that coefficients mean the same.
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
    """

    endpoint: str
    features: FeatureBuilder
    mean: Floats
    covariance: Floats
    feature_means: Floats
    months: Floats
    hazard: Floats
    concentration: float
    source: str

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the coefficients."""
        return tuple(self.features.feature_names_)

    @classmethod
    def of(cls, cohorts: Sequence[Cohort], endpoint: str, columns: Sequence[Column], source: str) -> Self:
        """Learn the prior from cohorts that each were drawn from another sample of the evidence.

        A Cox model is fitted to every cohort with features defined on all of them together. The spread of
        its coefficients over cohorts, less the mean variance of their estimation, is what the evidence leaves
        open. Correlations are shrunk towards none (Ledoit and Wolf, J Multivar Anal 2004;88:365-411), as
        there may be fewer cohorts than coefficients.

        Parameters
        ----------
        cohorts : sequence of Cohort
            At least five, simulated.
        endpoint : str
        columns : sequence of Column
            Baseline and arm columns that become features.
        source : str
        """
        import pandas as pd
        if len(cohorts) < 5:
            raise InputError(f"a prior needs at least 5 drawn cohorts. Got {len(cohorts)} instead")
        features = FeatureBuilder(tuple(columns), cohorts[0].control_arm)
        features.fit(pd.concat([c.observed for c in cohorts], ignore_index=True))
        tables = [features.transform(c.observed).to_numpy() for c in cohorts]
        means = np.mean([x.mean(axis=0) for x in tables], axis=0)
        last = min(float(outcome(c.observed, endpoint)["time"].max()) for c in cohorts)
        months = np.linspace(0, last, HAZARD_STEPS + 1)[1:]
        fits, hazards, errors = [], [], []
        for cohort, x in zip(cohorts, tables, strict=True):
            y = outcome(cohort.observed, endpoint)
            sets = RiskSets.of(x - means, y["time"], y["event"])
            beta = ridge_fit(sets, FAINT_PENALTY * len(x), np.zeros(x.shape[1]))
            fits.append(beta)
            curvature = sets.information(beta) + FAINT_PENALTY * len(x) * np.eye(len(beta))
            errors.append(np.diag(np.linalg.inv(curvature)))
            knots, hazard = breslow((x - means) @ beta, y["time"], y["event"])
            hazards.append(steps_at(months, knots, hazard, before=0.0))
        hazard = np.mean(hazards, axis=0)
        middle = int(np.searchsorted(hazard, hazard[-1] / 2))
        spread = max(float(np.var([h[middle] for h in hazards], ddof=1)), 1e-6)
        covariance = _covariance(np.array(fits), np.mean(errors, axis=0))
        return cls(endpoint, features, np.mean(fits, axis=0), covariance, means, months, hazard,
                   float(hazard[middle] / spread), source)  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready account that `from_dict` turns back into the same prior."""
        arrays = ("mean", "covariance", "feature_means", "months", "hazard")
        return {
            "format": FORMAT,
            "endpoint": self.endpoint,
            "source": self.source,
            "features": self.features.to_dict(),
            "concentration": self.concentration,
            **{name: getattr(self, name).tolist() for name in arrays},
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the prior that `to_dict` described."""
        arrays = ("mean", "covariance", "feature_means", "months", "hazard")
        return cls(
            endpoint=str(stored["endpoint"]),
            source=str(stored["source"]),
            features=FeatureBuilder.from_dict(stored["features"]),
            concentration=float(stored["concentration"]),
            **{name: np.array(stored[name], dtype=float) for name in arrays},
        )


def _covariance(fits: Floats, error: Floats) -> Floats:
    """Covariance between worlds: sample variances less those of estimation, correlations shrunk."""
    from sklearn.covariance import ledoit_wolf

    variance = fits.var(axis=0, ddof=1)
    shrunk, _ = ledoit_wolf((fits - fits.mean(axis=0)) / np.sqrt(variance))
    scale = np.sqrt(np.diag(shrunk))
    sd = np.sqrt(np.maximum(variance - error, LEAST_OPEN * variance))
    return np.asarray(shrunk / np.outer(scale, scale) * np.outer(sd, sd))


def read_prior(path: Path) -> CoefficientPrior:
    """Return the prior in a JSON file; InputError when it is none."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored.get("format") != FORMAT:
            raise InputError(f"{path}: format must be {FORMAT}. Got {stored.get('format')!r} instead")
        return CoefficientPrior.from_dict(stored)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; `lungio prior COHORT --out {path}` makes one") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not a prior that can be read ({error})") from error
