"""Every measure of benefit beside R, whose script is `tests/golden/benefit.R`, and by hand."""

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.benefit import benefit_by_score, c_for_benefit, pseudo_observations, qini, treatment_interaction
from pipeline.benefit.measures import ranks_within

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "benefit.json").read_text())
TREATED, SCORE, RANK = np.array(GOLDEN["treated"]) == 1, np.array(GOLDEN["score"]), np.array(GOLDEN["rank"])
HALF = np.array(GOLDEN["score"]) < np.median(GOLDEN["score"])
HORIZON = 12.0


@pytest.fixture(scope="module")
def y():
    out = np.empty(len(GOLDEN["time"]), dtype=[("event", bool), ("time", float)])
    out["event"], out["time"] = np.array(GOLDEN["event"]) == 1, GOLDEN["time"]
    return out


def test_the_interaction_equals_coxph(y):
    found, r = treatment_interaction(y, TREATED, SCORE), GOLDEN["interaction"]
    for name, k in (("prognostic", 1), ("interaction", 2)):
        assert found[name] == pytest.approx(np.exp(r["coefficients"][k]), abs=1e-9)
        assert [found[f"{name}_low"], found[f"{name}_high"]] == pytest.approx(r["limits"][k], abs=1e-9)
    assert [found["z"], found["p"]] == pytest.approx([r["z"], r["p"]], abs=1e-9)


@pytest.mark.parametrize("quantity", ["survival", "rmst"])
def test_pseudo_observations_equal_the_jackknife_of_r(quantity, y):
    for rows in (TREATED, ~TREATED):
        found = pseudo_observations(y[rows], HORIZON, quantity)
        np.testing.assert_allclose(found, np.array(GOLDEN[f"pseudo_{quantity}"])[rows], atol=1e-9)


def test_ranks_equal_r():
    found = ranks_within(np.array(GOLDEN["predicted"]), np.zeros(len(RANK), int))
    np.testing.assert_allclose(found, RANK, atol=1e-12)


def test_c_for_benefit_of_two_values_is_the_published_one_by_hmisc():
    found = c_for_benefit(RANK, TREATED, np.array(GOLDEN["free"], dtype=float))
    assert found.value == pytest.approx(GOLDEN["c_two_values"], abs=1e-12)


def test_c_for_benefit_equals_every_couple_of_pairs_counted_in_r():
    found = c_for_benefit(RANK, TREATED, np.array(GOLDEN["pseudo_survival"]))
    assert found.value == pytest.approx(GOLDEN["c_for_benefit"], abs=1e-12)
    assert found.error == pytest.approx(GOLDEN["c_error"], abs=1e-6)  # by difference quotients
    assert abs(found.value - 0.5) > 0.01


def test_qini_equals_r():
    found = qini(RANK, TREATED, np.array(GOLDEN["pseudo_survival"]))
    assert found.value == pytest.approx(GOLDEN["qini"], abs=1e-12)
    assert found.error == pytest.approx(GOLDEN["qini_error"], abs=1e-12)


def test_qini_by_hand():
    # Two of each arm, treated first and third in the predicted order. Means 2 and 1, so the centre is 1.5
    # and gains are 2 (3 - 1.5) = 3, -2 (2 - 1.5) = -1, 2 (1 - 1.5) = -1, -2 (0 - 1.5) = 3: mean 1.
    rank = np.array([0.875, 0.625, 0.375, 0.125])
    treated, values = np.array([True, False, True, False]), np.array([3.0, 2.0, 1.0, 0.0])
    # Ranks less their mean: 3/8, 1/8, -1/8, -3/8; gains less theirs: 2, -2, -2, 2. 6/8 - 2/8 + 2/8 - 6/8 = 0.
    assert qini(rank, treated, values).value == 0
    # Patients 2 and 3 change places: nothing changes, as their gains are alike. Patients 1 and 2:
    # 1/8 x 2, 3/8 x -2, -1/8 x -2, -3/8 x 2, in all -1, a quarter of it a patient.
    assert qini(rank[[0, 2, 1, 3]], treated, values).value == 0
    assert qini(rank[[1, 0, 2, 3]], treated, values).value == -0.25


def test_the_effect_in_a_group_equals_r(y):
    group = np.where(HALF, 0, -1)
    table = benefit_by_score(y, TREATED, group, HORIZON, 20, 0.95, np.random.default_rng(0))
    row, r = table.iloc[0], GOLDEN["half"]
    for name in ("survival_difference", "rmst_difference"):
        assert row[name] == pytest.approx(r[name], abs=1e-12)
    found = row[["hazard_ratio", "hazard_ratio_low", "hazard_ratio_high"]].tolist()
    assert found == pytest.approx([r["hazard_ratio"], *r["limits"]], abs=1e-9)
