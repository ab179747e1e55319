"""Observed risk as a smooth function of predicted risk, by a Cox model stopped at the horizon.

Follow-up past the horizon is cut off before fitting, so that the fit speaks of risk at the horizon and little
of proportional hazards beyond it (van Houwelingen, Scand J Stat 2007;34:70,
doi:10.1111/j.1467-9469.2006.00529.x). Ties as Breslow, so that a weight of two equals a
patient entered twice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from pipeline.metrics.contract import Outcome
from pipeline.schema import Floats

LOWEST_RISK = 1e-4  # predicted risks nearer to 0 or 1 are moved here: their cloglog would run to infinity
KNOT_QUANTILES = (0.05, 0.35, 0.65, 0.95)  # Harrell, Regression Modeling Strategies, table 2.3
MAX_STEPS = 40


def cloglog(risk: Floats) -> Floats:
    """Complementary log-log of predicted risk, ``log(-log(1 - risk))``."""
    return np.asarray(np.log(-np.log1p(-np.clip(risk, LOWEST_RISK, 1 - LOWEST_RISK))))


@dataclass(frozen=True)
class Spline:
    """A restricted cubic spline: linear outside its outer knots; linear throughout without knots."""

    knots: tuple[float, ...]

    @classmethod
    def of(cls, values: Floats) -> Spline:
        """Put knots at Harrell's quantiles, or at the values themselves when they are few."""
        levels = np.unique(values)
        wanted = levels if len(levels) <= len(KNOT_QUANTILES) else np.quantile(values, KNOT_QUANTILES)
        knots: list[float] = []
        for knot in wanted:  # knots almost on top of one another make the basis singular
            if not knots or knot - knots[-1] > 0.02 * (wanted[-1] - wanted[0]):
                knots.append(float(knot))
        return cls(tuple(knots) if len(knots) > 2 else ())

    def basis(self, values: Floats) -> Floats:
        """Return the columns, shape (n, max(1, knots - 1)); the first is `values` itself."""
        columns = [values]
        if self.knots:
            *inner, before, last = self.knots
            scale = (last - self.knots[0]) ** 2
            for knot in inner:
                cubic = np.maximum(values - knot, 0.0) ** 3
                cubic -= np.maximum(values - before, 0.0) ** 3 * (last - knot) / (last - before)
                cubic += np.maximum(values - last, 0.0) ** 3 * (before - knot) / (last - before)
                columns.append(cubic / scale)
        return np.column_stack(columns)


@dataclass(frozen=True)
class StoppedCox:
    """Fits in b resamples.

    Attributes
    ----------
    centre : array, shape (q,)
        Subtracted from the columns before they are multiplied.
    coefficients : array, shape (b, q)
        NaN where the fit did not converge.
    cumulative_hazard : array, shape (b,)
        Of a patient at the centre, at the horizon; without meaning where there are several strata.
    """

    centre: Floats
    coefficients: Floats
    cumulative_hazard: Floats

    @classmethod
    def fit(
        cls,
        y: Outcome,
        horizon_months: float,
        columns: Floats,
        weights: Floats,
        stratum: NDArray[np.intp] | None = None,
    ) -> StoppedCox:
        """Fit the event by the horizon on `columns` (n, q), the first of which is the cloglog of a risk.

        Each stratum has a baseline hazard of its own: only its patients are compared with each other.
        """
        months = np.minimum(y["time"], horizon_months)
        event = y["event"] & (y["time"] <= horizon_months)
        strata = np.zeros(len(y), dtype=np.intp) if stratum is None else stratum
        order = np.lexsort((-months, strata))
        centre = columns.mean(axis=0)
        start = np.zeros(columns.shape[1])
        start[0] = 1.0  # the slope of a model that is right
        coefficients, hazard = _fit(
            np.ascontiguousarray((columns - centre)[order]),
            months[order],
            strata[order],
            event[order],
            np.ascontiguousarray(weights[:, order]),
            start,
        )
        return cls(centre, coefficients, hazard)

    def risk(self, columns: Floats) -> Floats:
        """Risk by the horizon at `columns` (n, q), shape (b, n)."""
        score = self.coefficients @ (columns - self.centre).T
        return np.asarray(-np.expm1(-self.cumulative_hazard[:, None] * np.exp(np.minimum(score, 50.0))))


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _fit(
    x: Floats,
    months: Floats,
    strata: NDArray[np.intp],
    event: NDArray[np.bool_],
    weights: Floats,
    start: Floats,
) -> tuple[Floats, Floats]:
    """Newton's method per resample, from the solution of the first one, the sample itself, on."""
    resamples = weights.shape[0]
    patients, q = x.shape
    terms = np.empty(
        (patients, q + q * (q + 1) // 2)
    )  # what a risk set adds up: x, and the products of its parts
    for i in range(patients):
        m = q
        for j in range(q):
            terms[i, j] = x[i, j]
            for k in range(j + 1):
                terms[i, m] = x[i, j] * x[i, k]
                m += 1
    ends = np.empty(patients, dtype=np.int64)  # where each group of equal months ends
    first_of_stratum = np.zeros(patients, dtype=np.bool_)  # whether a group opens a stratum
    groups = 0
    for i in range(patients):
        if i == 0 or strata[i] != strata[i - 1]:
            first_of_stratum[groups] = True
        if i + 1 == patients or months[i + 1] != months[i] or strata[i + 1] != strata[i]:
            ends[groups] = i + 1
            groups += 1
    ends = ends[:groups]
    coefficients = np.full((resamples, q), np.nan)
    hazards = np.full(resamples, np.nan)
    first = start.copy()
    died = np.zeros(groups)
    for b in range(resamples):
        weight = weights[b]
        fixed = np.zeros(q)  # sum of x over events
        events = 0.0
        i = 0
        for g in range(groups):
            died[g] = 0.0
            while i < ends[g]:
                if event[i] and weight[i] > 0:
                    died[g] += weight[i]
                    for j in range(q):
                        fixed[j] += weight[i] * x[i, j]
                i += 1
            events += died[g]
        if events == 0:
            continue
        beta = first.copy()
        value, hazard, gradient, information = _derivatives(
            x, terms, ends, first_of_stratum, died, fixed, weight, beta
        )
        for _ in range(MAX_STEPS):
            for j in range(q):  # keeps the solve defined when a column is constant in a resample
                information[j, j] += 1e-9 * (1.0 + information[j, j])
            step = np.linalg.solve(information, gradient)
            gained = False
            for _ in range(25):
                trial = beta + step
                new, new_hazard, new_gradient, new_information = _derivatives(
                    x, terms, ends, first_of_stratum, died, fixed, weight, trial
                )
                if new >= value - 1e-10 * abs(value):
                    gained = True
                    break
                step = step / 2
            if not gained:
                break
            # Newton squares the error: after a step of 1e-3 a resample is right to about 1e-6
            small = np.max(np.abs(step)) < (1e-5 if b == 0 else 1e-3)
            beta, value, hazard, gradient, information = trial, new, new_hazard, new_gradient, new_information
            if small:
                coefficients[b] = beta
                hazards[b] = hazard
                break
        if b == 0 and not np.isnan(hazards[0]):
            first = beta.copy()
    return coefficients, hazards


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _derivatives(
    x: Floats,
    terms: Floats,
    ends: NDArray[np.int64],
    first_of_stratum: NDArray[np.bool_],
    died: Floats,
    fixed: Floats,
    weight: Floats,
    beta: Floats,
) -> tuple[float, float, Floats, Floats]:
    """Log partial likelihood, Breslow hazard, gradient and information."""
    q = x.shape[1]
    wide = terms.shape[1]
    sums = np.zeros(wide)
    gradient = fixed.copy()
    information = np.zeros((q, q))
    at_risk = 0.0
    hazard = 0.0
    value = 0.0
    for j in range(q):
        value += fixed[j] * beta[j]
    i = 0
    for g in range(len(ends)):
        if first_of_stratum[g]:
            at_risk = 0.0
            sums[:] = 0.0
        while i < ends[g]:
            if weight[i] > 0:
                score = 0.0
                for j in range(q):
                    score += x[i, j] * beta[j]
                relative = weight[i] * np.exp(min(score, 50.0))
                at_risk += relative
                for m in range(wide):
                    sums[m] += relative * terms[i, m]
            i += 1
        if died[g] > 0:
            share = died[g] / at_risk
            hazard += share
            value -= died[g] * np.log(at_risk)
            m = q
            for j in range(q):
                gradient[j] -= share * sums[j]
                for k in range(j + 1):
                    information[j, k] += share * (sums[m] - sums[j] * sums[k] / at_risk)
                    m += 1
    for j in range(q):
        for k in range(j + 1, q):
            information[j, k] = information[k, j]
    return value, hazard, gradient, information
