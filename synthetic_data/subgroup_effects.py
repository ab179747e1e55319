"""How far a subgroup's treatment effect departs from the whole trial's, learnt from other trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Final

import numpy as np

from pipeline.schema import Floats
from pipeline.yaml_file import read_yaml
from synthetic_data.evidence import Register

LEARNT_FILE: Final = Path(__file__).resolve().parents[1] / "configs" / "evidence" / "benefit.yaml"
WEIGHT_SPREAD: Final = 1.0  # prior standard deviation of the weight of the studies, around 0: vague
# Searched for the largest likelihood: standard deviations of the weight between trials, and of what no
# study explains between subgroups.
BETWEEN_TRIALS: Final = tuple(np.arange(0.0, 2.01, 0.1).tolist())
UNEXPLAINED: Final = tuple(np.arange(0.0, 0.31, 0.05).tolist())


@dataclass(frozen=True)
class Departures:
    """Subgroups of trials: what biomarker studies make of their departures, and the departures themselves.

    Attributes
    ----------
    trials : tuple of str, length n
    studies : array, shape (n,)
        Departure that effects of biomarker studies alone would give.
    departure, variance : array, shape (n,)
        Published log ratio of the subgroup less that of the whole trial, and its sampling variance.
    """

    trials: tuple[str, ...]
    studies: Floats
    departure: Floats
    variance: Floats

    def without(self, left_out: frozenset[str]) -> Departures:
        """Return those of the other trials."""
        kept = np.array([t not in left_out for t in self.trials], dtype=bool)
        return Departures(
            tuple(t for t in self.trials if t not in left_out),
            self.studies[kept],
            self.departure[kept],
            self.variance[kept],
        )


@dataclass(frozen=True)
class SubgroupEffects:
    """How much of what biomarker studies say about benefit the subgroups of trials bear out.

    Attributes
    ----------
    weight : float
        Times the departure that the studies give is the departure to expect; 0 where nothing is known.
    weight_error : float
        Posterior standard deviation of the mean weight.
    between_trials : float
        Standard deviation of the weight from trial to trial.
    unexplained : float
        Standard deviation between subgroups that the studies do not explain.
    readouts, trials : int
        How many it was learnt from.
    """

    weight: float
    weight_error: float
    between_trials: float
    unexplained: float
    readouts: int
    trials: int

    def departure(self, studies: Floats) -> Floats:
        """Predicted log ratio of each subgroup against the whole trial's, shape (n,)."""
        return np.asarray(self.weight * studies)

    def standard_error(self, studies: Floats) -> Floats:
        """Of a prediction for a new trial's subgroup, shape (n,)."""
        of_weight = (self.weight_error**2 + self.between_trials**2) * studies**2
        return np.asarray(np.sqrt(of_weight + np.where(studies != 0, self.unexplained**2, 0.0)))


def load_learnt_effects(file: Path = LEARNT_FILE) -> SubgroupEffects:
    """Return what was learnt from all trials; `python -m benchmarks.learn_benefit` writes it anew."""
    return SubgroupEffects(**read_yaml(file)["learnt"])


def learn(known: Departures) -> SubgroupEffects:
    """Learn how far treatment effects depart in subgroups: a random-effects meta-regression.

    The departures of a trial are normal around the studies' ones times a weight that varies from trial
    to trial, so that a trial with many subgroups, or many cuts of one, counts about once; to their
    sampling variance comes what the studies do not explain. Both spreads are those of the largest
    marginal likelihood, and the mean weight has a vague normal prior around 0. Without any reading it is
    0: every subgroup equals its trial.
    """
    if not known.trials:
        return SubgroupEffects(0.0, 0.0, 0.0, 0.0, 0, 0)
    between, unexplained = min(
        product(BETWEEN_TRIALS, UNEXPLAINED), key=lambda spreads: (_weight(known, *spreads)[2], spreads)
    )
    mean, variance, _ = _weight(known, between, unexplained)
    return SubgroupEffects(
        mean, float(np.sqrt(variance)), between, unexplained, len(known.trials), len(set(known.trials))
    )


def _weight(known: Departures, between: float, unexplained: float) -> tuple[float, float, float]:
    """Mean and variance of the weight, and twice its negative log marginal likelihood.

    In closed form: a trial's covariance is diagonal plus between² times the outer product of what the
    studies say, which Sherman and Morrison (1950) invert.
    """
    names, trial = np.unique(known.trials, return_inverse=True)
    variance = known.variance + unexplained**2

    def by_trial(values: Floats) -> Floats:
        return np.asarray(np.bincount(trial, values / variance, len(names)), dtype=float)

    squares, products = by_trial(known.studies**2), by_trial(known.studies * known.departure)
    widened = 1 + between**2 * squares
    precision = 1 / WEIGHT_SPREAD**2 + float((squares / widened).sum())
    mean = float((products / widened).sum()) / precision
    loss = float(np.log(variance).sum() + np.log(widened).sum()) + np.log(precision * WEIGHT_SPREAD**2)
    loss += float((known.departure**2 / variance).sum() - (between**2 * products**2 / widened).sum())
    return mean, 1 / precision, float(loss - precision * mean**2)


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
