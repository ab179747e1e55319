"""The population: solved once, and its averages are those of any patients drawn from it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from synthetic_data.cohort import simulate_cohort
from synthetic_data.cohort_spec import CohortSpec, plan_cohort
from synthetic_data.evidence import load_register
from synthetic_data.population import Population, Reference, prepare


@pytest.fixture(scope="module")
def population() -> Population:
    return prepare(plan_cohort(CohortSpec(name="pacific", trial="PACIFIC")), load_register())


def test_the_reference_fills_every_column_evenly_and_columns_are_independent() -> None:
    columns = Reference(4_096).uniforms("times", 3)
    for column in columns.T:
        np.testing.assert_array_equal(np.sort((column * 4_096).astype(int)), np.arange(4_096))
    assert np.abs(np.corrcoef(columns.T) - np.eye(3)).max() < 4.5 / math.sqrt(4_096)
    assert np.array_equal(columns, Reference(4_096).uniforms("times", 3))
    assert not np.array_equal(columns[:, 0], Reference(4_096).uniforms("follow-up", 1)[:, 0])


def test_the_population_curves_are_the_published_ones(population: Population) -> None:
    for name, arm in population.arms.items():
        for endpoint, reached in (("os", arm.hazards.population_os), ("pfs", arm.hazards.population_pfs)):
            curve = population.plan.curves.curves[name, endpoint]
            last = arm.hazards.months <= 60.0
            gap = np.abs(reached - curve.survival(arm.hazards.months))[last].max()
            assert gap <= 0.003, (name, endpoint)


def test_patients_never_seen_before_have_the_population_s_average(population: Population) -> None:
    """Their true curves, without the chance of event times: the solved hazards are not those of a sample."""
    cohort = simulate_cohort(population, 40_000, np.random.default_rng(5))
    assert cohort.truth is not None
    months = np.array([6.0, 12.0, 24.0, 48.0])
    for name in population.arms:
        for endpoint in ("os", "pfs"):
            each = cohort.truth.survival(endpoint, months, arm=name)
            wanted = population.plan.curves.curves[name, endpoint].survival(months)
            error = each.std(axis=0) / math.sqrt(len(each))
            assert (
                np.abs(each.mean(axis=0) - wanted) < 4 * error + 0.001 + 0.003 * (endpoint == "pfs")
            ).all()
            assert (np.abs(each.mean(axis=0) - wanted - 0.02) > 4 * error + 0.001).all()  # the twin


def test_response_is_expected_as_often_as_published(population: Population) -> None:
    for name, arm in population.arms.items():
        assert arm.expected_response == pytest.approx(population.plan.responses[name].rate, abs=1e-9)


def test_the_same_plan_gives_the_same_population(population: Population) -> None:
    again = prepare(population.plan, load_register())
    assert again.hazards.equals(population.hazards)
