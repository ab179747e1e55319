"""One drawn study of a plan: its patients under every scenario, and what is found in them."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from experiments.cohorts import resolve_simulated
from experiments.power_plan import PLAIN, Scenario
from experiments.replicates import Task
from pipeline.schema import Cohort
from synthetic_data.cohort_spec import CohortSpec

if TYPE_CHECKING:
    from synthetic_data.population import Population

SHOWN_PATIENTS: Final = 200  # of the cohort that stands in the study's account


@dataclass(frozen=True)
class Drawing:
    """A solved population, and the stream its patients come from whatever the scenario.

    Scenarios change what is measured and recorded, not what befalls anybody: curves, effects and hazards
    are solved once and serve them all.
    """

    population: Population
    rng: np.random.Generator

    @classmethod
    def solve(cls, spec: CohortSpec, rng: np.random.Generator) -> Drawing:
        """Solve the population of a spec, whose evidence is drawn from `rng` where it asks for that."""
        from synthetic_data.cohort import population_of

        return cls(population_of(spec, rng=rng), rng)

    def patients(self, scenario: Scenario, n: int) -> Cohort:
        """Draw `n` patients as a study run by `scenario` would know them."""
        from pipeline.power import measuring, without_samples
        from synthetic_data.cohort import simulate_cohort

        rng = deepcopy(self.rng)
        cohort = simulate_cohort(self._under(scenario), n, rng, workers=1)
        if scenario.samples_missing:
            cohort = without_samples(cohort, scenario.samples_missing, rng)
        return cohort if scenario.markers is None else measuring(cohort, scenario.markers)

    def _under(self, scenario: Scenario) -> Population:
        from synthetic_data.conduct.gaps import build_gaps

        population, spec = self.population, self.population.plan.spec
        if scenario.columns_missing:
            gaps = {**spec.missing, **scenario.columns_missing}
            markers = population.markers
            solved = build_gaps(gaps, markers.margins, markers.dependence)
            population = replace(population, conduct=replace(population.conduct, gaps=solved))
            spec = spec.model_copy(update={"missing": gaps, "defects": True})
        if scenario.visits is not None:
            spec = spec.model_copy(update={"visits": scenario.visits})
        return replace(population, plan=replace(population.plan, spec=spec))


@lru_cache(maxsize=1)
def _population(cohort: str) -> Population:
    from synthetic_data.cohort import population_of

    return population_of(resolve_simulated(cohort, SHOWN_PATIENTS).spec)


def one_replicate(task: Task) -> dict[str, Any]:
    """Draw one study, under every scenario, and answer the questions asked there: found or not."""
    from pipeline.power import answer

    rng = np.random.default_rng(list(task["seed"]))
    cohort_rng, *rest = rng.spawn(1 + len(task["questions"]))
    if task["evidence_draw"] == "sample":
        spec = resolve_simulated(task["cohort"], 10).spec.model_copy(update={"evidence_draw": "sample"})
        drawing = Drawing.solve(spec, cohort_rng)
    else:
        drawing = Drawing(_population(task["cohort"]), cohort_rng)
    streams = dict(zip(task["questions"], rest, strict=True))
    scenarios: Mapping[str, Any] = task.get("scenarios") or {PLAIN: {}}
    found: dict[str, Any] = {}
    for name, block in scenarios.items():
        cohort = drawing.patients(Scenario.model_validate(block), int(task["patients"]))
        found[name] = {
            key: answer(cohort, question, deepcopy(streams[key]))
            for key, question in task["questions"].items()
            if question["scenarios"] is None or name in question["scenarios"]
        }
    return found
