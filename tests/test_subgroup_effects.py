"""How departures of subgroups are learnt, shrunk and judged."""

from __future__ import annotations

import numpy as np
import pytest

from synthetic_data.evidence import load_register
from synthetic_data.subgroup_effects import (
    TERMS,
    Departures,
    calibration,
    learn,
    paule_mandel,
    related_trials,
)


def made(
    coefficient: float, male: float = 0.0, noise: float = 0.1, between: float = 0.0, seed: int = 0
) -> Departures:
    """Twenty trials of six subgroups whose departures follow the given coefficients."""
    rng = np.random.default_rng(seed)
    design = np.zeros((120, len(TERMS)))
    design[:, 0] = rng.normal(0, 0.3, 120)
    design[:, TERMS.index("male")] = rng.choice([-0.5, 0.5], 120)
    truth = coefficient * design[:, 0] + male * design[:, TERMS.index("male")]
    variance = np.full(120, noise**2)
    departure = truth + rng.normal(0, np.hypot(noise, between), 120)
    return Departures(tuple(f"t{i // 6}" for i in range(120)), design, departure, variance)


def test_what_departures_follow_is_found_again() -> None:
    effects = learn(made(0.8, male=0.4))
    named = effects.named()
    error = np.sqrt(np.diag(effects.covariance))
    assert abs(named["studies"] - 0.8) < 4 * error[0]
    assert named["male"] == pytest.approx(0.4, abs=0.12)
    assert effects.spread > 0
    assert effects.trials == 20


def test_without_any_effect_nothing_departs() -> None:
    """The twin: departures that are chance alone are predicted to be next to nothing."""
    known = made(0.0)
    effects = learn(known)
    assert np.abs(effects.departure(known.design)).max() < 0.06
    assert effects.spread <= 0.05


def test_without_readouts_every_subgroup_equals_its_trial() -> None:
    nothing = Departures((), np.zeros((0, len(TERMS))), np.zeros(0), np.zeros(0))
    effects = learn(nothing)
    assert (effects.departure(np.ones((3, len(TERMS)))) == 0).all()


def test_the_mean_is_weighted_by_precision_in_closed_form() -> None:
    """One term and no heterogeneity: ridge regression with prior variance 1."""
    design = np.zeros((2, len(TERMS)))
    design[:, 0] = [1.0, 1.0]
    known = Departures(("a", "b"), design, np.array([0.2, 0.3]), np.array([0.1, 0.4]))
    effects = learn(known)
    assert effects.heterogeneity == 0.0
    wanted = (0.2 / 0.1 + 0.3 / 0.4) / (1 / 0.1 + 1 / 0.4 + 1)
    assert effects.named()["studies"] == pytest.approx(wanted)
    assert effects.covariance[0, 0] == pytest.approx(1 / (1 / 0.1 + 1 / 0.4 + 1))


def test_heterogeneity_is_found_again_and_absent_where_there_is_none() -> None:
    assert np.sqrt(paule_mandel(made(0.8, between=0.3), 0.0)) == pytest.approx(0.3, abs=0.07)
    assert paule_mandel(made(0.8, between=0.0, seed=1), 0.0) < 0.1**2


def test_a_subgroup_that_does_not_differ_is_predicted_without_error() -> None:
    effects = learn(made(0.8))
    assert effects.standard_error(np.zeros((1, len(TERMS))))[0] == 0
    assert effects.standard_error(made(0.8).design[:1])[0] > 0


def test_calibration_finds_the_slope_and_doubles_it_for_halved_predictions() -> None:
    known = made(0.8, noise=0.05)
    predicted = 0.8 * known.design[:, 0]
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
        line = calibration(known.departure, 0.8 * known.design[:, 0], known.variance, known.trials)
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
