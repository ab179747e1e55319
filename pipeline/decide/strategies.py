"""Strategies played out in simulated patients: one arm for all, an arm by a marker, or a policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from pipeline.config import Spec
from pipeline.decide.knowledge import place_of_each
from pipeline.decide.outcomes import Action, Clock, in_state, months_under
from pipeline.decide.policy import MarkerTrigger
from pipeline.schema import Cohort, Floats, InputError, Truth

ENDPOINTS: Final = ("os", "pfs")
SEVERE_GRADE: Final = 3
TAIL_MONTHS: Final = 90 / 30.4375  # adverse events are counted until 90 days after treatment, as trials do


class Guided(Spec):
    """An arm chosen before treatment by markers: `arm` where all of `when` hold, else `otherwise`."""

    when: tuple[MarkerTrigger, ...] = Field(min_length=1)
    arm: str
    otherwise: str
    label: str = ""

    def choose(self, baseline: pd.DataFrame) -> NDArray[np.bool_]:
        """Return who gets `arm`, shape (n,); a missing value meets no bound."""
        held = [t.met_by(baseline[t.column].to_numpy(dtype=float, na_value=np.nan)) for t in self.when]
        return np.asarray(np.logical_and.reduce(held))


@dataclass(frozen=True)
class Outcome:
    """What comes of a strategy, patient by patient; arrays of shape (n,).

    Attributes
    ----------
    months : mapping of str to array
        Endpoint -> true months to the event; infinite where none comes.
    treated_months : array
        On the arm's treatment and on what was added.
    severe_events : array
        Adverse events of grade 3 or more, expected where they were not drawn.
    acted : bool array
        For whom the policy did anything.
    """

    months: Mapping[str, Floats]
    treated_months: Floats
    severe_events: Floats
    acted: NDArray[np.bool_]


@dataclass(frozen=True)
class World:
    """The simulated patients of one arm, whose truth is known under every arm.

    Attributes
    ----------
    cohort : Cohort
        Of all arms; who started in `arm` is played.
    arm : str
    patients : Index
    clocks : mapping of (arm, endpoint) to Clock
    levels : mapping of str to array
        Endpoint -> the patient's own cumulative hazard at the event, shape (n,).
    planned_months : mapping of str to float
        Arm -> months of treatment planned.
    """

    cohort: Cohort
    arm: str
    patients: pd.Index
    clocks: Mapping[tuple[str, str], Clock]
    levels: Mapping[str, Floats]
    planned_months: Mapping[str, float]

    @classmethod
    def of(
        cls, cohort: Cohort, arm: str, planned_months: Mapping[str, float], horizon_months: float
    ) -> World:
        """Set the clocks of everybody who started in `arm`.

        Raises
        ------
        InputError
            Without a truth, or for arms that the truth does not know.
        """
        truth = known_truth(cohort)
        unknown = sorted({arm, *planned_months} - set(truth.arms))
        if unknown:
            raise InputError(
                f"cohort {cohort.name!r} has no arm {', '.join(map(repr, unknown))}; "
                f"it has {', '.join(truth.arms)}"
            )
        patients = cohort.observed.index[(cohort.observed["arm"].astype(str) == arm).to_numpy()]
        clocks = {
            (a, e): Clock.of(truth, patients, a, e, horizon_months)
            for a in dict.fromkeys((arm, *planned_months))
            for e in ENDPOINTS
        }
        levels = {
            e: clocks[arm, e].at(truth.patients.loc[patients, f"{e}_event_months"].to_numpy(dtype=float))
            for e in ENDPOINTS
        }
        return cls(cohort, arm, patients, clocks, levels, planned_months)

    @property
    def truth(self) -> Truth:
        """What only the simulation knows."""
        return known_truth(self.cohort)

    def fixed(self, arm: str) -> Outcome:
        """Everybody is treated in `arm`."""
        months = {e: self.clocks[arm, e].inverse(self.levels[e]) for e in ENDPOINTS}
        months["pfs"] = np.minimum(months["pfs"], months["os"])
        treated = np.minimum(self.planned_months[arm], months["pfs"])
        severe = (
            self._severe_events(treated)
            if arm == self.arm
            else np.full(len(self.patients), self._mean_severe_events(arm))
        )
        return Outcome(months, treated, severe, np.zeros(len(self.patients), dtype=bool))

    def guided(self, rule: Guided) -> Outcome:
        """Each patient is treated in the arm that baseline markers choose."""
        chosen = rule.choose(self.cohort.observed.loc[self.patients])
        yes, no = self.fixed(rule.arm), self.fixed(rule.otherwise)
        return Outcome(
            {e: np.where(chosen, yes.months[e], no.months[e]) for e in ENDPOINTS},
            np.where(chosen, yes.treated_months, no.treated_months),
            np.where(chosen, yes.severe_events, no.severe_events),
            chosen,
        )

    def policy(self, decisions: pd.DataFrame, actions: Mapping[str, Action]) -> Outcome:
        """Play the decisions of a policy that starts everybody in `arm`.

        Parameters
        ----------
        decisions : DataFrame
            As `pipeline.decide.follow.follow` gives them.
        actions : mapping
            Name -> what the action is assumed to do.
        """
        n = len(self.patients)
        mine = decisions[decisions["patient"].isin(self.patients)]
        row = self.patients.get_indexer(pd.Index(mine["patient"]))
        at = mine["months"].to_numpy(dtype=float)
        name = mine["action"].to_numpy(dtype=object)
        place = place_of_each(row)
        starts = np.full((n, 2 * (int(place.max(initial=0)) + 1)), np.inf)
        factors = {e: np.ones_like(starts) for e in ENDPOINTS}
        for key in dict.fromkeys(name):
            action, these = actions[str(key)], np.flatnonzero(name == key)
            who, when, slot = row[these], at[these], 2 * place[these]
            inside = (
                np.ones(len(these), dtype=bool)
                if action.where is None
                else in_state(action.where, self.truth, self.patients[who], when)
            )
            starts[who, slot] = when
            if action.lasts_months is not None:
                starts[who, slot + 1] = when + action.lasts_months
            for e in ENDPOINTS:
                ratio = np.where(inside, getattr(action.ratios, e), getattr(action.elsewhere, e))
                factors[e][who, slot], factors[e][who, slot + 1] = ratio, 1 / ratio
        months = {
            e: months_under(self.clocks[self.arm, e], self.levels[e], starts, factors[e]) for e in ENDPOINTS
        }
        months["pfs"] = np.minimum(months["pfs"], months["os"])
        base_end = np.minimum(self.planned_months[self.arm], months["pfs"])
        added, extra = np.zeros(n), np.zeros(n)
        for key in dict.fromkeys(name):
            action, these = actions[str(key)], np.flatnonzero(name == key)
            who, when = row[these], at[these]
            if action.ends_treatment:
                np.minimum.at(base_end, who, when)
            given = np.clip(np.minimum(action.adds_months, months["os"][who] - when), 0.0, None)
            np.add.at(added, who, given)
            np.add.at(extra, who, given * action.severe_events_per_month)
        acted = np.zeros(n, dtype=bool)
        acted[row] = True
        return Outcome(months, base_end + added, self._severe_events(base_end) + extra, acted)

    def _severe_events(self, treated_months: Floats) -> Floats:
        """Count each patient's drawn events of grade 3 or more until 90 days after such a treatment."""
        counts = np.zeros(len(self.patients))
        if self.cohort.events is None:
            return np.full(len(self.patients), np.nan)
        events = self.cohort.events[self.cohort.events["grade"] >= SEVERE_GRADE]
        row = self.patients.get_indexer(pd.Index(events["patient"]))
        onset = events["onset_months"].to_numpy(dtype=float)
        mine = row >= 0
        mine[mine] = onset[mine] <= treated_months[row[mine]] + TAIL_MONTHS
        np.add.at(counts, row[mine], 1.0)
        return counts

    def _mean_severe_events(self, arm: str) -> float:
        """Return how many such events patients drawn in another arm had on average."""
        if self.cohort.events is None:
            return float("nan")
        patients = self.cohort.observed.index[(self.cohort.observed["arm"].astype(str) == arm).to_numpy()]
        if not len(patients):
            return float("nan")
        severe = self.cohort.events.loc[self.cohort.events["grade"] >= SEVERE_GRADE, "patient"]
        return float(severe.isin(patients).sum() / len(patients))


def known_truth(cohort: Cohort) -> Truth:
    """Return the truth of a simulated cohort, or say that a real one has none."""
    if cohort.truth is None:
        raise InputError(f"cohort {cohort.name!r} has no truth: what other decisions bring is known of "
                         "simulated patients only")  # fmt: skip
    return cohort.truth
