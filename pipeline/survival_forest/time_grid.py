"""The times at which a forest's curves are known: event times, or quantiles of them where there are many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.schema import Floats

MOST_KNOTS = 254  # ranks 0 to the number of knots must fit into a byte


@dataclass(frozen=True)
class TimeGrid:
    """Knots of the curves of a survival forest.

    Attributes
    ----------
    months : array, shape (k,)
        Increasing; an event at or before a knot and after the one before it is counted at it.
    pooled : bool
        Whether a knot stands for more than one event time. Curves are steps where it does not, which is
        exact, and straight between knots where it does.
    """

    months: Floats
    pooled: bool

    @classmethod
    def of(cls, time: Floats, event: NDArray[np.bool_], most: int) -> TimeGrid:
        """Place a knot at each event time, or at `most` quantiles of the event times."""
        at = np.unique(time[event])
        if len(at) <= most:
            return cls(at, pooled=False)
        ordered = np.sort(time[event])
        last = np.ceil(np.arange(1, most + 1) / most * len(ordered)).astype(int) - 1
        return cls(np.unique(ordered[last]), pooled=True)

    def ranks(self, time: Floats, event: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """Count the knots at which each patient is at risk; an event happens at the last of them.

        A censored patient is at risk at the knots up to the censoring. Within pooled times, being counted
        or not in the interval of the censoring follows whether most of its events came before, which is
        the actuarial half in the mean.
        """
        rank = np.where(
            event,
            np.searchsorted(self.months, time, side="left") + 1,
            np.searchsorted(self.months, time, side="right"),
        )
        if self.pooled:
            ordered = np.sort(time[event])
            ends = np.searchsorted(ordered, self.months, side="right")
            starts = np.concatenate([[0], ends[:-1]])
            inside = ~event & (rank < len(self.months))
            k = rank[inside]
            before = np.searchsorted(ordered, time[inside], side="right") - starts[k]
            rank[inside] += 2 * before > ends[k] - starts[k]
        return rank.astype(np.uint8)

    def weights_at(self, months: Floats) -> tuple[NDArray[np.intp], Floats]:
        """Return where `months` lie: a value is ``(1 - share) * at[knot] + share * at[knot + 1]``.

        ``at`` is the curve with its value at month 0 put in front. Past the last knot the last value is
        carried on.
        """
        months = np.asarray(months, dtype=float)
        if self.pooled:
            ends = np.concatenate([[0.0], self.months])
            inside = np.clip(months, 0.0, ends[-1])
            knot = np.clip(np.searchsorted(ends, inside, side="left") - 1, 0, len(ends) - 2)
            return knot, (inside - ends[knot]) / (ends[knot + 1] - ends[knot])
        return np.searchsorted(self.months, months, side="right"), np.zeros(len(months))

    def curve_at(self, curves: Floats, first: float, months: Floats) -> Floats:
        """Evaluate `curves`, shape (..., k) at the knots and `first` at month 0, at `months`."""
        knot, share = self.weights_at(months)
        full = np.concatenate([np.full((*curves.shape[:-1], 1), first), curves], axis=-1)
        lower = full[..., knot]
        if not share.any():
            return np.asarray(lower)
        upper = full[..., np.minimum(knot + 1, full.shape[-1] - 1)]
        return np.asarray(lower + share * (upper - lower))
