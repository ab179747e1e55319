"""The horizons that data can speak about: checked for cohorts before a run, and for every group within it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.config import Analysis
from pipeline.metrics.censoring import Censoring
from pipeline.metrics.contract import Outcome
from pipeline.schema import Cohort, Floats, InputError, outcome
from pipeline.split import Fold

LEAST_PAST = 10  # patients still followed past a horizon
LEAST_PAST_IN_FOLD = 5  # of the patients that one fold learns from, or is judged on
LEAST_EVENTS = 5  # events by a horizon
LEAST_FOLLOWED = 0.05  # chance of not being censored by it, whose inverse is the largest weight
FINEST_STEP_MONTHS = 0.5
MOST_STEPS = 60


@dataclass(frozen=True)
class JudgedSet:
    """Patients that are learnt from or judged together, and how many of them a horizon needs past it."""

    name: str
    y: Outcome
    least_past: int = LEAST_PAST


@dataclass(frozen=True)
class Settled:
    """An analysis whose horizons every set can speak about.

    Attributes
    ----------
    analysis : Analysis
        With the horizons that are left, and `tau_months` filled in.
    table : DataFrame
        One row a set: `set`, `patients`, `events`, `least_past`, `usable_to_months`, `decides` (whether it
        is the set that ends the grid).
    notes : tuple of str
        What was dropped or moved, and why.
    """

    analysis: Analysis
    table: pd.DataFrame
    notes: tuple[str, ...]


def settle_horizons(analysis: Analysis, sets: Sequence[JudgedSet]) -> Settled:
    """Keep the horizons that every set was followed to, and fix tau, before anything is fitted.

    A set can speak about a horizon when at least `least_past` of its patients are followed past it and the
    chance of not being censored by then, estimated in the set, is at least 5 %. Tau is the longest such
    time of all sets, in tenths of a month, or the analysis's own when that is shorter.

    Raises
    ------
    InputError
        When no horizon is left.
    """
    limits = np.array([followed_to(s.y, s.least_past) for s in sets])
    shortest = int(np.argmin(limits))
    tau = float(np.floor(limits[shortest] * 10) / 10)
    why = f"{sets[shortest].name} ({len(sets[shortest].y)} patients) is followed to {tau:g} months"
    kept = tuple(h for h in analysis.horizons_months if h <= tau)
    lost = [f"{h:g}" for h in analysis.horizons_months if h > tau]
    if not kept:
        raise InputError(
            f"horizons_months: {', '.join(lost)} all lie beyond the follow-up; {why}: use horizons up to that"
        )
    notes = []
    if lost:
        notes.append(f"horizons dropped: {', '.join(lost)} months; {why}")
    explanation = analysis.explanation
    if explanation.horizon_months > tau:
        notes.append(f"explained at {kept[-1]:g} months instead of {explanation.horizon_months:g}; {why}")
        explanation = explanation.model_copy(update={"horizon_months": kept[-1]})
    if analysis.tau_months is not None and analysis.tau_months > tau:
        notes.append(f"tau is {tau:g} months instead of {analysis.tau_months:g}; {why}")
    tau = tau if analysis.tau_months is None else min(tau, analysis.tau_months)
    table = pd.DataFrame({
        "set": [s.name for s in sets],
        "patients": [len(s.y) for s in sets],
        "events": [int(s.y["event"].sum()) for s in sets],
        "least_past": [s.least_past for s in sets],
        "usable_to_months": limits,
        "decides": np.arange(len(sets)) == shortest,
    })  # fmt: skip
    update = {"horizons_months": kept, "tau_months": tau, "explanation": explanation}
    return Settled(analysis.model_copy(update=update), table, tuple(notes))


def whole_sets(analysis: Analysis, cohorts: Sequence[Cohort]) -> list[JudgedSet]:
    """Return every cohort as one set.

    Raises
    ------
    InputError
        Naming every cohort without the endpoint.
    """
    faults, sets = [], []
    for cohort in cohorts:
        try:
            check_endpoint(analysis, cohort)
            sets.append(JudgedSet(f"cohort {cohort.name!r}", outcome(cohort.observed, analysis.endpoint)))
        except InputError as error:
            faults.append(str(error))
    if faults:
        raise InputError("; ".join(faults))
    return sets


def fold_sets(analysis: Analysis, cohort: Cohort, parts: Sequence[Fold]) -> list[JudgedSet]:
    """Return the training and the test patients of every fold as sets."""
    whole = outcome(cohort.observed, analysis.endpoint)
    sets = []
    for part in parts:
        for side, patients in (("training", part.train), ("test", part.test)):
            name = f"{side} patients of fold {part.fold + 1}, repeat {part.repeat + 1}"
            rows = cohort.observed.index.get_indexer(patients)
            sets.append(JudgedSet(name, whole[rows], LEAST_PAST_IN_FOLD))
    return sets


def check_endpoint(analysis: Analysis, cohort: Cohort) -> None:
    """Raise an InputError when the cohort does not hold the endpoint."""
    if analysis.endpoint not in cohort.endpoints():
        there = ", ".join(cohort.endpoints()) or "none"
        raise InputError(
            f"endpoint: cohort {cohort.name!r} does not hold {analysis.endpoint!r}; it has {there}"
        )


def followed_to(y: Outcome, least_past: int = LEAST_PAST) -> float:
    """Return the longest horizon with enough patients followed past it, in months; 0 when there is none."""
    if len(y) <= least_past:
        return 0.0
    before = float(np.nextafter(np.sort(y["time"])[-least_past], 0))
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
    """Return when models predict: every half month (at most 60 steps) up to tau, and the horizons."""
    last = max(analysis.horizons_months[-1], analysis.tau_months or 0.0)
    steps = int(min(MOST_STEPS, np.ceil(last / FINEST_STEP_MONTHS)))
    return np.unique(np.concatenate([np.linspace(0, last, steps + 1)[1:], analysis.horizons_months]))
