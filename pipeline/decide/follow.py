"""A policy followed patient by patient, week by week, with nothing but what is known by then."""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.decide.knowledge import WEEK, Known, Series
from pipeline.decide.policy import (
    START,
    LevelTrigger,
    MarkerTrigger,
    Policy,
    PredictionTrigger,
    ProgressionTrigger,
    ResultTrigger,
    ToxicityTrigger,
    Trigger,
)
from pipeline.schema import Floats, InputError

Mask = NDArray[np.bool_]
COLUMNS: Final = ["patient", "months", "rule", "action"]


@dataclass(frozen=True)
class _Steps:
    """Whether a trigger holds, as it changes with each piece of news; shape (n, v), months rising."""

    months: Floats
    holds: Mask

    def at(self, months: float) -> Mask:
        """Whether it holds at `months`, by the latest news."""
        latest = (self.months <= months).sum(axis=1) - 1
        held = np.take_along_axis(self.holds, np.maximum(latest, 0)[:, None], axis=1)[:, 0]
        return np.asarray(held & (latest >= 0))


def follow(policy: Policy, known: Known, last_months: float) -> pd.DataFrame:
    """Return every decision other than to go on, in the order in which they are made.

    Decisions are made at the end of each week from the start of treatment. At most one rule fires for a
    patient in a week, the first in the policy's order. Nothing is decided after death or the last contact.

    Returns
    -------
    DataFrame
        `patient`, `months`, `rule`, `action`; by patient and month.
    """
    patients = known.baseline.index
    n = len(patients)
    triggers = [[_steps(t, known) for t in rule.when] for rule in policy.rules]
    fired = np.zeros((n, len(policy.rules)), dtype=bool)
    state = np.full(n, START, dtype=object)
    found: list[tuple[NDArray[np.intp], float, int]] = []
    for months in np.arange(0.0, last_months + 1e-9, WEEK):
        here = known.followed_months > months if months else np.ones(n, dtype=bool)
        progressed = known.progressed_months <= months
        free = here.copy()
        for number, rule in enumerate(policy.rules):
            if months < rule.from_months - 1e-9 or (rule.until_months or np.inf) < months:
                continue
            acts = free & ~fired[:, number] & np.isin(state, rule.after)
            if not rule.waits_for_progression:
                acts &= ~progressed
            for steps in triggers[number]:
                if not acts.any():
                    break
                acts &= steps.at(months)
            rows = np.flatnonzero(acts)
            if not len(rows):
                continue
            fired[rows, number] = True
            state[rows] = rule.action
            free[rows] = False
            found.append((rows, float(months), number))
    if not found:
        return pd.DataFrame({c: [] for c in COLUMNS})
    rows = np.concatenate([r for r, _, _ in found])
    table = pd.DataFrame(
        {
            "patient": patients[rows],
            "months": np.repeat([m for _, m, _ in found], [len(r) for r, _, _ in found]),
            "rule": np.repeat([policy.rules[k].name for _, _, k in found], [len(r) for r, _, _ in found]),
            "action": np.repeat([policy.rules[k].action for _, _, k in found], [len(r) for r, _, _ in found]),
        }
    )
    return table.iloc[np.lexsort((table["months"], rows))].reset_index(drop=True)


@singledispatch
def _steps(trigger: Trigger, known: Known) -> _Steps:
    raise TypeError(f"no trigger: {trigger!r}")


@_steps.register
def _(trigger: MarkerTrigger, known: Known) -> _Steps:
    values = known.baseline[trigger.column].to_numpy(dtype=float, na_value=np.nan)
    return _Steps(np.zeros((len(values), 1)), trigger.met_by(values)[:, None])


@_steps.register
def _(trigger: ResultTrigger, known: Known) -> _Steps:
    series = known.results[trigger.assay]
    wanted = series.values == (1.0 if trigger.result == "positive" else 0.0)
    holds = _run(wanted) >= trigger.consecutive
    if trigger.conversion:
        holds &= np.logical_or.accumulate(~wanted & np.isfinite(series.values), axis=1)
    return _Steps(series.known_months, holds)


@_steps.register
def _(trigger: LevelTrigger, known: Known) -> _Steps:
    series = known.results[trigger.assay]
    values = series.values
    if trigger.of == "value":
        number = values
    else:
        past = {
            "ratio_to_first": np.repeat(values[:, :1], values.shape[1], axis=1),
            "ratio_to_highest": np.fmax.accumulate(values, axis=1),
            "ratio_to_lowest": np.fmin.accumulate(values, axis=1),
        }[trigger.of]
        number = np.divide(values, past, out=np.full_like(values, np.nan), where=past > 0)
    return _Steps(series.known_months, _run(trigger.met_by(number)) >= trigger.consecutive)


@_steps.register
def _(trigger: PredictionTrigger, known: Known) -> _Steps:
    series: Series | None = known.predictions.get((trigger.kind, trigger.name))
    if series is None:
        there = ", ".join(f"{kind} {name}" for kind, name in known.predictions) or "none"
        raise InputError(
            f"no prediction of {trigger.kind} {trigger.name!r} was handed over; there is {there}"
        )
    return _Steps(series.known_months, trigger.met_by(series.values))


@_steps.register
def _(trigger: ToxicityTrigger, known: Known) -> _Steps:
    patients = known.baseline.index
    months = np.full((len(patients), 1), np.nan)
    if known.toxicity is not None:
        events = known.toxicity[known.toxicity["grade"] >= trigger.grade_at_least]
        if trigger.immune_mediated_only:
            events = events[events["immune_mediated"].to_numpy(dtype=bool)]
        months[:, 0] = events.groupby("patient", observed=True)["onset_months"].min().reindex(patients)
    return _Steps(months, np.isfinite(months))


@_steps.register
def _(trigger: ProgressionTrigger, known: Known) -> _Steps:
    months = np.where(np.isfinite(known.progressed_months), known.progressed_months, np.nan)[:, None]
    return _Steps(months, np.isfinite(months))


def _run(wanted: Mask) -> NDArray[np.int64]:
    """How many wanted results in a row end at each place."""
    run = np.zeros(wanted.shape, dtype=np.int64)
    for place in range(wanted.shape[1]):
        before = run[:, place - 1] if place else 0
        run[:, place] = np.where(wanted[:, place], before + 1, 0)
    return run
