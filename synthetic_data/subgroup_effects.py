"""How far a subgroup's treatment effect departs from the whole trial's, learnt from other trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from pipeline.schema import Floats
from synthetic_data.evidence import Register

# What a departure is regressed on: first what biomarker studies alone make of it, then how much the
# subgroup's patients differ from the whole in each marker (shares; PD-L1 and burden on a log scale).
STUDIES: Final = "studies"
MODIFIERS: Final = (
    "pdl1", "tmb", "squamous", "never_smoker", "male", "age_65", "liver_metastases", "brain_metastases",
    "egfr_mutant", "kras_mutant", "stk11_mutant", "keap1_mutant",
)  # fmt: skip
TERMS: Final = (STUDIES, *MODIFIERS)
STUDIES_SPREAD: Final = 1.0  # prior standard deviation of the weight of the studies, around 0: vague
SPREADS: Final = (0.0, 0.05, 0.1, 0.2, 0.4)  # of the markers' own coefficients; the data choose
LARGEST_HETEROGENEITY: Final = 1.0


@dataclass(frozen=True)
class Departures:
    """Subgroups of trials: what their departures are regressed on, and the departures themselves.

    Attributes
    ----------
    trials : tuple of str, length n
    design : array, shape (n, len(TERMS))
    departure, variance : array, shape (n,)
        Published log ratio of the subgroup less that of the whole trial, and its sampling variance.
    """

    trials: tuple[str, ...]
    design: Floats
    departure: Floats
    variance: Floats

    def without(self, left_out: frozenset[str]) -> Departures:
        """Return those of the other trials."""
        kept = np.array([t not in left_out for t in self.trials], dtype=bool)
        return Departures(
            tuple(t for t in self.trials if t not in left_out),
            self.design[kept],
            self.departure[kept],
            self.variance[kept],
        )


@dataclass(frozen=True)
class SubgroupEffects:
    """Learnt coefficients of the terms of a departure.

    Attributes
    ----------
    coefficients : array, shape (len(TERMS),)
        Of the design's columns; 0 where the spread chosen is 0.
    covariance : array, shape (len(TERMS), len(TERMS))
        Posterior, given the spread and the heterogeneity.
    spread : float
        Prior standard deviation of the markers' coefficients, chosen by leaving trials out.
    heterogeneity : float
        Variance between subgroups that no term explains.
    readouts, trials : int
        How many it was learnt from.
    """

    coefficients: Floats
    covariance: Floats
    spread: float
    heterogeneity: float
    readouts: int
    trials: int

    def departure(self, design: Floats) -> Floats:
        """Predicted log ratio of each subgroup against the whole trial's, shape (n,)."""
        return np.asarray(design @ self.coefficients)

    def standard_error(self, design: Floats) -> Floats:
        """Of a prediction for a new subgroup: uncertain coefficients and heterogeneity, shape (n,)."""
        known = np.einsum("ij,jk,ik->i", design, self.covariance, design)
        felt = (design != 0).any(axis=1)
        return np.asarray(np.sqrt(known + np.where(felt, self.heterogeneity, 0.0)))

    def named(self) -> dict[str, float]:
        """Coefficients by term."""
        return dict(zip(TERMS, self.coefficients.tolist(), strict=True))


def learn(known: Departures) -> SubgroupEffects:
    """Learn how treatment effects depart in subgroups: a random-effects meta-regression.

    A departure is normal around `design` times coefficients, with its sampling variance plus a
    heterogeneity found by the method of moments (Paule and Mandel 1982). The weight of the biomarker
    studies has a vague normal prior around 0; the markers' coefficients have one with a common spread
    that is chosen among SPREADS by the log likelihood of each trial given the others. Without any
    reading all coefficients are 0: every subgroup equals its trial.
    """
    if not known.trials:
        zero = np.zeros(len(TERMS))
        return SubgroupEffects(zero, np.diag(zero), 0.0, 0.0, 0, 0)
    losses = {spread: _left_out_loss(known, spread) for spread in SPREADS}
    spread = min(SPREADS, key=lambda s: (round(losses[s], 9), s))
    heterogeneity = paule_mandel(known, spread)
    coefficients, covariance = _posterior(known, spread, heterogeneity)
    return SubgroupEffects(
        coefficients, covariance, spread, heterogeneity, len(known.trials), len(set(known.trials))
    )


def _posterior(known: Departures, spread: float, heterogeneity: float) -> tuple[Floats, Floats]:
    """Mean and covariance of the coefficients."""
    prior = np.array([STUDIES_SPREAD, *[spread] * len(MODIFIERS)])
    weight = 1 / (known.variance + heterogeneity)
    # With X = design * prior the unknowns are standard normal, and a spread of 0 needs no exception.
    scaled = known.design * prior
    precision = (scaled.T * weight) @ scaled + np.eye(len(prior))
    mean = prior * np.linalg.solve(precision, (scaled.T * weight) @ known.departure)
    return mean, np.asarray(np.linalg.inv(precision) * np.outer(prior, prior))


def paule_mandel(known: Departures, spread: float) -> float:
    """Return the variance beyond sampling at which squared standardised residuals average 1."""

    def excess(heterogeneity: float) -> float:
        coefficients, _ = _posterior(known, spread, heterogeneity)
        residuals = known.departure - known.design @ coefficients
        return float(np.mean(residuals**2 / (known.variance + heterogeneity))) - 1

    if excess(0.0) <= 0:
        return 0.0
    low, high = 0.0, LARGEST_HETEROGENEITY
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return (low + high) / 2


def _left_out_loss(known: Departures, spread: float) -> float:
    """Twice the negative log likelihood of each trial's departures given the other trials'."""
    heterogeneity = paule_mandel(known, spread)
    loss = 0.0
    for trial in dict.fromkeys(known.trials):
        coefficients, _ = _posterior(known.without(frozenset({trial})), spread, heterogeneity)
        rows = np.array([t == trial for t in known.trials], dtype=bool)
        variance = known.variance[rows] + heterogeneity
        residuals = known.departure[rows] - known.design[rows] @ coefficients
        loss += float((residuals**2 / variance + np.log(variance)).sum())
    return loss


def related_trials(register: Register, trial_id: str) -> frozenset[str]:
    """Return the trial and those that share patients with it: pools it is part of, and parts of a pool."""
    ids = {
        name: {bare for text in (t.id, t.registry, *t.other_registries) if text for bare in [_bare(text)]}
        for name, t in register.trials.items()
    }
    made_of = {name: {_bare(p) for p in t.pooled_from} for name, t in register.trials.items()}
    own, parts = ids[trial_id], made_of[trial_id]
    return frozenset(
        name
        for name in register.trials
        if name == trial_id
        or made_of[name] & own
        or ids[name] & parts
        or made_of[name] & parts
        or ids[name] & own
    )


def _bare(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())


def calibration(
    published: Floats, predicted: Floats, variance: Floats, trials: Sequence[str]
) -> Mapping[str, float]:
    """Regress published departures on predicted ones through the origin, weighted by precision.

    Returns
    -------
    mapping
        `slope` with its 95 % interval, `low` to `high`: robust to any correlation within a trial
        (Liang and Zeger 1986), times g / (g - 1), by Student's t with g - 1 degrees of freedom for g
        trials. Not a number where nothing is predicted to depart or there are fewer than two trials.
    """
    from scipy.stats import t as student

    groups = sorted(set(trials))
    weight = predicted / variance
    total = float(weight @ predicted)
    if total == 0 or len(groups) < 2:
        return {"slope": np.nan, "low": np.nan, "high": np.nan}
    slope = float(weight @ published) / total
    scores = weight * (published - slope * predicted)
    member = np.array(trials)
    squares = sum(float(scores[member == g].sum()) ** 2 for g in groups)
    g = len(groups)
    half = float(student.ppf(0.975, g - 1)) * np.sqrt(squares * g / (g - 1)) / abs(total)
    return {"slope": slope, "low": slope - half, "high": slope + half}
