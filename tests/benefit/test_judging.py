"""Benefit judged on patients not learnt from: the truth comes first, and prognosis is no benefit."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.benefit import benefit_curve, benefit_groups, judge_benefit, qini, sequential_benefit

from .randomised_patients import QUESTION, STRONG, drawn


@pytest.fixture(scope="module")
def scores():
    cohort, _, _ = drawn(1200, 7, *STRONG)
    return sequential_benefit(cohort, QUESTION, ["t_learner", "s_learner"], 4, np.random.default_rng(0))


def test_measures_put_the_truth_first_and_who_cannot_see_it_last(scores):
    table = judge_benefit(scores).set_index(["measure", "learner"])
    for measure, sign in (("qini", 1), ("c_for_benefit", 1), ("interaction", -1)):
        value = sign * table.loc[measure, "value"]
        assert value["truth"] > value["t_learner"] - 0.01
        assert value["t_learner"] > value["s_learner"]
        assert value["t_learner"] > value["control_risk"]
    assert table.loc[("qini", "truth"), "low"] > 0
    assert table.loc[("qini", "truth"), "error"] == 0
    assert np.isnan(table.loc[("qini", "control_risk"), "error"])
    assert table.loc[("qini", "t_learner"), "correlation"] > 0.7


def test_patients_are_predicted_without_their_outcome(scores):
    cohort, _, _ = drawn(1200, 7, *STRONG)

    def after_halving(patient):
        turned = cohort.observed.copy()
        turned.loc[patient, "os_months"] /= 2
        turned = replace(cohort, observed=turned)
        return sequential_benefit(turned, QUESTION, ["t_learner"], 4, np.random.default_rng(0))

    # Folds do not depend on months of follow-up: one's own months change nothing for oneself ...
    judged = scores.cohort.observed.index
    assert after_halving(judged[0]).benefit["t_learner"][0] == scores.benefit["t_learner"][0]
    # ... and those of a patient learnt from do.
    taught = cohort.observed.index.difference(judged)[0]
    assert not np.allclose(after_halving(taught).benefit["t_learner"], scores.benefit["t_learner"])
    assert len(judged) == 600


def test_groups_hold_everybody_and_rise_with_the_true_benefit(scores):
    table = benefit_groups(scores, 3, 20, 0.95, np.random.default_rng(1))
    true = table[table["learner"] == "truth"]
    assert true["patients"].tolist() == [200, 200, 200]
    assert true["predicted"].is_monotonic_increasing
    assert true["survival_difference"].is_monotonic_increasing
    assert true["hazard_ratio"].is_monotonic_decreasing


def test_the_curve_starts_at_nothing_and_ends_at_the_average_effect(scores):
    curve = benefit_curve(scores)
    values, treated = scores.values(), scores.treated
    effect = values[treated].mean() - values[~treated].mean()
    for _, part in curve.groupby("learner"):
        assert part["gain"].iloc[0] == 0
        assert part["gain"].iloc[-1] == pytest.approx(effect)
    true = curve[curve["learner"] == "truth"]
    area = np.trapezoid(true["gain"] - true["share"] * effect, true["share"])
    assert area == pytest.approx(qini(scores.rank["truth"], treated, values).value, abs=0.01)
