"""Scores of a probability, beside R's glm and by copies of cases."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.metrics.probability import (
    PROBABILITY_METRICS,
    calibration_in_the_large,
    calibration_slope,
    log_odds,
    probability_metrics,
    recalibration,
    weighted_auc,
)

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "probability.json").read_text())
HAPPENED = np.array(GOLDEN["happened"], dtype=bool)
PREDICTED = np.array(GOLDEN["predicted"])
WEIGHTS = np.vstack([np.ones(len(HAPPENED)), GOLDEN["weight"]])


def test_calibration_equals_r() -> None:
    odds = log_odds(PREDICTED)
    found = recalibration(HAPPENED, odds, WEIGHTS)
    np.testing.assert_allclose(found, [GOLDEN["recalibration"], GOLDEN["recalibration_weighted"]], atol=1e-8)
    large = calibration_in_the_large(HAPPENED, odds, WEIGHTS)
    np.testing.assert_allclose(large, [GOLDEN["in_the_large"], GOLDEN["in_the_large_weighted"]], atol=1e-8)
    other = recalibration(HAPPENED, 2 * odds, WEIGHTS)  # the twin: other predictions, another slope
    np.testing.assert_allclose(other[:, 1], found[:, 1] / 2, atol=1e-8)


def test_area_and_brier_score_equal_r() -> None:
    found = probability_metrics(HAPPENED, PREDICTED, np.full(len(HAPPENED), HAPPENED.mean()), WEIGHTS)
    assert set(found) == set(PROBABILITY_METRICS)
    assert found["auc"][0] == pytest.approx(GOLDEN["auc"], abs=1e-12)
    np.testing.assert_allclose(found["brier"], [GOLDEN["brier"], GOLDEN["brier_weighted"]], atol=1e-12)
    variance = HAPPENED.mean() * (1 - HAPPENED.mean())
    assert found["scaled_brier"][0] == pytest.approx(1 - GOLDEN["brier"] / variance)


def test_a_resample_is_its_copies() -> None:
    rows = np.repeat(np.arange(len(HAPPENED)), GOLDEN["weight"])
    null = np.full(len(HAPPENED), 0.4)
    fold = np.arange(len(HAPPENED)) % 3
    weighted = probability_metrics(HAPPENED, PREDICTED, null, WEIGHTS, fold)
    ones = np.ones((1, len(rows)))
    copied = probability_metrics(HAPPENED[rows], PREDICTED[rows], null[rows], ones, fold[rows])
    for name in PROBABILITY_METRICS:
        assert weighted[name][1] == pytest.approx(copied[name][0], abs=1e-9)


def test_pairs_are_compared_within_a_fold_only() -> None:
    happened, fold = np.array([1, 0, 1, 0]), np.array([0, 0, 1, 1])
    predicted = np.array([0.2, 0.1, 0.9, 0.8])
    cases, controls = happened[None] * 1.0, (1 - happened)[None] * 1.0
    assert weighted_auc(predicted, cases, controls, fold)[0] == 1
    assert weighted_auc(predicted, cases, controls)[0] == 0.75


def test_the_slope_within_folds_equals_r() -> None:
    odds, fold = log_odds(PREDICTED), np.array(GOLDEN["fold"])
    found = calibration_slope(HAPPENED, odds, WEIGHTS, fold)
    wanted = [GOLDEN["slope_within_folds"], GOLDEN["slope_within_folds_weighted"]]
    np.testing.assert_allclose(found, wanted, atol=1e-8)
    shifted = odds + 3.0 * fold  # what distinguishes the folds' levels has no say
    np.testing.assert_allclose(calibration_slope(HAPPENED, shifted, WEIGHTS, fold), wanted, atol=1e-8)


def test_a_calibrated_model_has_slope_one_though_the_levels_of_its_folds_differ() -> None:
    rng = np.random.default_rng(5)
    fold = np.repeat(np.arange(5), 800)
    score = rng.normal(0, 1, len(fold))
    level = np.linspace(-1.5, 1.5, 5)[fold]  # where fewer responded, more was predicted
    chance = 1 / (1 + np.exp(-(level + score)))
    happened, odds, ones = rng.random(len(fold)) < chance, score - level, np.ones((1, len(fold)))
    error = 1 / np.sqrt((chance * (1 - chance) * score**2).sum())
    assert abs(calibration_slope(happened, odds, ones, fold)[0] - 1) < 4 * error
    assert abs(calibration_slope(happened, odds / 2, ones, fold)[0] - 2) < 8 * error
    assert calibration_slope(happened, odds, ones)[0] < 0.5  # the twin: pooled, levels and slope are mixed


def test_folds_that_tell_nothing_of_a_slope_are_passed_over() -> None:
    odds, fold = log_odds(PREDICTED), np.array(GOLDEN["fold"])
    told = fold != 2
    without = calibration_slope(HAPPENED[told], odds[told], WEIGHTS[:, told], fold[told])
    nothing = calibration_slope(HAPPENED & told, odds, WEIGHTS, fold)
    away = calibration_slope(HAPPENED, odds, WEIGHTS * told, fold)
    np.testing.assert_allclose([nothing, away], [without, without], atol=1e-8)
    assert np.isnan(calibration_slope(HAPPENED, fold * 0.5, WEIGHTS, fold)).all()  # equal within every fold
    assert np.isfinite(calibration_slope(HAPPENED, fold * 0.5, WEIGHTS)).all()
    assert np.isnan(calibration_slope(HAPPENED & False, odds, WEIGHTS, fold)).all()


def test_what_has_no_answer_is_nan() -> None:
    ones = np.ones((1, 4))
    happened = np.array([False, False, True, True])
    assert np.isnan(recalibration(happened, np.full(4, 0.3), ones)).all()  # all predictions equal
    assert np.isnan(recalibration(happened, np.array([-2.0, -1, 1, 2]), ones)).all()  # no error
    assert np.isnan(weighted_auc(np.arange(4.0), 0 * ones, ones)[0])  # nothing happened
    assert np.isnan(calibration_in_the_large(np.zeros(4, dtype=bool), np.arange(4.0), ones)[0])


def test_sure_predictions_have_finite_log_odds() -> None:
    assert np.isfinite(log_odds(np.array([0.0, 1.0]))).all()
