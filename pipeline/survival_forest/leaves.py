"""What a leaf remembers, who left it when and why, and the curves that follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from pipeline.schema import Floats


@dataclass(frozen=True)
class LeafTable:
    """Training patients of all leaves of a forest, in order of leaving.

    Stored are counts of each occupied rank, not curves: a few bytes a patient, whatever the grid.

    Attributes
    ----------
    starts : array of int64, shape (leaves + 1,)
        Entries ``starts[l]`` to ``starts[l + 1]`` belong to leaf l.
    rank : array of uint8, shape (entries,)
        Knots at which those who leave were at risk; an event happens at the last of them.
    leaving : array of uint8 or float32, shape (entries,)
        Weight of those who leave, by event or censoring.
    events : array of uint8 or float32, shape (entries, causes)
        Weight of those of them who leave with an event of each cause.
    ratio : array of float32, shape (leaves,)
        Observed over expected events, one of each added.
    baseline : array, shape (causes, knots)
        Steps of the cumulative hazard of all training patients.
    prior_patients : float
        How many patients with `ratio` times the baseline hazard each leaf is given beside its own;
        infinite where curves must follow the ratio alone.
    """

    starts: NDArray[np.int64]
    rank: NDArray[np.uint8]
    leaving: NDArray[Any]
    events: NDArray[Any]
    ratio: NDArray[np.float32]
    baseline: Floats
    prior_patients: float

    def __len__(self) -> int:
        """Count leaves."""
        return len(self.ratio)

    def check(self, knots: int) -> None:
        """Raise a ValueError unless all entries are there; compiled code follows them without looking."""
        entries, leaves = len(self.rank), len(self.ratio)
        shapes = {
            "starts": (leaves + 1,), "rank": (entries,), "leaving": (entries,), "ratio": (leaves,),
            "events": (entries, len(self.baseline)), "baseline": (len(self.baseline), knots),
        }  # fmt: skip
        wrong = [name for name, shape in shapes.items() if getattr(self, name).shape != shape]
        if wrong:
            raise ValueError(f"leaves: {' and '.join(wrong)} of another length")
        rises = self.starts.dtype.kind == "i" and bool((np.diff(self.starts) >= 0).all())
        if not rises or self.starts[0] != 0 or self.starts[-1] != entries:
            raise ValueError("leaves: starts that do not divide the entries")

    def steps(self, first: int, last: int) -> Floats:
        """Hazard of each cause at each knot, shape (last - first, causes, knots), for a run of leaves.

        Events over patients at risk, the steps of Nelson and Aalen, with the patients of the prior added:
        the posterior mean under a beta process (Hjort, Ann Stat 1990;18:1259), which keeps the hazard from
        ending where a leaf's follow-up does.
        """
        out = np.empty((last - first, *self.baseline.shape))
        leaf_steps(first, self.starts, self.rank, self.leaving, self.events, self.ratio, self.baseline,
                   self.prior_patients, out)  # fmt: skip
        return out

    def cumulative_hazard(self, first: int, last: int) -> Floats:
        """Cumulative hazard of any event at the knots, shape (leaves, knots)."""
        return np.asarray(self.steps(first, last).sum(axis=1).cumsum(axis=1))

    def survival(self, first: int, last: int) -> Floats:
        """Survival at the knots, shape (leaves, knots): the product limit."""
        return _survival(self.steps(first, last), self.prior_patients)

    def incidence(self, first: int, last: int) -> Floats:
        """Cumulative incidence of each cause (Aalen and Johansen), shape (leaves, causes, knots)."""
        steps = self.steps(first, last)
        before = _survival(steps, self.prior_patients)
        before = np.concatenate([np.ones((len(steps), 1)), before[:, :-1]], axis=1)
        return np.asarray((steps * before[:, None]).cumsum(axis=2))


def _survival(steps: Floats, prior_patients: float) -> Floats:
    hazard = steps.sum(axis=1)
    if np.isinf(prior_patients):
        # a ratio may lift a step above 1; the exponential keeps the order of leaves and is never negative
        return np.asarray(np.exp(-hazard.cumsum(axis=1)))
    return np.asarray(np.maximum(1.0 - hazard, 0.0).cumprod(axis=1))


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def leaf_steps(
    first: int,
    starts: NDArray[np.int64],
    rank: NDArray[np.uint8],
    leaving: NDArray[Any],
    events: NDArray[Any],
    ratio: NDArray[np.float32],
    baseline: Floats,
    prior: float,
    out: Floats,
) -> None:
    """Write the hazard steps of leaves from `first` on into `out`."""
    leaves, causes, knots = out.shape
    for i in range(leaves):
        at = starts[first + i]
        end = starts[first + i + 1]
        own = ratio[first + i]
        if np.isinf(prior):
            for c in range(causes):
                for k in range(knots):
                    out[i, c, k] = own * baseline[c, k]
            continue
        at_risk = prior
        for e in range(at, end):
            at_risk += leaving[e]
        while at < end and rank[at] == 0:
            at_risk -= leaving[at]
            at += 1
        for k in range(knots):
            here = at < end and rank[at] == k + 1
            floor = max(at_risk, 1e-9)
            for c in range(causes):
                happened = prior * own * baseline[c, k]
                if here:
                    happened += events[at, c]
                out[i, c, k] = happened / floor if happened > 0 else 0.0
            if here:
                at_risk -= leaving[at]
                at += 1
