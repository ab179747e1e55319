"""The horizons that data can speak about: checked for cohorts before a run, and for every group within it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.config import Analysis
from pipeline.metrics.censoring import Censoring
from pipeline.metrics.contract import Outcome
from pipeline.schema import Cohort, Floats, InputError, outcome

LEAST_PAST = 10  # patients still followed past a horizon
LEAST_EVENTS = 5  # events by a horizon
LEAST_FOLLOWED = 0.05  # chance of not being censored by it, whose inverse is the largest weight
FINEST_STEP_MONTHS = 0.5
MOST_STEPS = 60


def check_horizons(analysis: Analysis, cohorts: Sequence[Cohort]) -> None:
    """Raise one InputError for all cohorts without the endpoint or not followed as long as is asked.

    Every horizon needs 10 patients followed past it, and a chance of 5 % of not being censored by it.
    """
    faults = []
    asked = {f"horizons_months: {h:g}": h for h in analysis.horizons_months}
    asked["explanation: horizon_months: " + f"{analysis.explanation.horizon_months:g}"] = (
        analysis.explanation.horizon_months
    )
    for cohort in cohorts:
        try:
            check_endpoint(analysis, cohort)
        except InputError as error:
            faults.append(str(error))
            continue
        y = outcome(cohort.observed, analysis.endpoint)
        longest = followed_to(y)
        faults += [
            f"{field} lies beyond the follow-up of cohort {cohort.name!r} ({len(y)} patients, last seen at "
            f"{y['time'].max(initial=0):.1f} months): use horizons up to {np.floor(longest * 10) / 10:g}"
            for field, horizon in asked.items()
            if horizon > longest
        ]
    if faults:
        raise InputError("; ".join(faults))


def check_endpoint(analysis: Analysis, cohort: Cohort) -> None:
    """Raise an InputError when the cohort does not hold the endpoint."""
    if analysis.endpoint not in cohort.endpoints():
        there = ", ".join(cohort.endpoints()) or "none"
        raise InputError(
            f"endpoint: cohort {cohort.name!r} does not hold {analysis.endpoint!r}; it has {there}"
        )


def followed_to(y: Outcome) -> float:
    """Return the longest horizon with enough patients followed past it, in months; 0 when there is none."""
    if len(y) <= LEAST_PAST:
        return 0.0
    before = float(np.nextafter(np.sort(y["time"])[-LEAST_PAST], 0))
    censoring = Censoring.of(y, np.ones((1, len(y))))
    scarce = np.flatnonzero(censoring.survival[0, 1:] < LEAST_FOLLOWED)
    if len(scarce):
        before = min(before, float(np.nextafter(censoring.months[scarce[0]], 0)))
    return max(before, 0.0)


def unusable(y: Outcome, horizon: float) -> str:
    """Say why a group cannot be judged at `horizon`; empty when it can."""
    events = int((y["event"] & (y["time"] <= horizon)).sum())
    if events < LEAST_EVENTS:
        return f"{events} events by then, {LEAST_EVENTS} needed"
    if horizon > followed_to(y):
        return (
            f"follow-up too short: {int((y['time'] > horizon).sum())} of {len(y)} patients followed past it"
        )
    return ""


def prediction_months(analysis: Analysis) -> Floats:
    """Return the months at which models predict: every half month (at most 60 steps), and the horizons."""
    last = analysis.horizons_months[-1]
    steps = int(min(MOST_STEPS, np.ceil(last / FINEST_STEP_MONTHS)))
    return np.unique(np.concatenate([np.linspace(0, last, steps + 1)[1:], analysis.horizons_months]))
