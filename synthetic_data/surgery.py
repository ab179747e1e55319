"""What an operation finds, where published: pathological response, and whether ctDNA was cleared before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from pipeline.schema import Column, Floats
from synthetic_data.cohort_spec import Plan
from synthetic_data.evidence import TrialSpec
from synthetic_data.response import ResponseRule

COMPLETE: Final = "pathological_complete_response"
MAJOR: Final = "major_pathological_response"
CLEARED: Final = "ctdna_clearance"
LABELS: Final[Mapping[str, str]] = {
    COMPLETE: "Pathological complete response",
    MAJOR: "Major pathological response",
    CLEARED: "ctDNA cleared before surgery",
}
EVALUABLE: Final = "ctDNA evaluable"  # the population in which clearance is published


@dataclass(frozen=True)
class PublishedShare:
    """Share of an arm's patients with an outcome, and where it was published."""

    rate: float
    source: str


@dataclass(frozen=True)
class SurgeryModel:
    """Who has which outcome, for each arm.

    Attributes
    ----------
    shares : mapping
        Outcome -> arm -> published share. An outcome is there when every arm drawn has it.
    rules : mapping
        Arm -> outcome -> how likely it is for a patient with these months to an event.
    """

    shares: Mapping[str, Mapping[str, PublishedShare]]
    rules: Mapping[str, Mapping[str, ResponseRule]]

    @classmethod
    def of(cls, plan: Plan, pfs: Mapping[str, Floats], watched: Floats) -> SurgeryModel | None:
        """Return the model that meets the published shares on a population; None where none is published.

        A pathological response is the likelier the later the patient will have an event, as an objective
        response is (`ResponseRule`). Who has a complete one has a major one.

        Parameters
        ----------
        plan : Plan
        pfs : mapping
            Arm -> months to an event of the population under it, shape (n,).
        watched : array, shape (n,)
            Months under observation.
        """
        shares = {}
        for outcome in LABELS:
            known = {arm: published_share(plan.trial, outcome, arm) for arm in plan.arms}
            found = {arm: share for arm, share in known.items() if share is not None}
            if len(found) == len(plan.arms):
                shares[outcome] = found
        if not shares:
            return None
        rules = {
            arm: {
                outcome: ResponseRule.meeting(by_arm[arm].rate, pfs[arm], watched, arm)
                for outcome, by_arm in shares.items()
                if outcome != CLEARED
            }
            for arm in plan.arms
        }
        return cls(shares, rules)

    @property
    def columns(self) -> tuple[Column, ...]:
        """Declares the outcomes drawn."""
        return tuple(Column(name, "outcome", "boolean", LABELS[name]) for name in self.shares)

    @property
    def account(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            outcome: {arm: share.__dict__ for arm, share in by_arm.items()}
            for outcome, by_arm in self.shares.items()
        }

    def draw(self, arm: Any, pfs: Floats, watched: Floats, uniforms: Floats) -> dict[str, Any]:
        """Draw the outcomes of patients.

        ctDNA is cleared in every complete responder, and in as many others as its published share asks.

        Parameters
        ----------
        arm, pfs, watched : array, shape (n,)
        uniforms : array, shape (n, 2)
        """
        out = {outcome: np.zeros(len(pfs), dtype=bool) for outcome in self.shares}
        for name, rules in self.rules.items():
            rows = np.flatnonzero(arm == name)
            for outcome, rule in rules.items():
                # one number decides both, so that the rarer outcome is within the commoner one
                out[outcome][rows] = uniforms[rows, 0] < rule.probability(pfs[rows], watched[rows])
            if MAJOR in out and COMPLETE in out:
                out[MAJOR][rows] |= out[COMPLETE][rows]
            if CLEARED in out:
                complete = self.shares[COMPLETE][name].rate if COMPLETE in out else 0.0
                others = max(self.shares[CLEARED][name].rate - complete, 0.0) / (1 - complete)
                cleared = uniforms[rows, 1] < others
                out[CLEARED][rows] = cleared | out[COMPLETE][rows] if COMPLETE in out else cleared
        return out


def published_share(trial: TrialSpec, outcome: str, arm: str) -> PublishedShare | None:
    """Return an outcome's share among all the arm's patients; of ctDNA, among those evaluable."""
    populations = [EVALUABLE] if outcome == CLEARED else [trial.main_population, "ITT"]
    for population in dict.fromkeys(populations):
        found = [r for r in trial.response if r.population == population and arm in r.rates.get(outcome, {})]
        if found:
            latest = max(enumerate(found), key=lambda ir: (ir[1].follow_up_months or 0.0, ir[0]))[1]
            return PublishedShare(latest.rates[outcome][arm].rate, latest.source.cite())
    return None
