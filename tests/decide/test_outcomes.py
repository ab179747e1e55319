"""Event times under changed hazards: closed forms, and a twin that must fail."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.decide import Clock, Where, months_under
from pipeline.decide.outcomes import in_state

from .made_world import CONTROL, HORIZON, TREATED, made_world


def constant(patients: int, hazard: float) -> Clock:
    months = np.concatenate([np.arange(0, 60.1, 0.1), np.geomspace(61, 2400, 40)])
    return Clock(months, hazard * np.tile(months, (patients, 1)))


def restricted_mean(hazard: float, start: float, ratio: float, horizon: float) -> float:
    """Months event-free up to the horizon when the hazard is multiplied from `start` on."""
    first = (1 - np.exp(-hazard * start)) / hazard
    later = (1 - np.exp(-ratio * hazard * (horizon - start))) / (ratio * hazard)
    return float(first + np.exp(-hazard * start) * later)


def gap(ratio_played: float, ratio_expected: float) -> float:
    """How many standard errors the played mean is from the closed form."""
    n, start = 20_000, 6.0
    level = np.random.default_rng(3).exponential(size=n)
    clock = constant(n, 0.05)
    starts, factors = np.full((n, 2), [start, np.inf]), np.full((n, 2), [ratio_played, 1.0])
    played = np.minimum(months_under(clock, level, starts, factors), 36.0)
    expected = restricted_mean(0.05, start, ratio_expected, 36.0)
    return abs(played.mean() - expected) / (played.std() / np.sqrt(n))


def test_a_changed_hazard_gives_the_mean_of_the_closed_form() -> None:
    assert gap(0.5, 0.5) < 4


def test_the_test_above_can_fail() -> None:
    assert gap(0.5, 0.6) > 4


def test_an_effect_that_ends_leaves_the_hazard_as_it_was() -> None:
    level = np.array([0.5, 2.0, 5.0])
    starts = np.tile([[10.0, 20.0]], (3, 1))
    factors = np.tile([[0.5, 2.0]], (3, 1))
    # hazard 0.1: reaches 1 at ten months, 1.5 at twenty, then 0.1 a month again
    expected = [5.0, 25.0, 55.0]
    np.testing.assert_allclose(months_under(constant(3, 0.1), level, starts, factors), expected, atol=1e-6)


def test_order_of_changes_in_the_input_does_not_matter() -> None:
    level = np.array([3.0])
    one = months_under(constant(1, 0.1), level, np.array([[4.0, 9.0]]), np.array([[0.5, 3.0]]))
    other = months_under(constant(1, 0.1), level, np.array([[9.0, 4.0]]), np.array([[3.0, 0.5]]))
    np.testing.assert_allclose(one, other)


def test_the_same_arm_gives_back_the_drawn_event_and_another_its_own_law() -> None:
    cohort = made_world(4000, 1)
    assert cohort.truth is not None
    patients = cohort.observed.index[(cohort.observed["arm"] == TREATED).to_numpy()]
    drawn = cohort.truth.patients.loc[patients, "pfs_event_months"].to_numpy(dtype=float)
    own = Clock.of(cohort.truth, patients, TREATED, "pfs", HORIZON)
    np.testing.assert_allclose(own.inverse(own.at(drawn)), drawn, rtol=2e-3, atol=1e-3)
    other = Clock.of(cohort.truth, patients, CONTROL, "pfs", HORIZON)
    moved = other.inverse(own.at(drawn))
    assert (moved < drawn + 1e-6).all()
    free = (moved > 24).mean()
    truth = cohort.truth.survival("pfs", np.array([24.0]), patients, arm=CONTROL)[:, 0].mean()
    assert abs(free - truth) < 4 * np.sqrt(truth * (1 - truth) / len(patients))
    wrong = cohort.truth.survival("pfs", np.array([24.0]), patients, arm=TREATED)[:, 0].mean()
    assert abs(free - wrong) > 4 * np.sqrt(wrong * (1 - wrong) / len(patients))


def test_a_true_state_is_that_of_the_latest_visit_by_then() -> None:
    cohort = made_world(60, 2)
    assert cohort.truth is not None
    assert cohort.truth.visits is not None
    patients = cohort.observed.index[:20]
    months = np.full(20, 7.4)
    found = in_state(Where(column="signal", at_least=0.5), cohort.truth, patients, months)
    visits = cohort.truth.visits
    for patient, inside in zip(patients, found, strict=True):
        mine = visits[(visits["patient"] == patient) & (visits["months"] <= 7.4)]
        assert inside == (mine["signal"].iloc[-1] >= 0.5)
    state = in_state(Where(column="state", equals=("dies",)), cohort.truth, patients, months)
    assert (state == (cohort.truth.patients.loc[patients, "state"] == "dies").to_numpy()).all()
    soon = in_state(Where(column="os_event_months", within_months=6), cohort.truth, patients, months)
    death = cohort.truth.patients.loc[patients, "os_event_months"]
    assert (soon == (death <= 13.4).to_numpy()).all()
    assert 0 < soon.sum() < 20
    with pytest.raises(ValueError, match="exactly one"):
        Where(column="signal")
    with pytest.raises(ValueError, match="exactly one"):
        Where(column="os_event_months", within_months=6, below=3)
