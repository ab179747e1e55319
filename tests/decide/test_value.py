"""Value of strategies: the right trigger beats fixed treatment and its reverse; an idle test does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipeline.decide import (
    Guided,
    Judging,
    Outcome,
    Policy,
    World,
    difference_table,
    follow,
    gather,
    net_benefit_table,
    net_value_table,
    value_table,
)
from pipeline.schema import InputError

from .made_world import ACTIONS, CONTROL, HORIZON, PLANNED, TREATED, made_policy, made_world

JUDGING = Judging("pfs", HORIZON, replicates=200)
PDL1 = Guided.model_validate(
    {"when": [{"kind": "marker", "column": "pdl1_tps_percent", "at_least": 50}], "arm": TREATED,
     "otherwise": CONTROL}
)  # fmt: skip


def world(patients: int = 2400, seed: int = 1) -> World:
    return World.of(made_world(patients, seed), TREATED, PLANNED, HORIZON)


def played(place: World, policy: Policy) -> Outcome:
    known = gather(policy, place.cohort, np.random.default_rng(2))
    return place.policy(follow(policy, known, HORIZON), ACTIONS)


def gain(policy: Policy, reference: Policy | None = None) -> pd.Series:
    """The difference in months event-free, with its interval."""
    place = world()
    other = place.fixed(TREATED) if reference is None else played(place, reference)
    both = {"policy": played(place, policy), "other": other}
    table = difference_table(both, ["other"], JUDGING, [0] * len(place.patients), np.random.default_rng(3))
    return table[table["quantity"] == "rmst"].iloc[0]


def test_the_policy_is_worth_more_than_fixed_treatment() -> None:
    assert gain(made_policy())["low"] > 0


def test_reversing_the_trigger_makes_it_worse() -> None:
    assert gain(made_policy(), made_policy().reversed())["low"] > 0
    assert gain(made_policy().reversed())["high"] < 0


def test_the_test_above_can_fail() -> None:
    """With an assay that says nothing, a policy and its reverse differ by nothing that can be shown."""
    idle = made_policy(consecutive=3, sensitivity=0.5, specificity=0.5)
    found = gain(idle, idle.reversed())
    assert not found["low"] > 0


def test_nothing_done_changes_nothing() -> None:
    place = world(600)
    nobody = place.policy(pd.DataFrame({c: [] for c in ("patient", "months", "rule", "action")}), ACTIONS)
    fixed = place.fixed(TREATED)
    for endpoint in ("os", "pfs"):
        np.testing.assert_allclose(nobody.months[endpoint], fixed.months[endpoint])
    np.testing.assert_allclose(nobody.treated_months, fixed.treated_months)
    np.testing.assert_allclose(nobody.severe_events, fixed.severe_events)
    assert not nobody.acted.any()


def test_fixed_treatment_has_its_true_value() -> None:
    place = world(6000)
    months = np.arange(0.0, HORIZON + 0.05, 0.1)
    for arm in (TREATED, CONTROL):
        found = JUDGING.per_patient(place.fixed(arm))["rmst"]
        survival = place.truth.survival("pfs", months, place.patients, arm=arm).mean(axis=0)
        truth = np.trapezoid(survival, months)
        assert abs(found.mean() - truth) < 4 * found.std() / np.sqrt(len(found)), arm


def test_time_on_treatment_and_toxicity_follow_the_decisions() -> None:
    place = world(600)
    decisions = pd.DataFrame(
        {
            "patient": place.patients[:2],
            "months": [4.0, 5.0],
            "rule": "r",
            "action": ["stop_early", "intensify"],
        }
    )
    fixed, found = place.fixed(TREATED), place.policy(decisions, ACTIONS)
    if fixed.months["pfs"][0] > 4:
        assert found.treated_months[0] == pytest.approx(4.0)
    added = np.clip(min(3.0, found.months["os"][1] - 5.0), 0, None)
    end = min(12.0, found.months["pfs"][1])
    assert found.treated_months[1] == pytest.approx(end + added)
    assert found.severe_events[1] == pytest.approx(fixed.severe_events[1] + 0.05 * added)
    assert found.acted.sum() == 2


def test_who_is_harmed_is_counted_against_each_reference() -> None:
    n = 10
    base = np.full(n, 20.0)
    moved = base + np.array([-5.0, -1.0, -0.5, 0, 0, 0, 0, 0.5, 1.0, 30.0])
    zero = np.zeros(n)
    outcomes = {
        name: Outcome({"pfs": months, "os": months}, zero, zero, zero > 1)
        for name, months in (("fixed", base), ("policy", moved))
    }
    table = difference_table(outcomes, ["fixed"], JUDGING, [0] * n, np.random.default_rng(0))
    found = table.set_index("quantity")["value"]
    assert found["harmed"] == pytest.approx(0.2)
    assert found["helped"] == pytest.approx(0.2)
    assert found["rmst"] == pytest.approx((-5 - 1 - 0.5 + 0.5 + 1 + 16) / n)
    assert found["event_free"] == pytest.approx(0.1)


def test_error_over_cohorts_is_that_of_their_means() -> None:
    rng = np.random.default_rng(4)
    months = rng.exponential(20, 4000)
    zero = np.zeros(4000)
    outcome = Outcome({"pfs": months}, zero, zero, zero > 1)
    cohort = np.repeat(np.arange(40), 100)
    table = value_table({"one": outcome}, JUDGING, list(cohort), rng)
    error = table.set_index("quantity").loc["rmst", "monte_carlo_error"]
    expected = np.minimum(months, HORIZON).std() / np.sqrt(4000)
    assert 0.7 < error / expected < 1.4
    alone = value_table({"one": outcome}, JUDGING, [0] * 4000, rng)
    assert alone["monte_carlo_error"].isna().all()


def test_a_price_on_treatment_turns_the_ranks_round() -> None:
    place = world(1200)
    outcomes = {"all": place.fixed(TREATED), "none": place.fixed(CONTROL), "pdl1": place.guided(PDL1)}
    table = net_value_table(outcomes, "none", [0.0, 5.0], JUDGING, np.random.default_rng(0))
    worth = table.set_index(["strategy", "price"])["value"]
    assert worth["all", 0.0] > worth["pdl1", 0.0] > worth["none", 0.0] == 0
    assert worth["all", 5.0] < 0


def test_net_benefit_of_everybody_is_that_of_its_formula() -> None:
    place = world(1200)
    months = place.fixed(TREATED).months["pfs"]
    risk = (months <= HORIZON).mean()
    table = net_benefit_table(
        {"everybody": np.ones(len(months))}, months, JUDGING, [0.2, 0.5], np.random.default_rng(0)
    )
    for row in table.itertuples():
        odds = row.threshold / (1 - row.threshold)
        assert row.value == pytest.approx(risk - (1 - risk) * odds, abs=1e-9)


def test_real_patients_and_unknown_arms_have_no_such_value() -> None:
    cohort = made_world(30, 1)
    with pytest.raises(InputError, match="no arm 'third'"):
        World.of(cohort, TREATED, PLANNED | {"third": 1.0}, HORIZON)
    with pytest.raises(InputError, match="has no truth"):
        World.of(replace(cohort, truth=None), TREATED, PLANNED, HORIZON)
