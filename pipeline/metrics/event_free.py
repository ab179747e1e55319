"""Kaplan-Meier curves of weighted samples: event-free shares and restricted mean times."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from pipeline.metrics.contract import Outcome
from pipeline.schema import Floats


@dataclass(frozen=True)
class EventFree:
    """The Kaplan-Meier estimate in b resamples; events precede censorings at equal times.

    Attributes
    ----------
    months : array, shape (k,)
        Distinct times of follow-up.
    survival : array, shape (b, k + 1)
        1, then the estimate from each time on; the last value is carried past follow-up.
    """

    months: Floats
    survival: Floats

    @classmethod
    def of(cls, y: Outcome, weights: Floats) -> EventFree:
        """Estimate from outcomes `y` under `weights` (b, n)."""
        months, position = np.unique(y["time"], return_inverse=True)
        return cls(months, _survival(position, y["event"], np.ascontiguousarray(weights), len(months)))

    def at(self, months: float) -> Floats:
        """Share event-free past `months`, shape (b,)."""
        return np.asarray(self.survival[:, int(np.searchsorted(self.months, months, side="right"))])

    def restricted_mean(self, months: float) -> Floats:
        """Mean months event-free up to `months`, shape (b,): the area under the curve."""
        inside = int(np.searchsorted(self.months, months, side="left"))
        edges = np.concatenate([[0.0], self.months[:inside], [months]])
        return np.asarray(self.survival[:, : inside + 1] @ np.diff(edges))


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _survival(position: NDArray[np.intp], event: NDArray[np.bool_], weights: Floats, times: int) -> Floats:
    resamples, patients = weights.shape
    out = np.ones((resamples, times + 1))
    for b in range(resamples):
        events = np.zeros(times)
        left = np.zeros(times)
        for i in range(patients):
            left[position[i]] += weights[b, i]
            if event[i]:
                events[position[i]] += weights[b, i]
        at_risk = left.sum()
        for k in range(times):
            out[b, k + 1] = out[b, k]
            if events[k] > 0:
                out[b, k + 1] *= max(0.0, 1 - events[k] / at_risk)
            at_risk -= left[k]
    return out
