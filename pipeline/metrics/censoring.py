"""The chance of still being under observation, which inverse weights undo.

The Kaplan-Meier estimate of the censoring distribution comes from the judged patients themselves, never from
training rows, as in R's timeROC, riskRegression and survival::concordance. Events precede censorings at equal
times: a patient who dies at T would have been seen to do so had censoring come at T or later, so the weight
of an event is 1/G(T-), and of somebody event-free past h it is 1/G(h). scikit-survival divides by G(T),
which is the same only when no censoring falls on the time of an event.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from pipeline.metrics.contract import Outcome
from pipeline.schema import Floats


@dataclass(frozen=True)
class Censoring:
    """Censoring survival G in b resamples.

    Attributes
    ----------
    months : array, shape (k,)
        Distinct times of follow-up.
    survival : array, shape (b, k + 1)
        1, then G from each time on.
    position : array of int, shape (n,)
        Which of `months` is each patient's.
    """

    months: Floats
    survival: Floats
    position: NDArray[np.intp]

    @classmethod
    def of(cls, y: Outcome, weights: Floats) -> Censoring:
        """Estimate G from outcomes `y` under `weights` (b, n)."""
        months, position = np.unique(y["time"], return_inverse=True)
        survival = _censoring_survival(position, y["event"], weights, len(months))
        return cls(months, survival, position)

    def before(self) -> Floats:
        """G just before each patient's own time, shape (b, n)."""
        return np.asarray(self.survival[:, self.position])

    def at(self, months: Floats | float) -> Floats:
        """G at `months`, shape (b, m)."""
        position = np.searchsorted(self.months, np.atleast_1d(months), side="right")
        return np.asarray(self.survival[:, position])


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _censoring_survival(
    position: NDArray[np.intp], event: NDArray[np.bool_], weights: Floats, times: int
) -> Floats:
    resamples, patients = weights.shape
    out = np.ones((resamples, times + 1))
    for b in range(resamples):
        events = np.zeros(times)
        censored = np.zeros(times)
        for i in range(patients):
            if event[i]:
                events[position[i]] += weights[b, i]
            else:
                censored[position[i]] += weights[b, i]
        at_risk = events.sum() + censored.sum()
        for k in range(times):
            at_risk -= events[k]
            out[b, k + 1] = out[b, k]
            if censored[k] > 0:
                out[b, k + 1] *= max(0.0, 1 - censored[k] / at_risk)
            at_risk -= censored[k]
    return out


def event_weights(y: Outcome, weights: Floats, censoring: Censoring) -> Floats:
    """Weight over G(T-) of those with an event, 0 of the others, shape (b, n)."""
    # Where a resample leaves a patient out, G(T-) may be 0; the weight is 0 all the same.
    counted = (weights > 0) & y["event"]
    return np.divide(weights, censoring.before(), out=np.zeros_like(weights), where=counted)
