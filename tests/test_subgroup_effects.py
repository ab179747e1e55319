"""How departures of subgroups are learnt, shrunk and judged."""

from __future__ import annotations

import numpy as np
import pytest

from synthetic_data.evidence import load_register
from synthetic_data.subgroup_effects import Departures, _weight, calibration, learn, related_trials


def made(
    weight: float, noise: float = 0.1, between: float = 0.0, unexplained: float = 0.0, seed: int = 0
) -> Departures:
    """Twenty trials of six subgroups whose departures are the studies' times a weight."""
    rng = np.random.default_rng(seed)
    studies = rng.normal(0, 0.3, 120)
    weights = np.repeat(weight + between * rng.standard_normal(20), 6)
    departure = weights * studies + rng.normal(0, np.hypot(noise, unexplained), 120)
    return Departures(tuple(f"t{i // 6}" for i in range(120)), studies, departure, np.full(120, noise**2))


def test_the_weight_that_departures_follow_is_found_again() -> None:
    effects = learn(made(0.8))
    assert abs(effects.weight - 0.8) < 4 * effects.weight_error
    assert effects.weight_error < 0.06
    assert effects.trials == 20
    assert effects.readouts == 120


def test_without_any_effect_nothing_departs() -> None:
    """The twin: departures that are chance alone are predicted to be next to nothing."""
    known = made(0.0)
    effects = learn(known)
    assert abs(effects.weight) < 4 * effects.weight_error
    assert np.abs(effects.departure(known.studies)).max() < 0.1


def test_without_readouts_every_subgroup_equals_its_trial() -> None:
    effects = learn(Departures((), np.zeros(0), np.zeros(0), np.zeros(0)))
    assert (effects.departure(np.ones(3)) == 0).all()


def test_the_weight_is_that_of_a_ridge_in_closed_form() -> None:
    """Two trials of one subgroup that agree: nothing between trials, and prior variance 1."""
    known = Departures(("a", "b"), np.array([1.0, 1.0]), np.array([0.2, 0.3]), np.array([0.1, 0.4]))
    effects = learn(known)
    assert (effects.between_trials, effects.unexplained) == (0.0, 0.0)
    precision = 1 / 0.1 + 1 / 0.4 + 1
    assert effects.weight == pytest.approx((0.2 / 0.1 + 0.3 / 0.4) / precision)
    assert effects.weight_error == pytest.approx(precision**-0.5)


def test_the_likelihood_is_that_of_the_whole_covariance() -> None:
    """Against the dense normal density, which the closed form by trial must equal up to a constant."""
    known = made(0.8, between=0.5, unexplained=0.1)
    same = np.equal.outer(known.trials, known.trials)
    outer = np.outer(known.studies, known.studies)
    apart = []
    for between, unexplained in ((0.0, 0.0), (0.5, 0.1), (1.3, 0.25)):
        covariance = np.diag(known.variance + unexplained**2) + (between**2 * same + 1.0) * outer
        _, log_determinant = np.linalg.slogdet(covariance)
        dense = log_determinant + known.departure @ np.linalg.solve(covariance, known.departure)
        apart.append(_weight(known, between, unexplained)[2] - dense)
    assert np.allclose(apart, 0.0, atol=1e-8)


def test_spreads_are_found_again_and_absent_where_there_are_none() -> None:
    found = [learn(made(0.8, between=0.6, unexplained=0.2, seed=s)) for s in range(10)]
    assert np.mean([e.between_trials for e in found]) == pytest.approx(0.6, abs=0.15)
    assert np.mean([e.unexplained for e in found]) == pytest.approx(0.2, abs=0.04)
    without = [learn(made(0.8, seed=s)) for s in range(10)]
    assert np.mean([e.between_trials for e in without]) < 0.1
    assert np.mean([e.unexplained for e in without]) < 0.04


def test_a_prediction_for_a_new_trial_is_as_far_off_as_it_says() -> None:
    squares = []
    for seed in range(40):
        known = made(0.8, between=0.6, unexplained=0.2, seed=seed)
        effects = learn(known.without(frozenset({"t0"})))
        new = np.array([t == "t0" for t in known.trials])
        error = np.hypot(effects.standard_error(known.studies[new]), 0.1)
        squares.append(np.mean(((known.departure - effects.departure(known.studies))[new] / error) ** 2))
    assert np.mean(squares) == pytest.approx(1.0, abs=0.25)


def test_a_subgroup_that_does_not_differ_is_predicted_without_error() -> None:
    effects = learn(made(0.8, between=0.6, unexplained=0.2))
    assert effects.standard_error(np.zeros(1))[0] == 0
    assert effects.standard_error(np.ones(1))[0] > 0


def test_calibration_finds_the_slope_and_doubles_it_for_halved_predictions() -> None:
    known = made(0.8, noise=0.05)
    predicted = 0.8 * known.studies
    line = calibration(known.departure, predicted, known.variance, known.trials)
    assert line["low"] < 1 < line["high"]
    assert line["low"] > 0.8
    halved = calibration(known.departure, predicted / 2, known.variance, known.trials)
    assert halved["slope"] == pytest.approx(2 * line["slope"])
    assert halved["low"] > 1  # the twin: predictions that are half too small do not hold 1


def test_calibration_interval_covers_one_as_often_as_it_says() -> None:
    held = 0
    for seed in range(200):
        known = made(0.8, noise=0.2, seed=seed)
        line = calibration(known.departure, 0.8 * known.studies, known.variance, known.trials)
        held += line["low"] < 1 < line["high"]
    assert held >= 200 * 0.95 - 3 * np.sqrt(200 * 0.95 * 0.05)


def test_nothing_predicted_has_no_slope() -> None:
    known = made(0.8)
    assert np.isnan(calibration(known.departure, np.zeros(120), known.variance, known.trials)["slope"])


def test_a_pool_and_its_trials_are_left_out_together() -> None:
    register = load_register()
    pool = related_trials(register, "CheckMate-057")
    assert {"CheckMate-057", "CheckMate-017-057-POOLED"} <= pool
    assert "CheckMate-057" in related_trials(register, "CheckMate-017-057-POOLED")
    assert "OAK" not in pool
    assert related_trials(register, "MYSTIC") == {"MYSTIC"}
