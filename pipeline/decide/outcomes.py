"""What would have come of other decisions: event times of simulated patients under changed hazards.

The model is rank-preserving (Robins and Tsiatis, Commun Stat 1991;20:2609, doi 10.1080/03610929108830654).
Each patient has a true cumulative hazard under each arm, and the event comes when it has run up to a level
that is the patient's own and the same whatever is done. An action multiplies the hazard from then on. So
strategies are compared in the same patients with the same luck, and who is harmed can be counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, model_validator

from pipeline.config import Spec
from pipeline.decide.policy import within
from pipeline.schema import Floats, Truth

STEP_MONTHS: Final = 0.1
LAST_MONTHS: Final = 2400.0  # nobody's event is looked for beyond
LEAST_SURVIVAL: Final = 1e-300


class Where(Spec):
    """A true state of simulated patients when an action is taken.

    `column` of the truth's patients is among `equals`, or is the month of an event that comes
    `within_months` of the action; or the latest true visit value by then is `at_least` or `below` a number
    (no visit by then: not in the state).
    """

    column: str
    equals: tuple[str, ...] | None = None
    within_months: float | None = Field(None, gt=0)
    at_least: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        given = (self.equals, self.within_months, self.at_least, self.below)
        if sum(x is not None for x in given) != 1:
            raise ValueError("give exactly one of equals, within_months, at_least and below")
        return self


class Ratios(Spec):
    """Hazard ratios of an action against going on as before."""

    os: float = Field(1, gt=0, le=20)
    pfs: float = Field(1, gt=0, le=20)


class Action(Spec):
    """What an action is assumed to do. Nothing here is fitted: each figure is an assumption with its source.

    Attributes
    ----------
    kind : str
    ratios : Ratios
        In patients in the state `where`; in all when that is left out.
    elsewhere : Ratios
        In the others.
    lasts_months : float, optional
        How long the effect lasts; for good when left out.
    adds_months : float
        Of treatment that is added.
    severe_events_per_month : float
        Grade 3 or more, while that is given.
    ends_treatment : bool
        Whether the treatment under way ends.
    hypothetical : bool
    source, reason : str
        Where the figures come from, and why they may be carried over.
    """

    kind: Literal["stop", "switch", "escalate", "deescalate"]
    ratios: Ratios = Ratios()
    where: Where | None = None
    elsewhere: Ratios = Ratios()
    lasts_months: float | None = Field(None, gt=0)
    adds_months: float = Field(0, ge=0)
    severe_events_per_month: float = Field(0, ge=0)
    ends_treatment: bool = False
    hypothetical: bool = True
    source: str = ""
    reason: str = Field(min_length=10)


@dataclass(frozen=True)
class Clock:
    """True cumulative hazards of n patients under one arm, linear between grid points.

    Attributes
    ----------
    months : array, shape (m,)
    hazard : array, shape (n, m)
        0 at month 0, rising.
    """

    months: Floats
    hazard: Floats

    @classmethod
    def of(cls, truth: Truth, patients: pd.Index, arm: str, endpoint: str, horizon_months: float) -> Clock:
        """Return the clock of `patients` had all been treated in `arm`; coarse beyond the horizon."""
        fine = np.arange(0.0, horizon_months + STEP_MONTHS, STEP_MONTHS)
        months = np.concatenate([fine, np.geomspace(fine[-1] * 1.02, LAST_MONTHS, 60)])
        survival = truth.survival(endpoint, months, patients, arm=arm)
        return cls(months, -np.log(np.maximum(survival, LEAST_SURVIVAL)))

    def at(self, months: Floats) -> Floats:
        """Return each patient's cumulative hazard at a month of his or her own, shape (n,)."""
        months = np.minimum(months, self.months[-1])
        upper = np.clip(np.searchsorted(self.months, months, side="right"), 1, len(self.months) - 1)
        rows = np.arange(len(months))
        part = (months - self.months[upper - 1]) / (self.months[upper] - self.months[upper - 1])
        low, high = self.hazard[rows, upper - 1], self.hazard[rows, upper]
        return np.asarray(low + part * (high - low))

    def inverse(self, level: Floats) -> Floats:
        """Return the month at which each patient's hazard reaches a level; infinite beyond the grid."""
        upper = (self.hazard < level[:, None]).sum(axis=1)
        beyond = upper >= len(self.months)
        upper = np.clip(upper, 1, len(self.months) - 1)
        rows = np.arange(len(level))
        low, high = self.hazard[rows, upper - 1], self.hazard[rows, upper]
        rise = np.where(high > low, high - low, 1.0)
        part = np.clip((level - low) / rise, 0.0, 1.0)
        months = self.months[upper - 1] + part * (self.months[upper] - self.months[upper - 1])
        return np.where(beyond, np.inf, months)


def months_under(clock: Clock, level: Floats, starts: Floats, factors: Floats) -> Floats:
    """Return each patient's event month when the hazard is multiplied by `factors` from `starts` on.

    Parameters
    ----------
    clock : Clock
    level : array, shape (n,)
        Cumulative hazard at which the event comes.
    starts, factors : array, shape (n, k)
        Factors multiply each other; an infinite start never comes.
    """
    n = len(level)
    order = np.argsort(starts, axis=1, kind="stable")
    starts = np.take_along_axis(starts, order, axis=1)
    product = np.cumprod(np.take_along_axis(factors, order, axis=1), axis=1)
    out = np.full(n, np.nan)
    used, begun, ratio = np.zeros(n), np.zeros(n), np.ones(n)  # level used up, hazard then, factor since
    for k in range(starts.shape[1] + 1):
        if k < starts.shape[1]:
            turn = np.isfinite(starts[:, k])
            end = np.where(turn, clock.at(np.where(turn, starts[:, k], 0.0)), np.inf)
        else:
            end = np.full(n, np.inf)
        reached = np.isnan(out) & (used + ratio * (end - begun) >= level)
        out[reached] = clock.inverse(np.where(reached, begun + (level - used) / ratio, 0.0))[reached]
        if k < starts.shape[1]:
            running = np.isnan(out)
            used[running] += (ratio * (end - begun))[running]
            begun[running] = end[running]
            ratio[running] = product[running, k]
    return out


def in_state(where: Where, truth: Truth, patients: pd.Index, months: Floats) -> NDArray[np.bool_]:
    """Return which of `patients` are in a true state at a month of their own, shape (n,)."""
    if where.equals is not None:
        state = truth.patients.loc[patients, where.column].astype(str)
        return np.asarray(state.isin(where.equals).to_numpy(dtype=bool))
    if where.within_months is not None:
        event = truth.patients.loc[patients, where.column].to_numpy(dtype=float)
        return np.asarray(event - months <= where.within_months)
    assert truth.visits is not None  # noqa: S101 - a value over time is that of a visit
    visits = truth.visits[["patient", "months", where.column]]
    row = patients.get_indexer(pd.Index(visits["patient"]))
    value = visits[where.column].to_numpy(dtype=float, na_value=np.nan)
    month = visits["months"].to_numpy(dtype=float)
    use = (row >= 0) & ~np.isnan(value)
    use[use] = month[use] <= months[row[use]] + 1e-9
    row, value, month = row[use], value[use], month[use]
    order = np.lexsort((month, row))
    latest = np.full(len(patients), np.nan)
    latest[row[order]] = value[order]  # the last one stays
    return within(latest, where.at_least, where.below)
