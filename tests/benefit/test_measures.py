"""Qini and C-for-benefit: closed forms, chance, bounds, and intervals that hold."""

import numpy as np
import pytest

from pipeline.benefit import c_for_benefit, qini
from pipeline.benefit.measures import gains, ranks_within


def randomised(patients, seed, slope=0.0):
    rng = np.random.default_rng(seed)
    rank = (rng.permutation(patients) + 0.5) / patients
    treated = rng.random(patients) < 0.5
    return rank, treated, rng.normal(size=patients) + treated * slope * rank


def test_qini_is_the_area_between_the_benefit_curve_and_its_chord():
    rank, treated, values = randomised(400, 1, slope=2.0)
    gained = gains(treated, values)[np.argsort(-rank)]
    curve = np.concatenate([[0.0], np.cumsum(gained) / len(gained)])
    shares = np.linspace(0, 1, len(curve))
    area = np.trapezoid(curve - shares * curve[-1], shares)
    assert qini(rank, treated, values).value == pytest.approx(area, abs=1e-9)


def test_qini_finds_the_covariance_of_rank_and_effect():
    rank, treated, values = randomised(20_000, 2, slope=3.0)
    found = qini(rank, treated, values)
    assert abs(found.value - 3 / 12) < 4 * found.error  # the variance of a uniform rank is 1/12
    assert found.low > 0


@pytest.mark.parametrize(("measure", "nothing"), [(qini, 0.0), (c_for_benefit, 0.5)])
def test_intervals_hold_where_ranks_say_nothing(measure, nothing):
    found = [measure(*randomised(200, 100 + k)) for k in range(400)]
    covered = np.mean([e.low <= nothing <= e.high for e in found])
    assert 0.92 < covered < 0.98  # 95 % and three standard errors
    errors = np.array([e.error for e in found])
    assert np.std([e.value for e in found]) == pytest.approx(errors.mean(), rel=0.12)


def test_c_for_benefit_reaches_its_bounds_and_half():
    rank = np.repeat((np.arange(50) + 0.5) / 50, 2)
    treated = np.tile([True, False], 50)
    values = np.where(treated, rank, 0.0)
    assert c_for_benefit(rank, treated, values).value == 1
    assert c_for_benefit(1 - rank, treated, values).value == 0
    assert c_for_benefit(np.full(100, 0.5), treated, values).value == 0.5
    assert np.isnan(c_for_benefit(rank, treated, np.zeros(100)).value)


def test_effects_alike_for_all_give_no_qini():
    rank, treated, values = randomised(5000, 3)
    shifted = qini(rank, treated, values + 4.0 * treated)
    assert abs(shifted.value) < 4 * shifted.error
    assert gains(treated, values + 4.0 * treated).mean() == pytest.approx(
        4 + values[treated].mean() - values[~treated].mean()
    )


def test_ranks_are_taken_within_folds():
    ranks = ranks_within(np.array([1.0, 2.0, 30.0, 20.0]), np.array([0, 0, 1, 1]))
    assert ranks.tolist() == [0.25, 0.75, 0.75, 0.25]
    assert ranks_within(np.full(6, 7.0), np.zeros(6, int)).tolist() == [0.5] * 6


def test_prognosis_is_not_taken_for_benefit_under_censoring():
    """Event-free patients and others tie almost, in another way in either arm: such ties must not count."""
    rng = np.random.default_rng(5)
    found = []
    for _ in range(30):
        rank = (rng.permutation(300) + 0.5) / 300
        treated = rng.permutation(300) < 150
        free = rng.random(300) < 0.2 + 0.6 * rank
        values = np.where(treated, np.where(free, 1.02, 0.0), np.where(free, 1.0, 0.02))
        found.append(c_for_benefit(rank, treated, values).value)
    assert abs(np.mean(found) - 0.5) < 0.02
