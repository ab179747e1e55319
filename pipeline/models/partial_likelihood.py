"""Cox's partial likelihood with a ridge penalty, fast enough to choose the penalty inside every fold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from pipeline.schema import Floats

MAX_STEPS = 100
TOLERANCE = 1e-8  # of a coefficient, per standard deviation of its feature
SPARED_SHARE = 1e-3  # of a penalty: in effect none, and yet a finite ratio where a group has no event
NOISE = 1e-12  # of the penalised log likelihood, relative: rounding, not descent


@dataclass(frozen=True)
class RiskSets:
    """Patients in order of falling time, and where each risk set and each tied group of events ends.

    Attributes
    ----------
    x : array, shape (n, p)
    event : array of bool, shape (n,)
    end : array of int, shape (d,)
        For each event in turn, how many patients (from the start) are at risk at its time.
    group : array of int, shape (d,)
        For each event, the number of its tied group.
    share : array, shape (d,)
        Efron's share of its tied group that has left the risk set before it: 0, 1/m, ..., (m-1)/m.
    """

    x: Floats
    event: NDArray[np.bool_]
    end: NDArray[np.intp]
    group: NDArray[np.intp]
    share: Floats

    @classmethod
    def of(cls, x: Floats, months: Floats, event: NDArray[np.bool_]) -> RiskSets:
        """Sort patients and find their risk sets."""
        order = np.argsort(-months, kind="stable")
        months, event = months[order], event[order]
        at = months[event]
        end = np.searchsorted(-months, -at, side="right")
        unique, group = np.unique(-at, return_inverse=True)
        first = np.searchsorted(-at, unique, side="left")
        size = np.bincount(group, minlength=len(unique)).astype(float)
        return cls(x[order], event, end, group, (np.arange(len(at)) - first[group]) / size[group])

    def log_likelihood(self, beta: Floats) -> float:
        """Efron's log partial likelihood at `beta`."""
        score = self.x @ beta
        return float(score[self.event].sum() - np.log(self._denominators(np.exp(score))).sum())

    def _denominators(self, weight: Floats) -> Floats:
        leaving = np.bincount(self.group, weight[self.event])
        return np.asarray(np.cumsum(weight)[self.end - 1] - self.share * leaving[self.group])

    def gradient(self, beta: Floats) -> tuple[float, Floats]:
        """Log partial likelihood and its gradient (p,): two passes over `x`."""
        score = self.x @ beta
        weight = np.exp(score)
        total = self._denominators(weight)
        value = float(score[self.event].sum() - np.log(total).sum())
        return value, self.event @ self.x - (weight * self._counts(total)) @ self.x

    def information(self, beta: Floats) -> Floats:
        """Information matrix at `beta`, shape (p, p).

        It is X'WX less the outer products of the risk-set means, so two matrix products replace a loop
        over events.
        """
        weight = np.exp(self.x @ beta)
        total = self._denominators(weight)
        weighted = self.x * weight[:, None]
        leaving = np.add.reduceat(weighted[self.event], np.flatnonzero(self.share == 0), axis=0)
        means = np.cumsum(weighted, axis=0)[self.end - 1] - self.share[:, None] * leaving[self.group]
        means /= total[:, None]
        return np.asarray((weighted * self._counts(total)[:, None]).T @ self.x - means.T @ means)

    def _counts(self, total: Floats) -> Floats:
        """How much each patient counts: the sum of 1/total over the events at which it was at risk."""
        entering = np.bincount(self.end - 1, 1 / total, minlength=len(self.event))
        counts = np.cumsum(entering[::-1])[::-1].copy()
        counts[self.event] -= np.bincount(self.group, self.share / total)[self.group]
        return np.asarray(counts, dtype=float)


def ridge_fit(risk_sets: RiskSets, penalty: float | Floats, start: Floats) -> Floats:
    """Coefficients maximising log partial likelihood - penalty/2 * |beta|^2, by Newton's method.

    `penalty`, one or one a coefficient, is on the scale of the whole log likelihood; lifelines' `penalizer`
    times n. The information matrix, which costs p times a gradient, is kept as long as steps with it still
    shrink the gradient fivefold.
    """
    return penalised_fit(risk_sets, penalty * np.eye(len(start)), np.zeros_like(start), start)


def penalised_fit(risk_sets: RiskSets, precision: Floats, mean: Floats, start: Floats) -> Floats:
    """Coefficients maximising log partial likelihood - (beta - mean)' precision (beta - mean) / 2.

    With a `precision` (p, p) that inverts a prior's covariance this is the posterior mode.
    """

    def penalised(at: Floats) -> tuple[float, Floats]:
        value, gradient = risk_sets.gradient(at)
        pull = precision @ (at - mean)
        return value - 0.5 * float((at - mean) @ pull), gradient - pull

    beta = start.copy()
    value, slope = penalised(beta)
    factor = None
    for _ in range(MAX_STEPS):
        if factor is None:
            factor = cho_factor(risk_sets.information(beta) + precision, check_finite=False)
        step = cho_solve(factor, slope, check_finite=False)
        for _ in range(20):
            proposal = beta + step
            new, new_slope = penalised(proposal)
            if new >= value - NOISE * abs(value):
                break
            step = step / 2
        if np.abs(new_slope).max() > 0.2 * np.abs(slope).max():
            factor = None
        beta, value, slope = proposal, new, new_slope
        if np.abs(step).max() <= TOLERANCE:
            break
    return beta


def cross_validated_likelihood(
    x: Floats,
    months: Floats,
    event: NDArray[np.bool_],
    penalties: tuple[float, ...],
    folds: int,
    rng: np.random.Generator,
    patients: NDArray[np.intp] | None = None,
    relative: Floats | float = 1.0,
) -> Floats:
    """Cross-validated log partial likelihood of each penalty, shape (len(penalties),); higher is better.

    Every fold adds what its patients contribute to the likelihood of all patients, at coefficients learnt
    without them (Verweij and van Houwelingen, Stat Med 1993;12:2305, doi:10.1002/sim.4780122407). Folds
    are stratified by event. `penalties` are per row, as lifelines counts them, and `x` standardised. Where
    a patient has several rows, `patients` (0, 1, ...) keeps them in one fold. `relative` says how much of the
    penalty each coefficient bears.
    """
    patients = np.arange(len(months)) if patients is None else patients
    fold_of = stratified_folds(np.bincount(patients, event) > 0, folds, rng)
    fold = fold_of[patients]
    everyone = RiskSets.of(x, months, event)
    totals = np.zeros(len(penalties))
    descending = sorted(range(len(penalties)), key=lambda k: -penalties[k])
    for k in range(folds):
        inside = fold != k
        training = RiskSets.of(x[inside], months[inside], event[inside])
        beta = np.zeros(x.shape[1])
        for j in descending:  # from strong to weak, each fit starting from the one before
            beta = ridge_fit(training, penalties[j] * int(inside.sum()) * relative, beta)
            totals[j] += everyone.log_likelihood(beta) - training.log_likelihood(beta)
    return totals


def standardised(x: Floats) -> tuple[Floats, Floats]:
    """Return `x` with columns of mean 0 and deviation 1, and the deviations; 1 for a constant column."""
    spread = x.std(axis=0, ddof=1)
    spread = np.where(spread > 0, spread, 1.0)
    return (x - x.mean(axis=0)) / spread, spread


def stratified_folds(event: NDArray[np.bool_], folds: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return the fold of each patient, 0 to `folds` - 1, those with and without the event spread evenly."""
    fold_of = np.empty(len(event), dtype=np.intp)
    for kind in (True, False):
        members = np.flatnonzero(event == kind)
        fold_of[rng.permutation(members)] = np.arange(len(members)) % folds
    return fold_of


def breslow(risk: Floats, months: Floats, event: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return event months (k,) and Breslow's cumulative baseline hazard from each on, given log hazards."""
    at, position = np.unique(months, return_inverse=True)
    events = np.bincount(position, event, minlength=len(at))
    weight = np.bincount(position, np.exp(risk), minlength=len(at))
    at_risk = np.cumsum(weight[::-1])[::-1]
    hazard = np.cumsum(events / at_risk)
    return at[events > 0], hazard[events > 0]
