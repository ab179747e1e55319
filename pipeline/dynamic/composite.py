"""The likelihood of stacked landmarks, adjusted for the rows of one patient repeating each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.models.coefficient_prior import CoefficientPrior
from pipeline.models.contract import steps_at
from pipeline.models.partial_likelihood import RiskSets, breslow, penalised_fit
from pipeline.models.posterior import Heterogeneity, QuadraticLikelihood
from pipeline.schema import Floats

# in units of the prior's own information: a direction of which rows tell less is left to the prior
LEAST_TOLD: Final = 1e-6
LONGEST_MEMORY: Final = 50.0  # times the span of the landmarks; rows are then all but the same
BISECTIONS: Final = 60


@dataclass(frozen=True)
class Rows:
    """Stacked rows.

    Attributes
    ----------
    x : array, shape (n, p)
        Columns of the design less their means in the prior.
    months, event : array, shape (n,)
    patient : array of int, shape (n,)
        0, 1, ...
    landmark : array, shape (n,)
        Months.
    """

    x: Floats
    months: Floats
    event: NDArray[np.bool_]
    patient: NDArray[np.intp]
    landmark: Floats

    def in_own_order(self) -> Self:
        """Return the same rows in an order of their own, so that sums are the same bits however given."""
        order = np.lexsort((*self.x.T, self.event, self.landmark, self.months))
        _, first, number = np.unique(self.patient[order], return_index=True, return_inverse=True)
        patient = np.argsort(np.argsort(first))[number]
        return type(self)(self.x[order], self.months[order], self.event[order], patient, self.landmark[order])

    def by_patient(self, values: Floats) -> Floats:
        """Return one place a patient and landmark, 0 where there is no row, shape (patients, m, ...)."""
        landmarks, place = np.unique(self.landmark, return_inverse=True)
        table = np.zeros((int(self.patient.max()) + 1, len(landmarks), *values.shape[1:]))
        table[self.patient, place] = values
        return table


def composite_likelihood(prior: CoefficientPrior, allowed: Heterogeneity, rows: Rows) -> QuadraticLikelihood:
    """Return the stacked partial likelihood, its curvature adjusted to Godambe's information.

    An event within the window of three landmarks is counted three times, so the stacked partial likelihood
    is a composite one, and its curvature H promises more than there is. With J the variance of its score,
    the curvature adjustment (Ribatet, Cooley and Davison, Stat Sinica 2012;22:813-845) puts G = H J⁻¹ H in
    place of H and leaves the maximum where it is; the posterior is then the sandwich posterior of Müller
    (Econometrica 2013;81:1805-1849). One power for all directions (Pauli, Racugno and Ventura, Stat Sinica
    2011;21:149-164) would not do: rows repeat what they say of an effect, and not how it changes.

    J clustered by patient has no inverse when there are more coefficients than patients. A working
    correlation between the martingale residuals of a patient's rows takes its place, as in estimating
    equations (Liang and Zeger, Biometrika 1986;73:13-22). It is R_st = exp(-|s - t| / m) between landmarks s
    and t, for rows of neighbouring landmarks are nearly the same row; with λ its least eigenvalue

        J = λ H + Σ_i Σ_st (R - λ I)_st a_is a_it',   a_is = √w_is (x_is - x̄),

    over patients i, with w the cumulative hazard of a row, which is the variance of its residual, and x̄ the
    mean of x weighed by w. The memory m is such that products of residuals add up to what they do. Slope and
    curvature are taken at the mode under the prior with its mean heterogeneity; where the rows tell less than
    a millionth of what the prior does, they are left out.

    Without an event nothing is told.
    """
    p = len(prior.mean)
    if not rows.event.any():
        return QuadraticLikelihood(prior.mean, np.zeros(p), np.zeros((p, p)), 1.0)
    taus, log_weight = allowed.log_prior()
    weight = np.exp(log_weight - log_weight.max())
    covariance = prior.covariance + float(weight @ taus**2 / weight.sum()) * np.eye(p)
    precision: Floats = np.asarray(np.linalg.inv(covariance), dtype=float)
    sets = RiskSets.of(rows.x, rows.months, rows.event)
    mode = penalised_fit(sets, precision, prior.mean, prior.mean)
    mode = penalised_fit(sets, precision / working_correlation(rows, mode)[2], prior.mean, mode)
    correlation, hazard, worth = working_correlation(rows, mode)
    _, slope = sets.gradient(mode)

    # in coordinates in which the prior's precision is the unit matrix
    root = np.linalg.cholesky(covariance)
    told, axes = np.linalg.eigh(root.T @ sets.information(mode) @ root)
    kept = told > LEAST_TOLD
    told, axes = told[kept], root @ axes[:, kept]
    apart = rows.x - hazard @ rows.x / hazard.sum()
    repeated = rows.by_patient(np.sqrt(hazard)[:, None] * (apart @ axes))
    least = float(np.linalg.eigvalsh(correlation).min())
    beyond = np.einsum("st,itq->isq", correlation - least * np.eye(len(correlation)), repeated)
    variance = least * np.diag(told) + np.tensordot(repeated, beyond, axes=((0, 1), (0, 1)))
    adjusted = told[:, None] * np.linalg.solve(variance, np.column_stack([axes.T @ slope, np.diag(told)]))
    back = precision @ axes
    godambe = back @ adjusted[:, 1:] @ back.T
    return QuadraticLikelihood(mode, back @ adjusted[:, 0], (godambe + godambe.T) / 2, worth)


def working_correlation(rows: Rows, beta: Floats) -> tuple[Floats, Floats, float]:
    """Return R (m, m) of `composite_likelihood`, each row's cumulative hazard (n,), and what a row is worth.

    A row is worth Σ w / Σ_st R_st √(w_s w_t): the share of its events that other rows do not repeat.
    """
    risk = rows.x @ beta
    hazard = np.exp(risk) * steps_at(rows.months, *breslow(risk, rows.months, rows.event), before=0.0)
    residuals, deviations = rows.by_patient(rows.event - hazard), rows.by_patient(np.sqrt(hazard))
    landmarks = np.unique(rows.landmark)
    between = ~np.eye(len(landmarks), dtype=bool)
    seen = float((residuals.T @ residuals)[between].sum())
    expected = deviations.T @ deviations
    lag = np.abs(landmarks[:, None] - landmarks)
    low, high = 0.0, LONGEST_MEMORY * float(lag.max())
    for _ in range(BISECTIONS if lag.any() else 0):
        memory = (low + high) / 2
        enough = float((np.exp(-lag / memory) * expected)[between].sum()) > seen
        low, high = (low, memory) if enough else (memory, high)
    correlation = np.exp(-lag / high) if high > 0 else np.ones_like(lag)
    return correlation, hazard, float(hazard.sum() / (correlation * expected).sum())
