"""Replicates of a trial: of its real size, and as variable as the published interval says."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipeline.schema import InputError
from synthetic_data.cohort_spec import CohortSpec, Plan, plan_cohort
from synthetic_data.evidence import Register, load_register
from synthetic_data.replicated_trials import replicated_ratios, summarised, trial_size


@pytest.fixture(scope="module")
def register() -> Register:
    return load_register()


@pytest.fixture(scope="module")
def plan(register: Register) -> Plan:
    spec = CohortSpec(name="canopy", trial="CANOPY-1", markers=("pdl1_tps", "nlr", "sex"))
    return plan_cohort(spec, register)


@pytest.fixture(scope="module")
def drawn(plan: Plan, register: Register) -> pd.DataFrame:
    return replicated_ratios(plan, register, 200, np.random.default_rng(5))


def test_a_replicate_has_the_trial_s_size(plan: Plan) -> None:
    assert trial_size(plan) == 643  # doi 10.1200/JCO.23.00980
    arm = plan.trial.arms[0].model_copy(update={"patients": None})
    trial = plan.trial.model_copy(update={"arms": (arm, *plan.trial.arms[1:])})
    with pytest.raises(InputError, match=r"the size of .* is not in the register; say --n"):
        trial_size(replace(plan, trial=trial))


def test_canopy_1_comes_out_negative_with_its_published_ratios_inside(
    plan: Plan, drawn: pd.DataFrame
) -> None:
    table = summarised(plan, drawn)
    assert set(table["endpoint"]) == {"os", "pfs"}
    assert table["inside"].all()
    assert (table["positive"] < 0.5).all()


def test_replicates_are_as_variable_as_the_published_interval_says(plan: Plan, drawn: pd.DataFrame) -> None:
    for place, ratio in enumerate(plan.curves.ratios):
        logs = np.log(drawn.loc[drawn["ratio"] == place, "hazard_ratio"])
        assert ratio.low is not None
        assert ratio.high is not None
        published = math.log(ratio.high / ratio.low) / (2 * 1.96)
        # 200 replicates know a standard deviation to 5 %; a publication adjusts for strata
        assert logs.std() == pytest.approx(published, rel=0.25)
        errors = drawn.loc[drawn["ratio"] == place, "standard_error"]
        assert logs.std() == pytest.approx(errors.mean(), rel=0.2)
        assert abs(np.corrcoef(logs[1:], logs[:-1])[0, 1]) < 4 / math.sqrt(200)  # independent


def test_a_ratio_the_trial_does_not_have_lies_outside(plan: Plan, drawn: pd.DataFrame) -> None:
    """The twin: half of the published ratio is not one such a trial shows."""
    halved = tuple(replace(r, estimate=r.estimate / 2) for r in plan.curves.ratios)
    table = summarised(replace(plan, curves=replace(plan.curves, ratios=halved)), drawn)
    assert not table["inside"].any()


def test_the_same_generator_gives_the_same_ratios_and_drawn_evidence_spreads_them(
    plan: Plan, register: Register
) -> None:
    few = [replicated_ratios(plan, register, 3, np.random.default_rng(1), 400) for _ in range(2)]
    pd.testing.assert_frame_equal(*few)
    sample = replace(plan, spec=plan.spec.model_copy(update={"evidence_draw": "sample"}))
    anew = replicated_ratios(sample, register, 2, np.random.default_rng(1), 400)
    assert len(anew) == 2 * len(plan.curves.ratios)
    assert anew["hazard_ratio"].is_unique


def test_a_trial_without_a_ratio_is_refused(plan: Plan, register: Register) -> None:
    bare = replace(plan, curves=replace(plan.curves, ratios=()))
    with pytest.raises(InputError, match="no hazard ratio between drawn arms"):
        replicated_ratios(bare, register, 5, np.random.default_rng(0))
