"""Patients drawn block by block: randomisation in the trial's proportions."""

from __future__ import annotations

import numpy as np
import pytest

from synthetic_data.cohort_spec import CohortSpec, Plan, plan_cohort
from synthetic_data.patients import BLOCK, WINDOW, allocate


@pytest.fixture(scope="module")
def plan() -> Plan:
    return plan_cohort(CohortSpec(name="keynote_189", trial="KEYNOTE-189"))


def test_a_whole_trial_has_arms_of_the_published_sizes(plan: Plan) -> None:
    arms = allocate(plan, 616, np.random.default_rng(0))
    assert (arms == "pembrolizumab_chemo").sum() == 410
    assert (arms != allocate(plan, 616, np.random.default_rng(1))).any()


@pytest.mark.parametrize("n", [100, 1001, 50_000])
def test_any_other_size_is_within_a_window_of_the_proportions(plan: Plan, n: int) -> None:
    treated = (allocate(plan, n, np.random.default_rng(0), first=3 * BLOCK) == "pembrolizumab_chemo").sum()
    assert abs(treated - n * 410 / 616) < WINDOW / 2
    assert abs(treated - n * 0.5) > WINDOW / 2  # the twin


def test_more_patients_leave_the_earlier_ones_alone(plan: Plan) -> None:
    few, many = (allocate(plan, n, np.random.default_rng(0)) for n in (100, 700))
    np.testing.assert_array_equal(few, many[:100])


def test_nobody_can_guess_the_next_arm(plan: Plan) -> None:
    arms = np.array([allocate(plan, 64, np.random.default_rng(seed)) for seed in range(400)])
    share = (arms == "pembrolizumab_chemo").mean(axis=0)
    assert np.abs(share - 410 / 616).max() < 4.5 * np.sqrt(0.24 / 400)
