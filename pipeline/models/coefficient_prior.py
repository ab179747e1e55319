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
from pipeline.models.partial_likelihood import RiskSets, ridge_fit
from pipeline.schema import Cohort, Column, Floats, InputError, outcome

FORMAT = 1
FAINT_PENALTY = 1e-4  # per patient: keeps features that repeat each other apart, and moves nothing else
HAZARD_STEPS = 120


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
        its coefficients over cohorts is what the evidence leaves open (and, of a cohort of n patients, an
        estimation variance of order 1/n: draw thousands). The covariance is shrunk towards a multiple of
        the identity (Ledoit and Wolf, J Multivar Anal 2004;88:365-411), as there may be fewer cohorts than
        coefficients.

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
        from sklearn.covariance import ledoit_wolf

        if len(cohorts) < 5:
            raise InputError(f"a prior needs at least 5 drawn cohorts. Got {len(cohorts)} instead")
        features = FeatureBuilder(tuple(columns), cohorts[0].control_arm)
        features.fit(pd.concat([c.observed for c in cohorts], ignore_index=True))
        tables = [features.transform(c.observed).to_numpy() for c in cohorts]
        means = np.mean([x.mean(axis=0) for x in tables], axis=0)
        last = min(float(outcome(c.observed, endpoint)["time"].max()) for c in cohorts)
        months = np.linspace(0, last, HAZARD_STEPS + 1)[1:]
        fits, hazards = [], []
        for cohort, x in zip(cohorts, tables, strict=True):
            y = outcome(cohort.observed, endpoint)
            sets = RiskSets.of(x - means, y["time"], y["event"])
            beta = ridge_fit(sets, FAINT_PENALTY * len(x), np.zeros(x.shape[1]))
            fits.append(beta)
            knots, hazard = breslow((x - means) @ beta, y["time"], y["event"])
            hazards.append(steps_at(months, knots, hazard, before=0.0))
        covariance, _ = ledoit_wolf(np.array(fits))
        hazard = np.mean(hazards, axis=0)
        middle = int(np.searchsorted(hazard, hazard[-1] / 2))
        spread = max(float(np.var([h[middle] for h in hazards], ddof=1)), 1e-6)
        # Ledoit and Wolf divide by the number of cohorts; the variance of a draw divides by one less.
        covariance = covariance * len(fits) / (len(fits) - 1)
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


def breslow(risk: Floats, months: Floats, event: np.ndarray[Any, Any]) -> tuple[Floats, Floats]:
    """Return event months and Breslow's cumulative baseline hazard at them, given log relative hazards."""
    order = np.argsort(-months, kind="stable")
    total = np.cumsum(np.exp(risk[order]))
    knots, deaths = np.unique(months[event], return_counts=True)
    at_risk = np.searchsorted(-months[order], -knots, side="right")
    return knots, np.cumsum(deaths / total[at_risk - 1])
