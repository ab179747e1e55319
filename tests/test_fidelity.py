"""Drawn cohorts held against published figures, and the hazard ratio they are held by."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sksurv.linear_model import CoxPHSurvivalAnalysis
from sksurv.util import Surv

from pipeline.schema import OUTCOMES, Cohort, InputError
from synthetic_data.cohort import simulate_cohort
from synthetic_data.cohort_spec import plan_cohort, read_cohort_spec
from synthetic_data.fidelity import COLUMNS, fidelity, two_arm_hazard_ratio

COHORTS = Path(__file__).resolve().parents[1] / "configs" / "cohorts"


def drawn(name: str, n: int, seed: int = 1) -> tuple[Cohort, pd.DataFrame]:
    plan = plan_cohort(read_cohort_spec(COHORTS / f"{name}.yaml"))
    cohort = simulate_cohort(plan.spec, n, np.random.default_rng(seed))
    return cohort, fidelity(cohort, plan)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["keynote_189", "pacific", "oak"])
def test_a_hundred_thousand_patients_show_every_figure(name: str) -> None:
    cohort, table = drawn(name, 100_000)
    built = table[table["built_on"]]
    medians, rates = built[built["kind"] == "median"], built[built["kind"] == "landmark"]
    ratios = table[table["kind"] == "hazard_ratio"]
    # Of a short median, chance is more than 2 % even here; its standard error takes the curve to be as steep
    # after the median as before, which after a first scan it is not.
    chance = 4 * medians["standard_error"]
    assert (medians["gap"].abs() <= np.maximum(0.02, chance)).all(), medians[["arm", "endpoint", "gap"]]
    assert (rates["gap"].abs() <= 0.005).all(), rates[["arm", "endpoint", "months", "gap"]]
    assert ratios["within"].all(), ratios[["arm", "endpoint", "months", "low", "reproduced", "high"]]
    assert (cohort.observed["pfs_months"] <= cohort.observed["os_months"]).all()


def test_the_table_has_a_row_for_every_figure_and_says_what_was_left_out() -> None:
    _, table = drawn("keynote_189", 500)
    assert list(table.columns) == list(COLUMNS)
    assert set(table["kind"]) == {
        "median", "landmark", "hazard_ratio", "objective_response", "duration_of_response"
    }  # fmt: skip
    left_out = table[~table["built_on"]]
    assert (left_out["reason"] != "").all()
    assert table["source"].str.len().gt(5).all()


def test_gaps_of_a_small_cohort_are_put_down_to_chance_only_as_far_as_chance_goes() -> None:
    _, table = drawn("keynote_189", 800)
    rates = table[(table["kind"] == "landmark") & table["built_on"]]
    np.testing.assert_array_equal(
        rates["within"], rates["gap"].abs() <= np.maximum(0.005, 2.6 * rates["standard_error"])
    )


def test_the_ratio_of_the_population_curves_is_what_draws_vary_about() -> None:
    _, table = drawn("keynote_189", 8_000)
    ratios = table[table["kind"] == "hazard_ratio"]
    off = np.log(ratios["reproduced"].astype(float) / ratios["expected"].astype(float))
    assert (off.abs() < 4 * ratios["standard_error"]).all()
    assert not (
        np.log(ratios["reproduced"].astype(float)).abs() < 4 * ratios["standard_error"]
    ).any()  # the twin


def test_two_arms_give_cox_s_hazard_ratio_with_many_ties() -> None:
    rng = np.random.default_rng(0)
    treated = np.arange(600) < 300
    months = np.ceil(rng.exponential(10.0, 600) / np.where(treated, 0.6, 1.0))
    event = rng.random(600) < 0.8
    y, x = Surv.from_arrays(event, months), treated.astype(float)[:, None]
    fits = (CoxPHSurvivalAnalysis(ties=t).fit(x, y) for t in ("efron", "breslow"))
    efron, breslow = (math.exp(fit.coef_[0]) for fit in fits)
    assert two_arm_hazard_ratio(months, event, treated) == pytest.approx(efron, rel=1e-6)
    assert two_arm_hazard_ratio(months, event, treated) != pytest.approx(breslow, rel=1e-3)  # the twin


def test_real_patients_have_no_truth_to_be_held_against() -> None:
    frame = pd.DataFrame(
        {
            "os_months": [1.0],
            "died": [True],
            "pfs_months": [1.0],
            "progressed_or_died": [True],
            "best_response": ["PD"],
        },
        index=pd.Index(["p"], name="patient"),
    )
    plan = plan_cohort(read_cohort_spec(COHORTS / "keynote_189.yaml"))
    with pytest.raises(InputError, match="has no truth; fidelity is for simulated cohorts"):
        fidelity(Cohort("real", frame, OUTCOMES, simulated=False), plan)
