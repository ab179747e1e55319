"""The treatment-by-score interaction against lifelines, and effects by group against their definitions."""

import numpy as np
import pytest
from lifelines import CoxPHFitter, KaplanMeierFitter

from pipeline.benefit import benefit_by_score, treatment_interaction

from .randomised_patients import STRONG, drawn


def test_it_is_lifelines_cox_with_a_product():
    cohort, y, treated = drawn(300, 1, *STRONG)
    score = cohort.observed["second"].to_numpy()
    table = cohort.observed[["os_months", "died"]].assign(
        treated=treated.astype(float), z=(score - score.mean()) / score.std()
    )
    table["product"] = table["treated"] * table["z"]
    expected = CoxPHFitter().fit(table, "os_months", "died", fit_options={"precision": 1e-10})
    found = treatment_interaction(y, treated, score)
    limits = np.exp(expected.confidence_intervals_.to_numpy())
    for name, term, row in (("prognostic", "z", 1), ("interaction", "product", 2)):
        assert found[name] == pytest.approx(np.exp(expected.params_[term]), abs=1e-6)
        assert [found[f"{name}_low"], found[f"{name}_high"]] == pytest.approx(limits[row], abs=1e-6)
    assert found["p"] == pytest.approx(expected.summary.loc["product", "p"], abs=1e-6)


def test_a_predictive_marker_is_told_from_a_prognostic_one():
    cohort, y, treated = drawn(2000, 2, *STRONG)
    predictive = treatment_interaction(y, treated, cohort.observed["second"].to_numpy())
    prognostic = treatment_interaction(y, treated, cohort.observed["first"].to_numpy())
    assert predictive["interaction_high"] < 0.7
    assert prognostic["prognostic_low"] > 1.4
    assert prognostic["interaction_low"] < 1 < prognostic["interaction_high"]


def test_unknown_scores_are_left_out_and_constant_ones_say_nothing():
    cohort, y, treated = drawn(200, 3)
    score = cohort.observed["first"].to_numpy().copy()
    score[:50] = np.nan
    assert treatment_interaction(y, treated, score) == treatment_interaction(y[50:], treated[50:], score[50:])
    assert set(treatment_interaction(y, treated, np.ones(200))) == {"patients", "events"}


def test_groups_are_compared_by_kaplan_meier():
    _, y, treated = drawn(400, 4, *STRONG)
    group = np.repeat([0, 1, -1], [150, 150, 100])
    table = benefit_by_score(y, treated, group, 12.0, 100, 0.95, np.random.default_rng(0))
    assert table["patients"].tolist() == [150, 150]
    at = []
    for side in (True, False):
        rows = (group == 0) & (treated == side)
        at.append(KaplanMeierFitter().fit(y["time"][rows], y["event"][rows]).predict(12.0))
    row = table.iloc[0]
    assert row["survival_difference"] == pytest.approx(at[0] - at[1], abs=1e-9)
    assert row["survival_difference_low"] < row["survival_difference"] < row["survival_difference_high"]
    assert row["hazard_ratio_low"] < row["hazard_ratio"] < row["hazard_ratio_high"]


def test_a_group_with_one_arm_has_no_effect():
    _, y, treated = drawn(100, 5)
    group = np.where(treated, 0, -1)
    table = benefit_by_score(y, treated, group, 12.0, 20, 0.95, np.random.default_rng(0))
    assert list(table) == ["group", "patients", "events"]
