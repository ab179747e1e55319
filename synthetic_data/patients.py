"""Patients of a population, drawn block by block: markers, arm, outcomes, follow-up, what is observed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.schema import ARM, Floats
from synthetic_data.cohort_spec import Plan
from synthetic_data.conduct.switching import switched_months
from synthetic_data.defects import add_defects
from synthetic_data.follow_up import SCAN_SHIFT, observe, withdrawn
from synthetic_data.immune_state import STATES, totals
from synthetic_data.markers import MarkerDraw
from synthetic_data.outcomes import dependent_exponentials, event_months
from synthetic_data.population import Population, log_hazards
from synthetic_data.resistance import draw_resistance
from synthetic_data.response import FIRST_ASSESSMENT_MONTHS, best_response
from synthetic_data.scans import ScanDays
from synthetic_data.streams import Streams
from synthetic_data.trajectories import SURGERY_MONTHS, Visits, VisitSource, draw_escape, simulate_visits

BLOCK: Final = 2**16  # patients that share their streams; part of what a seed means
WINDOW: Final = 16  # patients within whom the order of arms is random, as in permuted-block randomisation


@dataclass(frozen=True)
class Block:
    """Some consecutive patients of a cohort.

    Attributes
    ----------
    observed : DataFrame
        As in `Cohort`, of those enrolled by the cut.
    truth : DataFrame
        As in `Truth.patients`, of all.
    visits, events
        Where the spec asks for them.
    """

    observed: pd.DataFrame
    truth: pd.DataFrame
    visits: Visits | None = None
    events: pd.DataFrame | None = None


def draw_block(population: Population, key: tuple[int, ...], number: int, n: int, name: str) -> Block:
    """Draw the first `n` patients of block `number`.

    Each stage draws from a stream of its own, found by its name, so that a change to one leaves the
    others' draws as they were.

    Parameters
    ----------
    population : Population
    key : tuple of int
        Of the cohort's streams.
    number : int
    n : int
        At most BLOCK. Fewer are the first of them.
    name : str
        Prefix of the patients' identifiers.
    """
    streams, spec, first = Streams(key, number), population.plan.spec, number * BLOCK
    index = pd.Index([f"{name}-{i:07d}" for i in range(first, first + n)], name="patient")
    conduct, mixed = population.conduct, None
    site = conduct.site_of(streams.generator("sites").random(n))
    if conduct.sites is not None and site is not None:
        mixed = partial(conduct.sites.mixed, site=site)
    draw = population.markers.draw(n, streams.generator("markers"), mixed)
    arm = allocate(population.plan, n, streams.generator("arms"), first)
    truth = draw_truth(population, draw, arm, streams, site)
    response = _draw_response(population, truth, streams)
    _add_explanations(population, draw, truth, response, streams)
    known = pd.DataFrame(truth, index=index, copy=False)

    baseline = conduct.measured(draw.values, site)
    if spec.defects:
        baseline = add_defects(
            population.chosen, draw, streams.generator("defects"),
            baseline, conduct.chances(draw), conduct.untested(site),
        )  # fmt: skip
    outcomes = observe(known, population.cut_month, population.plan.schedule)
    columns = {ARM.name: pd.Categorical(arm, categories=list(population.arms))}
    if conduct.sites is not None and site is not None:
        where = conduct.sites.columns_of(site, index)
        columns |= {str(c): where[c].array for c in where}
    columns |= {str(c): baseline[c].array for c in baseline}
    shown = truth["enrolled_month"] < population.cut_month
    if not shown.all():
        columns = {c: values[shown] for c, values in columns.items()}
    columns |= {str(c): outcomes[c].array for c in outcomes} | {"best_response": response[shown]}
    if spec.crossover is not None:
        columns |= {c: values[shown] for c, values in _seen_switches(population, truth).items()}
    if population.surgery is not None:
        found = population.surgery.draw(
            arm,
            truth["pfs_event_months"],
            watched(population, truth),
            streams.generator("surgery").random((n, 2)),
        )
        columns |= {c: values[shown] for c, values in found.items()}
    observed = pd.DataFrame(columns, index=outcomes.index, copy=False)
    events = None
    if population.toxicity is not None:
        events = population.toxicity.draw(known, observed, streams.generator("adverse events"))
    visits = None
    if spec.visits is not None:
        source = VisitSource(
            truth=known,
            response=response,
            inhibitor=population.received_inhibitor(arm),
            values=draw.values,
            baseline=baseline,
            simulations={s.column: s for s in population.markers.drawn.values()},
            cut_month=population.cut_month,
            surgery_months=SURGERY_MONTHS.get(population.plan.trial.setting),
        )
        visits = simulate_visits(spec.visits, source, streams.generator("visits"))
    return Block(observed, known, visits, events)


def allocate(plan: Plan, n: int, rng: np.random.Generator, first: int = 0) -> NDArray[np.object_]:
    """Randomise `n` patients, of whom `first` came before, to the arms in the trial's proportions.

    Permuted blocks: whoever is randomised next goes to the arm that lacks most, and WINDOW consecutive
    patients are shuffled. A trial of the published size has arms of the published sizes; at any other
    size each arm is within a few patients of its share. More patients leave the earlier ones alone.
    """
    sizes = np.array([plan.trial.arm(a).patients or 1 for a in plan.arms])
    sizes = sizes // math.gcd(*sizes.tolist())
    cycle = int(sizes.sum())
    place = np.arange(first, first + n + WINDOW) % cycle
    # windows end with the cycle, so that a whole trial has the arms' sizes exactly
    starts = np.concatenate([[True], (place[1:] % WINDOW == 0) | (place[1:] == 0)])
    window = np.cumsum(starts)
    order = np.argsort(window + rng.random(len(place)), kind="stable")
    return np.array(plan.arms, dtype=object)[_turns(sizes)[place][order]][:n]


def _turns(sizes: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return whose turn it is through one cycle, shape (sum of sizes,): always the arm that lacks most."""
    total = int(sizes.sum())
    given = np.zeros(len(sizes))
    turns = np.empty(total, dtype=np.intp)
    for i in range(total):
        turns[i] = int(np.argmax(sizes * (i + 1) / total - given))
        given[turns[i]] += 1
    return turns


def draw_truth(
    population: Population,
    draw: MarkerDraw,
    arm: NDArray[np.object_],
    streams: Streams,
    site: NDArray[np.int64] | None = None,
) -> dict[str, Any]:
    """Draw what happens to patients, as columns of `Truth.patients`: hazards, times, follow-up."""
    n, spec = len(arm), population.plan.spec
    hidden = spec.unmeasured_log_hazard_sd * streams.generator("unmeasured").standard_normal(n)
    of_site = population.conduct.log_hazard(site, n)
    hidden = hidden + of_site
    uniforms = streams.generator("times").random((n, 4))
    pieces = population.immune.pieces(draw)
    apart = population.log_hazards(draw, pieces)
    treatments = dict.fromkeys(model.treatment for model in population.arms.values())
    by_treatment = {treatment: log_hazards(apart, hidden, treatment) for treatment in treatments}
    os, pfs = np.empty(n), np.empty(n)
    without, turn = np.empty(n), np.full(n, np.inf)
    would = streams.generator("crossover").random(n)
    relative = {}
    for name, model in population.arms.items():
        death, progression = by_treatment[model.treatment]
        relative[f"os_log_hazard[{name}]"] = death
        relative[f"progression_log_hazard[{name}]"] = progression
        rows = np.flatnonzero(arm == name)
        draws = dependent_exponentials(uniforms[rows], model.hazards.association)
        relative_death, relative_progression = np.exp(death[rows]), np.exp(progression[rows])
        if model.switch is None:
            os[rows], pfs[rows] = event_months(model.hazards, relative_death, relative_progression, draws)
            without[rows] = os[rows]
        else:
            os[rows], pfs[rows], without[rows], turn[rows] = switched_months(
                model.switch, relative_death, relative_progression, draws, would[rows]
            )
    enrolled, dropout, leaving = population.conduct.follow_up(
        draw,
        hidden,
        streams.generator("follow-up").random((n, 2)),
        spec.accrual,
        spec.dropout_per_month,
    )
    plan = population.plan
    if any(map(plan.untreated_share, plan.arms)):
        leaves = streams.generator("untreated").random((n, 2))
        for name in plan.arms:
            rows = np.flatnonzero(arm == name)
            dropout[rows] = withdrawn(dropout[rows], plan.untreated_share(name), leaves[rows])
    truth = {
        "arm": arm,
        "unmeasured_log_hazard": hidden,
        "os_event_months": os,
        "pfs_event_months": pfs,
        **relative,
        "enrolled_month": enrolled,
        "dropout_months": dropout,
    }
    if plan.trial.assessments is not None:
        days = ScanDays.drawn(plan.trial.assessments, streams.generator("scans").random(n))
        truth[SCAN_SHIFT] = days.shift_months
    if site is not None:
        truth["site_log_hazard"] = of_site
    if leaving is not None:
        truth["dropout_log_hazard"] = leaving
    if spec.crossover is not None:
        truth["os_event_months_without_crossover"] = without
        truth["crossover_event_months"] = turn
    groups = {
        treatment: np.isin(arm, [a for a, model in population.arms.items() if model.treatment == treatment])
        for treatment in treatments
    }
    for endpoint, parts in apart.items():
        truth |= {f"{endpoint}_contribution[{c}]": _single(x) for c, x in parts.received(groups).items()}
    if len({treatment.inhibitor for treatment in treatments}) == 2:
        modified = apart["os"].modification()
        truth |= {f"os_modification[{c}]": _single(x) for c, x in modified.items()}
    truth |= totals(pieces, n)
    benefit = apart["os"].benefit(treatments)
    return truth | {f"benefit_contribution[{c}]": _single(x) for c, x in benefit.items()}


def _single(values: Floats) -> NDArray[np.float32]:
    """Return values in single precision: they fill most of the memory, and nothing is drawn from them."""
    return values.astype(np.float32)


def _draw_response(population: Population, truth: dict[str, Any], streams: Streams) -> NDArray[np.object_]:
    """Best response of everybody enrolled by the cut; the others are in no table, and keep probability 0."""
    pfs, os = truth["pfs_event_months"], truth["os_event_months"]
    followed = watched(population, truth)
    probability, complete = np.zeros(len(pfs)), np.zeros(len(pfs))
    for name, model in population.arms.items():
        rows = np.flatnonzero((truth["arm"] == name) & (followed > 0))
        probability[rows] = model.response.probability(pfs[rows], followed[rows])
        complete[rows] = model.complete_share
    truth["response_probability"] = probability
    uniforms = streams.generator("response").random((len(pfs), 2))
    schedule, scans = population.plan.schedule, None
    if schedule is not None:
        scans = ScanDays(schedule, truth[SCAN_SHIFT])
    response = best_response(probability, pfs, os, followed, complete, uniforms, scans)
    responds = np.isin(response, ["CR", "PR"])
    truth["duration_of_response_months"] = np.where(responds, pfs - FIRST_ASSESSMENT_MONTHS, np.nan)
    return response


def _seen_switches(population: Population, truth: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of who is seen to switch, and when, of all patients."""
    turn = truth["crossover_event_months"]
    seen = turn <= watched(population, truth)
    return {"crossed_over": seen, "crossover_months": np.where(seen, turn, np.nan)}


def watched(population: Population, truth: dict[str, Any]) -> Floats:
    """Return each patient's months to drop-out or the cut."""
    return np.asarray(np.minimum(truth["dropout_months"], population.cut_month - truth["enrolled_month"]))


def _add_explanations(
    population: Population,
    draw: MarkerDraw,
    truth: dict[str, Any],
    response: NDArray[np.object_],
    streams: Streams,
) -> None:
    """Add how and why treatment fails."""
    states = {name: truth[name] for name in STATES}
    truth["resistance"], truth["cause_of_failure"] = draw_resistance(
        truth["pfs_event_months"],
        truth["os_event_months"],
        response,
        population.received_inhibitor(truth["arm"]),
        states,
        streams.generator("resistance").random(len(response)),
    )
    engagers = [a for a in population.arms if "dll3" in population.plan.trial.arm(a).classes]
    if engagers:
        rng = streams.generator("target escape")
        truth["target_escape"], truth["escape_months"] = draw_escape(
            truth["pfs_event_months"],
            truth["os_event_months"],
            np.isin(truth["arm"], engagers),
            rng.random(len(response)),
            rng.standard_normal(len(response)),
        )
