"""The objective response rate of an arm: published, or borrowed from arms like it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pipeline.schema import InputError
from synthetic_data.evidence import Arm, TrialSpec
from synthetic_data.progression import is_resected, progression_endpoint, with_progression
from synthetic_data.published_figures import choose_figures
from synthetic_data.survival_curves import SurvivalCurve
from synthetic_data.trial_completion import CompletedTrial

RESPONSE = "objective_response"
COMPLETE = "complete_response"


@dataclass(frozen=True)
class ResponseRate:
    """Share of an arm's patients with an objective response.

    `complete_share` is the part of responders whose response is complete, and `median_duration` how many
    months half of the responses lasted, where published.
    `source` names the publication, or the arms the rate is borrowed from when `assumed`.
    """

    rate: float
    complete_share: float | None
    assumed: bool
    source: str
    median_duration: float | None = None


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


def completed_response(
    completed: CompletedTrial, arm: Arm, trials: Mapping[str, TrialSpec], pfs: SurvivalCurve
) -> ResponseRate:
    """Return the arm's rate: published, borrowed from arms like it, or inferred from its `pfs`.

    After adjuvant treatment nobody responds: the tumour has been removed. Before surgery tumours are
    taken to respond as in first-line metastatic disease, since event-free survival after an operation
    says little about it. Otherwise the log odds of response are read off a straight line in the log
    of median PFS through the register's arms that print both; beyond their medians it is level.
    """
    trial = completed.trial
    published = published_rate(trial, arm.id)
    if published is not None:
        return published
    if trial.setting == "resectable_adjuvant" or completed.progression_endpoint in {"DFS", "RFS"}:
        return ResponseRate(0.0, None, True, "no tumour is left to respond after resection")
    like = trial.model_copy(update={"setting": "metastatic_1L"}) if is_resected(trial) else trial
    try:
        return response_rate(like, arm, trials)
    except InputError:
        return _inferred_rate(trial, pfs, trials)


def _inferred_rate(trial: TrialSpec, pfs: SurvivalCurve, trials: Mapping[str, TrialSpec]) -> ResponseRate:
    pairs = []
    for other in (t for t in trials.values() if t.lung and t.id != trial.id):
        spec = with_progression(other, progression_endpoint(other))
        for arm in other.arms:
            found = published_rate(other, arm.id)
            figures = choose_figures(spec, "pfs", arm.id) if found else []
            median = next((f.months for f in figures if f.built_on and f.kind == "median"), None)
            if found is not None and median is not None and 0 < found.rate < 1:
                pairs.append((np.log(median), np.log(found.rate / (1 - found.rate))))
    if len(pairs) < 3:
        raise InputError(
            f"trial {trial.id}: no objective response rate is published for its arms, nor for enough others "
            "to infer it from PFS; add it under `response` in the trial's file"
        )
    x, y = np.array(pairs).T
    slope, level = np.polyfit(x, y, 1)
    log_odds = level + slope * np.clip(np.log(pfs.median()), x.min(), x.max())
    words = f"inferred from median PFS by the line through {len(pairs)} arms of the register"
    return ResponseRate(float(1 / (1 + np.exp(-log_odds))), None, True, words)


def published_rate(trial: TrialSpec, arm: str) -> ResponseRate | None:
    """Return the arm's rate in the main population, or in all randomised, at the latest cut."""
    for population in dict.fromkeys((trial.main_population, "ITT")):
        found = [r for r in trial.response if r.population == population and arm in r.rates.get(RESPONSE, {})]
        if found:
            latest = max(enumerate(found), key=lambda ir: (ir[1].follow_up_months or 0.0, ir[0]))[1]
            rate = latest.rates[RESPONSE][arm].rate
            complete = latest.rates.get(COMPLETE, {}).get(arm)
            share = complete.rate / rate if complete is not None and rate > 0 else None
            return ResponseRate(rate, share, False, latest.source.cite(), _duration(trial, arm, population))
    return None


def _duration(trial: TrialSpec, arm: str, population: str | None) -> float | None:
    """Return the latest published median duration of response in the population."""
    dated = [
        (r.follow_up_months or 0.0, r.median_duration[arm].months)
        for r in trial.response
        if r.population == population and arm in r.median_duration
    ]
    dated += [
        (d.follow_up_months or 0.0, d.median[arm].months)
        for d in trial.duration_of_response
        if d.population == population and arm in d.median
    ]
    reached = [(followed, months) for followed, months in dated if months is not None]
    return max(reached)[1] if reached else None


def _kind(arm: Arm) -> tuple[bool, bool]:
    return arm.has_checkpoint_inhibitor, "chemotherapy" in arm.classes
