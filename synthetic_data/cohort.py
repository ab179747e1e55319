"""A synthetic cohort: one spec, a size and a generator in; patients and the truth about them out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from pipeline.schema import ARM, OUTCOMES, Cohort, InputError, Truth
from synthetic_data.cohort_manifest import manifest
from synthetic_data.cohort_spec import CohortSpec, Plan, plan_cohort
from synthetic_data.conduct.crossover import CROSSOVER
from synthetic_data.evidence import Register, load_register
from synthetic_data.evidence_draw import draw_evidence
from synthetic_data.patients import BLOCK, Block, draw_block
from synthetic_data.population import Population, prepare
from synthetic_data.streams import draw_key
from synthetic_data.toxicity import joined_events
from synthetic_data.trajectories import joined_visits


def simulate_cohort(
    source: CohortSpec | Plan | Population,
    n: int,
    rng: np.random.Generator,
    register: Register | None = None,
    label: str | None = None,
    workers: int | None = None,
) -> Cohort:
    """Draw `n` patients of a trial.

    Patients are drawn in blocks of BLOCK, each stage of a block from a stream of its own: the same
    generator gives the same bits whatever the number of workers, and more patients only append rows.

    Parameters
    ----------
    source : CohortSpec, Plan or Population
        Whoever draws many times prepares a population once (`synthetic_data.population.prepare`).
    n : int
        Patients, all arms together, at least 1 an arm.
    rng : Generator
    register : Register, optional
        The shipped one when left out; not needed with a population.
    label : str, optional
        Name of the cohort and prefix of its patients' identifiers; the spec's name when left out.
    workers : int, optional
        Threads; as many as there are processors when left out.

    Returns
    -------
    Cohort
        With its truth and a manifest of what it was built on, what was left out and what was assumed.
    """
    population = population_of(source, register, rng)
    plan = population.plan
    if n < len(plan.arms):
        raise InputError(
            f"a cohort of {len(plan.arms)} arms needs at least {len(plan.arms)} patients. Got {n} instead"
        )
    name = label or plan.spec.name
    blocks = list(draw_blocks(population, n, rng, name, workers))
    account = manifest(population, n)
    events = visits = None
    if population.toxicity is not None:
        events = joined_events([b.events for b in blocks if b.events is not None])
        account["adverse_events"] = population.toxicity.account
    if plan.spec.visits is not None:
        visits = joined_visits([b.visits for b in blocks if b.visits is not None])
        account["visits"] = visits.account
    observed = _stacked([b.observed for b in blocks])
    patients = _stacked([b.truth for b in blocks])
    columns = (
        replace(ARM, categories=plan.arms),
        *population.conduct.columns,
        *population.markers.columns,
        *OUTCOMES,
    )
    if plan.spec.crossover is not None:
        columns += CROSSOVER
    if population.surgery is not None:
        columns += population.surgery.columns
    truth = Truth(patients, population.hazards, None if visits is None else visits.true)
    seen = None if visits is None else visits.observed
    return Cohort(name, observed, columns, True, account, plan.control_arm, truth, seen, events)


def population_of(
    source: CohortSpec | Plan | Population,
    register: Register | None = None,
    rng: np.random.Generator | None = None,
) -> Population:
    """Return `source` with everything solved; `rng` draws the evidence where the spec asks for that.

    Raises
    ------
    InputError
        A spec that asks for drawn evidence, and no generator.
    """
    if isinstance(source, Population):
        return source
    register = register or load_register()
    plan = source if isinstance(source, Plan) else plan_cohort(source, register)
    if plan.spec.evidence_draw == "sample":
        if rng is None:
            raise InputError(
                f"cohort {plan.spec.name!r} draws its evidence anew for each replicate, which needs a "
                "generator (`evidence_draw: sample`); use `point` for one population"
            )
        plan, register = draw_evidence(plan, register, rng)
    return prepare(plan, register)


def draw_blocks(
    population: Population, n: int, rng: np.random.Generator, name: str, workers: int | None = None
) -> Iterator[Block]:
    """Draw `n` patients block by block, in their order."""
    key = draw_key(rng)
    sizes = [min(BLOCK, n - first) for first in range(0, n, BLOCK)]
    if len(sizes) == 1:
        yield draw_block(population, key, 0, n, name)
        return
    workers = workers or os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        # a few blocks ahead, so that whoever writes them as they come needs little memory
        waiting = [
            pool.submit(draw_block, population, key, i, size, name) for i, size in enumerate(sizes[:workers])
        ]
        for i in range(len(sizes)):
            block = waiting.pop(0).result()
            following = i + workers
            if following < len(sizes):
                waiting.append(pool.submit(draw_block, population, key, following, sizes[following], name))
            yield block


def _stacked(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the tables one under the other, column after column, so that memory holds little twice."""
    if len(tables) == 1:
        return tables[0]
    index = pd.Index(np.concatenate([t.index.to_numpy() for t in tables]), name="patient")
    columns: dict[str, Any] = {}
    for name in tables[0].columns:
        parts = [table.pop(name) for table in tables]
        columns[name] = (
            pd.Categorical.from_codes(np.concatenate([p.cat.codes for p in parts]), dtype=parts[0].dtype)
            if isinstance(parts[0].dtype, pd.CategoricalDtype)
            else np.concatenate([p.to_numpy() for p in parts])
        )
    return pd.DataFrame(columns, index=index, copy=False)
