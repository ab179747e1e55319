"""Calibration: slope, index and curve, beside R and in closed form, with twins that must fail."""

import numpy as np
import pytest
from made_cohort import MONTHLY_HAZARD

from pipeline.metrics import calibration_curve, resamples
from pipeline.metrics.calibration import d_calibration_shares, risk_by, slope_within_folds
from pipeline.metrics.stopped_cox import LOWEST_RISK, Spline, StoppedCox, cloglog
from pipeline.schema import Prediction

from .judging import GOLDEN, MONTHS, flat, structured, value

# --- beside R: survival, riskRegression, Hmisc ---


def test_the_calibration_slope_of_weighted_patients_equals_r(golden):
    y, prediction = golden
    weights = np.array([GOLDEN["weights"]], dtype=float)
    got = value("calibration_slope", y, prediction, weights=weights, horizon=9.0)[0]
    assert got == pytest.approx(GOLDEN["calibration_slope_weighted"], abs=1e-6)


def test_the_slope_within_folds_of_weighted_patients_equals_r(golden):
    y, prediction = golden
    weights = np.array([GOLDEN["weights"]], dtype=float)
    got = slope_within_folds(y, prediction, 9.0, weights, np.array(GOLDEN["fold"]))[0]
    assert got == pytest.approx(GOLDEN["slope_within_folds_weighted"], abs=1e-6)


def test_the_spline_of_observed_risk_equals_r(golden):
    y, prediction = golden
    x = cloglog(1 - prediction.at(9.0))
    columns = Spline.of(x).basis(x)
    np.testing.assert_allclose(columns[:5], GOLDEN["spline_basis"], atol=1e-10)
    observed = StoppedCox.fit(y, 9.0, columns, np.ones((1, len(y)))).risk(columns)[0]
    np.testing.assert_allclose(observed[:10], GOLDEN["observed_risk"], atol=1e-6)


def test_risk_in_a_bin_equals_r(golden):
    y, _ = golden
    np.testing.assert_allclose(risk_by(y, 9.0, 0.95), GOLDEN["km_risk"], atol=1e-9)


# --- calibration ---


@pytest.fixture(scope="module")
def calibrated():
    rng = np.random.default_rng(21)
    score = rng.normal(0, 0.8, 4000)
    rate = MONTHLY_HAZARD * np.exp(score)
    died, censored = rng.exponential(1 / rate), rng.uniform(6, 40, 4000)
    y = structured(np.minimum(died, censored), died <= censored)
    return y, score, int((died <= np.minimum(censored, 12)).sum())


def exponential(score, hazard=MONTHLY_HAZARD):
    return Prediction(score, MONTHS, np.exp(-np.outer(hazard * np.exp(score), MONTHS)))


def slope_error(score, events):
    """Standard error of a log hazard ratio per unit of a score."""
    return 1 / (score.std() * np.sqrt(events))


def test_the_slope_of_the_truth_is_one(calibrated):
    y, score, events = calibrated
    assert abs(value("calibration_slope", y, exponential(score)) - 1) < 4 * slope_error(score, events)


def test_the_slope_of_the_truth_is_one_though_the_levels_of_its_folds_differ(calibrated):
    y, score, events = calibrated
    fold, ones = np.random.default_rng(4).integers(5, size=len(y)), np.ones((1, len(y)))
    level = np.linspace(-1, 1, 5)[fold]
    shifted = exponential(score + level)
    within = slope_within_folds(y, shifted, 12.0, ones, fold)[0]
    assert abs(within - 1) < 4 * slope_error(score, events)
    assert value("calibration_slope", y, shifted) < 1 - 4 * slope_error(score, events)  # the twin: pooled
    assert np.isnan(slope_within_folds(y, exponential(level), 12.0, ones, fold)).all()


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_predictions_too_extreme_or_too_timid_show_in_the_slope(factor, calibrated):
    y, score, events = calibrated
    found = value("calibration_slope", y, exponential(factor * score))
    assert abs(found - 1 / factor) < 4 * slope_error(factor * score, events)
    assert abs(found - 1) > 4 * slope_error(factor * score, events)  # the twin: the test above can fail


def test_the_slope_of_equal_predictions_is_not_defined(calibrated):
    y, *_ = calibrated
    assert np.isnan(value("calibration_slope", y, flat(len(y), 0.6)))


def test_ici_of_a_wrong_baseline_in_closed_form(calibrated):
    y, score, events = calibrated
    wrong = exponential(score, 2 * MONTHLY_HAZARD)
    true_risk = 1 - exponential(score).at(12.0)
    # Cumulative hazard doubles for all: the curve observed is the true one, up to sampling.
    want = np.mean((1 - wrong.at(12.0)) - true_risk)
    assert value("ici", y, wrong) == pytest.approx(want, abs=4 * 0.5 / np.sqrt(events))
    assert value("ici", y, exponential(score)) < 0.25 * want


def test_risks_of_zero_and_one_stay_finite(calibrated):
    y, score, _ = calibrated
    sure = Prediction(score, MONTHS, np.where(score[:, None] > 0, 0.0, 1.0) * np.ones((1, len(MONTHS))))
    assert np.isfinite(value("calibration_slope", y, sure))
    assert np.isfinite(value("ici", y, sure))
    assert cloglog(np.array([0.0]))[0] == pytest.approx(np.log(-np.log1p(-LOWEST_RISK)))


def test_few_levels_have_a_knot_each():
    levels = np.repeat([-2.0, -1.0, 0.5, 1.0], 5)
    assert Spline.of(levels).knots == (-2.0, -1.0, 0.5, 1.0)
    assert Spline.of(levels).basis(levels).shape == (20, 3)
    assert np.linalg.matrix_rank(np.column_stack([np.ones(20), Spline.of(levels).basis(levels)])) == 4
    assert Spline.of(levels[:10]).knots == ()


def test_a_spline_is_straight_outside_its_knots():
    spline = Spline.of(np.random.default_rng(0).normal(size=200))
    tail = np.linspace(spline.knots[-1], spline.knots[-1] + 5, 6)
    np.testing.assert_allclose(np.diff(spline.basis(tail), n=2, axis=0), 0, atol=1e-9)


def test_the_calibration_curve_of_the_truth_follows_the_diagonal(calibrated):
    y, score, _ = calibrated
    weights = resamples(len(y), 60, np.random.default_rng(0))
    table = calibration_curve(y, exponential(score), 12.0, weights)
    curve, bins = table[table["kind"] == "curve"], table[table["kind"] == "bin"]
    assert list(table.columns) == ["kind", "predicted", "observed", "low", "high", "patients"]
    assert ((curve["low"] <= curve["observed"]) & (curve["observed"] <= curve["high"])).all()
    np.testing.assert_allclose(curve["observed"], curve["predicted"], atol=0.06)
    assert len(bins) == 10
    assert bins["patients"].sum() == len(y)
    # Ten 95 % intervals: fewer than six holding the diagonal has a chance below 1e-4.
    assert ((bins["low"] < bins["predicted"]) & (bins["predicted"] < bins["high"])).sum() >= 6


def test_the_calibration_curve_of_a_wrong_baseline_does_not(calibrated):
    y, score, _ = calibrated
    weights = resamples(len(y), 40, np.random.default_rng(0))
    table = calibration_curve(y, exponential(score, 2 * MONTHLY_HAZARD), 12.0, weights)
    bins = table[table["kind"] == "bin"]
    assert ((bins["low"] < bins["predicted"]) & (bins["predicted"] < bins["high"])).sum() < 6


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_the_intercept_is_the_log_of_the_factor_that_hazards_are_off(factor, calibrated):
    y, score, events = calibrated
    found = value("calibration_intercept", y, exponential(score, factor * MONTHLY_HAZARD))
    assert abs(found + np.log(factor)) < 4 / np.sqrt(events)
    assert (abs(found) > 4 / np.sqrt(events)) == (factor != 1.0)  # the twin


def test_d_calibration_of_the_truth_is_chi_square_with_nine_degrees_of_freedom():
    months = np.linspace(0.2, 200, 1000)
    rng = np.random.default_rng(4)
    found = []
    for _ in range(80):
        rate = 0.05 * np.exp(rng.normal(0, 0.5, 150))
        y = structured(rng.exponential(1 / rate), np.ones(150))
        found.append(value("d_calibration", y, Prediction(rate, months, np.exp(-np.outer(rate, months)))))
    # Mean 9 and variance 18; four standard errors of a mean of 80.
    assert abs(np.mean(found) - 9) < 4 * np.sqrt(18 / 80)
    wrong = Prediction(rate, months, np.exp(-2 * np.outer(rate, months)))
    assert value("d_calibration", y, wrong) > 21.7  # 1 % of chi-square with nine degrees: the twin


def test_d_calibration_spreads_everybody_over_the_bins(calibrated):
    y, score, _ = calibrated
    shares = d_calibration_shares(y, exponential(score))
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    assert (shares >= 0).all()
