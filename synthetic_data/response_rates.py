"""The objective response rate of an arm: published, or borrowed from arms like it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pipeline.schema import InputError
from synthetic_data.evidence import Arm, TrialSpec

RESPONSE = "objective_response"
COMPLETE = "complete_response"


@dataclass(frozen=True)
class ResponseRate:
    """Share of an arm's patients with an objective response.

    `complete_share` is the part of responders whose response is complete, where published.
    `source` names the publication, or the arms the rate is borrowed from when `assumed`.
    """

    rate: float
    complete_share: float | None
    assumed: bool
    source: str


def response_rate(trial: TrialSpec, arm: Arm, trials: Mapping[str, TrialSpec]) -> ResponseRate:
    """Return the published rate in the main population at the latest cut, else one borrowed.

    A rate is borrowed as the mean over the register's arms of the same setting that agree on whether
    they hold a checkpoint inhibitor and chemotherapy.

    Raises
    ------
    InputError
        When neither exists.
    """
    published = published_rate(trial, arm.id)
    if published is not None:
        return published
    alike = {
        f"{other.id} {candidate.id}": found.rate
        for other in trials.values()
        if other.setting == trial.setting and other.lung
        for candidate in other.arms
        if _kind(candidate) == _kind(arm) and (found := published_rate(other, candidate.id)) is not None
    }
    if not alike:
        raise InputError(
            f"trial {trial.id}, arm {arm.id!r}: no objective response rate is published, and no arm of "
            f"setting {trial.setting!r} like it has one; add it under `response` in the trial's file"
        )
    source = "mean of " + ", ".join(sorted(alike))
    return ResponseRate(float(np.mean(list(alike.values()))), None, True, source)


def published_rate(trial: TrialSpec, arm: str) -> ResponseRate | None:
    """Return the arm's rate in the main population, or in all randomised, at the latest cut."""
    for population in dict.fromkeys((trial.main_population, "ITT")):
        found = [r for r in trial.response if r.population == population and arm in r.rates.get(RESPONSE, {})]
        if found:
            latest = max(enumerate(found), key=lambda ir: (ir[1].follow_up_months or 0.0, ir[0]))[1]
            rate = latest.rates[RESPONSE][arm].rate
            complete = latest.rates.get(COMPLETE, {}).get(arm)
            share = complete.rate / rate if complete is not None and rate > 0 else None
            return ResponseRate(rate, share, False, latest.source.cite())
    return None


def _kind(arm: Arm) -> tuple[bool, bool]:
    return arm.has_checkpoint_inhibitor, "chemotherapy" in arm.classes
