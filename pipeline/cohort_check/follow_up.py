"""How long the patients of a cohort were followed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray


def median_follow_up(months: NDArray[Any], event: NDArray[Any]) -> float:
    """Return the median potential follow-up in months by the reverse Kaplan-Meier method.

    Censoring is taken as the event and an event as censoring, so that a patient who died early does not
    count as one who was followed briefly (Schemper and Smith, Control Clin Trials 1996;17:343-346).
    At a time that holds both, events leave the risk set before the censored ones are counted.

    Parameters
    ----------
    months : array, shape (n,)
    event : array of bool, shape (n,)

    Returns
    -------
    float
        Infinite when fewer than half of the patients would have been seen censored.
    """
    months, event = np.asarray(months, dtype=float), np.asarray(event, dtype=bool)
    times, position = np.unique(months, return_inverse=True)
    censored = np.bincount(position, weights=~event, minlength=len(times))
    events = np.bincount(position, weights=event, minlength=len(times))
    at_risk = len(months) - np.concatenate([[0.0], np.cumsum(censored + events)[:-1]]) - events
    steps = np.divide(censored, at_risk, out=np.zeros_like(censored), where=at_risk > 0)
    followed = np.cumprod(1.0 - steps)
    reached = np.flatnonzero(followed <= 0.5 + 1e-12)
    return float(times[reached[0]]) if len(reached) else math.inf
