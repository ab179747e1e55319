"""A synthetic cohort: one spec, a size and a generator in; patients and the truth about them out."""

from __future__ import annotations

import os
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from pipeline.schema import ARM, OUTCOMES, Cohort, Column, InputError, Truth
from synthetic_data.cohort_manifest import manifest
from synthetic_data.cohort_memory import GrowingTable, check_memory
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

    Raises
    ------
    InputError
        Fewer patients than arms, or more than the memory that is free can hold.
    """
    population = population_of(source, register, rng)
    plan = population.plan
    check_memory(population, n)
    name = label or plan.spec.name
    observed, patients, seen_events, seen_visits = GrowingTable(n), GrowingTable(n), [], []
    for block in draw_blocks(population, n, rng, name, workers):
        observed.add(block.observed)
        patients.add(block.truth)
        seen_events += [] if block.events is None else [block.events]
        seen_visits += [] if block.visits is None else [block.visits]
    account = manifest(population, n)
    events = visits = None
    if population.toxicity is not None:
        events = joined_events(seen_events)
    if plan.spec.visits is not None:
        visits = joined_visits(seen_visits)
        account["visits"] = visits.account
    truth = Truth(patients.table(), population.hazards, None if visits is None else visits.true)
    seen = None if visits is None else visits.observed
    columns = observed_columns(population)
    return Cohort(name, observed.table(), columns, True, account, plan.control_arm, truth, seen, events)


def observed_columns(population: Population) -> tuple[Column, ...]:
    """Return the declarations of the columns of a population's patients."""
    return (
        replace(ARM, categories=population.plan.arms),
        *population.conduct.columns,
        *population.markers.columns,
        *OUTCOMES,
        *(() if population.plan.spec.crossover is None else CROSSOVER),
        *(() if population.surgery is None else population.surgery.columns),
    )


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
) -> Generator[Block]:
    """Draw `n` patients block by block, in their order.

    Raises
    ------
    InputError
        Fewer patients than arms.
    """
    arms = len(population.plan.arms)
    if n < arms:
        raise InputError(f"a cohort of {arms} arms needs at least {arms} patients. Got {n} instead")
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
