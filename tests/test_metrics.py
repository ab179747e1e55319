"""Metrics: the contract over the registry, R and other libraries, closed forms, and twins that must fail."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_cohort import HORIZONS, MONTHLY_HAZARD, context_of, made_cohort

from pipeline.metrics import METRICS, calibration_curve, interval, resamples, roc_curve_at
from pipeline.metrics.brier import brier_curve
from pipeline.metrics.calibration import risk_by
from pipeline.metrics.censoring import Censoring
from pipeline.metrics.discrimination import concordance
from pipeline.metrics.stopped_cox import LOWEST_RISK, Spline, StoppedCox, cloglog
from pipeline.models import build_model, null_prediction
from pipeline.schema import Prediction, outcome

GOLDEN = json.loads((Path(__file__).parent / "golden" / "metrics.json").read_text())
MONTHS = np.arange(1.0, 18.1)
ALL = sorted(METRICS)
RANKING = sorted(name for name, metric in METRICS.items() if metric.within_fold)


def structured(months, event):
    y = np.empty(len(months), dtype=[("event", bool), ("time", float)])
    y["event"], y["time"] = np.asarray(event) == 1, months
    return y


def flat(patients, survival, months=MONTHS):
    """The same curve for everybody."""
    return Prediction(np.zeros(patients), months, np.full((patients, len(months)), survival))


@pytest.fixture(scope="module")
def golden():
    y = structured(GOLDEN["time"], GOLDEN["event"])
    months = np.array(GOLDEN["months"], dtype=float)
    return y, Prediction(np.array(GOLDEN["risk"], dtype=float), months, np.array(GOLDEN["survival"]))


@pytest.fixture(scope="module")
def judged():
    """Outcome, the oracle's prediction and the null curve of 500 patients."""
    cohort = made_cohort(500, seed=5)
    y = outcome(cohort.observed, "os")
    prediction = build_model("oracle", context_of(cohort)).predict(cohort.observed, MONTHS)
    return y, prediction, null_prediction(y["time"], y["event"], len(y), MONTHS)


def value(name, y, prediction, null=None, weights=None, horizon=12.0):
    metric = METRICS[name]
    got = metric(y, prediction, null or prediction, horizon if metric.by_horizon else None, weights)
    return got if weights is not None else float(got[0])


# --- the contract over the registry ---


@pytest.mark.parametrize("name", ALL)
def test_the_truth_is_better_than_the_truth_shuffled(name, judged):
    y, prediction, null = judged
    mixed = prediction.take(np.random.default_rng(0).permutation(len(y)))
    metric = METRICS[name]
    truth, shuffled = (metric.goodness(value(name, y, p, null)) for p in (prediction, mixed))
    assert truth > shuffled


@pytest.mark.parametrize("name", ALL)
def test_row_order_is_irrelevant(name, judged):
    y, prediction, null = judged
    order = np.random.default_rng(1).permutation(len(y))
    assert value(name, y[order], prediction.take(order), null) == pytest.approx(
        value(name, y, prediction, null), abs=1e-9
    )


@pytest.mark.parametrize("name", ALL)
def test_finite_under_heavy_censoring(name):
    cohort = made_cohort(400, seed=6, follow_up=(0.5, 16))
    y = outcome(cohort.observed, "os")
    assert y["event"].mean() < 0.3
    months = np.arange(1.0, 13.0)
    prediction = build_model("oracle", context_of(cohort)).predict(cohort.observed, months)
    null = null_prediction(y["time"], y["event"], len(y), months)
    weights = resamples(len(y), 20, np.random.default_rng(0))
    assert np.isfinite(value(name, y, prediction, null, weights, horizon=9.0)).all()


@pytest.mark.parametrize("name", ALL)
def test_a_weight_of_two_is_a_patient_entered_twice(name, judged):
    y, prediction, null = judged
    weights = resamples(len(y), 1, np.random.default_rng(2))
    rows = np.repeat(np.arange(len(y)), weights[1].astype(int))
    assert 0 in weights[1]
    twice = value(name, y[rows], prediction.take(rows), null.take(rows))
    if name == "ici":  # its knots are those of the sample itself, so the curve differs a little
        assert value(name, y, prediction, null, weights)[1] == pytest.approx(twice, abs=2e-3)
    else:
        assert value(name, y, prediction, null, weights)[1] == pytest.approx(twice, abs=1e-6)


@pytest.mark.parametrize("name", ALL)
def test_resamples_at_once_equal_resamples_one_by_one(name, judged):
    y, prediction, null = judged
    weights = resamples(len(y), 4, np.random.default_rng(3))
    together = value(name, y, prediction, null, weights)
    alone = [value(name, y, prediction, null, row[None])[0] for row in weights]
    np.testing.assert_allclose(together, alone, atol=1e-6)


@pytest.mark.parametrize("name", ALL)
def test_a_horizon_is_asked_for_where_one_belongs(name, judged):
    y, prediction, null = judged
    with pytest.raises(ValueError, match=r"takes (a|no) horizon"):
        METRICS[name](y, prediction, null, None if METRICS[name].by_horizon else 12.0)


@pytest.mark.parametrize("name", RANKING)
def test_ranking_ignores_the_scale_of_the_prediction(name, judged):
    y, p, null = judged
    bent = Prediction(np.exp(p.risk / 3), p.months, p.survival**3)
    assert value(name, y, bent, null) == pytest.approx(value(name, y, p, null), abs=1e-12)


@pytest.mark.parametrize("name", RANKING)
def test_equal_predictions_rank_at_one_half(name, judged):
    y, _, null = judged
    assert value(name, y, flat(len(y), 0.5), null) == pytest.approx(0.5, abs=1e-12)


@pytest.mark.parametrize("name", RANKING)
def test_the_order_reversed_mirrors_the_value(name, judged):
    y, p, null = judged
    back = Prediction(-p.risk, p.months, 1 - p.survival)
    assert value(name, y, back, null) == pytest.approx(1 - value(name, y, p, null), abs=1e-12)


def test_lengths_must_agree(judged):
    y, prediction, null = judged
    with pytest.raises(ValueError, match=r"of the same patients\. Got 499, 500 and 500"):
        METRICS["harrell_c"](y[1:], prediction, null)


# --- beside R: survival, riskRegression, Hmisc ---


def test_harrell_c_equals_r(golden):
    y, prediction = golden
    assert value("harrell_c", y, prediction) == pytest.approx(GOLDEN["harrell_c"], abs=1e-12)
    weights = np.array([GOLDEN["weights"]], dtype=float)
    got = value("harrell_c", y, prediction, weights=weights)[0]
    assert got == pytest.approx(GOLDEN["harrell_c_weighted"], abs=1e-12)


def test_uno_c_equals_r(golden):
    y, prediction = golden
    untruncated = Prediction(prediction.risk, np.array([1e9]), prediction.survival[:, :1])
    assert value("uno_c", y, untruncated) == pytest.approx(GOLDEN["uno_c_untruncated"], abs=1e-12)
    assert abs(value("uno_c", y, untruncated) - GOLDEN["harrell_c"]) > 0.01  # or the test shows nothing


@pytest.mark.parametrize("k", range(5))
def test_auc_and_brier_equal_r(k, golden):
    y, prediction = golden
    h = float(prediction.months[k])
    assert value("auc", y, prediction, horizon=h) == pytest.approx(GOLDEN["auc"][k], abs=1e-12)
    assert value("brier", y, prediction, horizon=h) == pytest.approx(GOLDEN["brier"][k], abs=1e-12)
    null = null_prediction(y["time"], y["event"], len(y), prediction.months)
    ratio = 1 - GOLDEN["brier"][k] / GOLDEN["brier_null"][k]
    assert value("scaled_brier", y, prediction, null, horizon=h) == pytest.approx(ratio, abs=1e-12)


def test_ibs_is_the_trapezoid_of_r_s_brier_scores(golden):
    y, prediction = golden
    mean = np.trapezoid(GOLDEN["brier"], prediction.months) / (prediction.months[-1] - prediction.months[0])
    assert value("ibs", y, prediction) == pytest.approx(mean, abs=1e-12)


def test_the_censoring_curve_equals_r(golden):
    y, prediction = golden
    got = Censoring.of(y, np.ones((1, len(y)))).at(prediction.months)[0]
    np.testing.assert_allclose(got, GOLDEN["censoring_at"], atol=1e-12)


def test_calibration_slope_equals_r(golden):
    y, prediction = golden
    assert value("calibration_slope", y, prediction, horizon=9.0) == pytest.approx(
        GOLDEN["calibration_slope"], abs=1e-6
    )
    weights = np.array([GOLDEN["weights"]], dtype=float)
    got = value("calibration_slope", y, prediction, weights=weights, horizon=9.0)[0]
    assert got == pytest.approx(GOLDEN["calibration_slope_weighted"], abs=1e-6)


def test_ici_and_its_spline_equal_r(golden):
    y, prediction = golden
    x = cloglog(1 - prediction.at(9.0))
    columns = Spline.of(x).basis(x)
    np.testing.assert_allclose(columns[:5], GOLDEN["spline_basis"], atol=1e-10)
    observed = StoppedCox.fit(y, 9.0, columns, np.ones((1, len(y)))).risk(columns)[0]
    np.testing.assert_allclose(observed[:10], GOLDEN["observed_risk"], atol=1e-6)
    assert value("ici", y, prediction, horizon=9.0) == pytest.approx(GOLDEN["ici"], abs=1e-6)


def test_risk_in_a_bin_equals_r(golden):
    y, _ = golden
    np.testing.assert_allclose(risk_by(y, 9.0, 0.95), GOLDEN["km_risk"], atol=1e-9)


# --- beside scikit-survival, lifelines and counting every pair ---


@st.composite
def tied_outcomes(draw):
    """Up to 40 patients in whole months, so that times, statuses and risks tie in every way."""
    n = draw(st.integers(4, 40))
    months = draw(st.lists(st.integers(1, 8), min_size=n, max_size=n))
    event = draw(st.lists(st.booleans(), min_size=n, max_size=n))
    risk = draw(st.lists(st.integers(-3, 3), min_size=n, max_size=n))
    weight = draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
    return structured(months, event), np.array(risk, dtype=float), np.array([weight], dtype=float)


def pairs_counted(y, risk, weights, earlier):
    concordant = usable = 0.0
    for i in range(len(y)):
        for j in range(len(y)):
            later = y["time"][j] > y["time"][i] or (y["time"][j] == y["time"][i] and not y["event"][j])
            if y["event"][i] and later:
                usable += earlier[i] * weights[j]
                concordant += earlier[i] * weights[j] * ((risk[i] > risk[j]) + 0.5 * (risk[i] == risk[j]))
    return concordant / usable if usable else np.nan


@settings(max_examples=60, deadline=None)
@given(tied_outcomes())
def test_concordance_counts_every_pair_once(drawn):
    y, risk, weights = drawn
    earlier = np.where(y["event"], weights * np.arange(1, len(y) + 1), 0.0)
    got = concordance(y, risk, weights, earlier)[0]
    np.testing.assert_allclose(got, pairs_counted(y, risk, weights[0], earlier[0]), atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(tied_outcomes())
def test_harrell_c_equals_two_libraries_with_ties(drawn):
    from lifelines.utils import concordance_index
    from sksurv.exceptions import NoComparablePairException
    from sksurv.metrics import concordance_index_censored

    y, risk, _ = drawn
    got = value("harrell_c", y, Prediction(risk, np.array([1.0]), np.ones((len(y), 1))))
    try:
        assert got == pytest.approx(concordance_index_censored(y["event"], y["time"], risk)[0], abs=1e-12)
        assert got == pytest.approx(concordance_index(y["time"], -risk, y["event"]), abs=1e-12)
    except (NoComparablePairException, ZeroDivisionError, ValueError):
        assert np.isnan(got)


@pytest.fixture(scope="module")
def untied():
    """Continuous times: where no censoring falls on an event, libraries agree on the weights."""
    rng = np.random.default_rng(8)
    risk = rng.normal(size=250)
    died, censored = rng.exponential(np.exp(-risk) * 12), rng.uniform(6, 30, 250)
    y = structured(np.minimum(died, censored), died <= censored)
    months = np.arange(1.0, 19.0)
    return y, Prediction(risk, months, np.exp(-np.outer(np.exp(0.7 * risk), 0.06 * months)))


def test_uno_c_equals_scikit_survival(untied):
    from sksurv.metrics import concordance_index_ipcw

    y, prediction = untied
    want = concordance_index_ipcw(y, y, prediction.risk, tau=float(prediction.months[-1]))[0]
    assert value("uno_c", y, prediction) == pytest.approx(want, abs=1e-12)


def test_auc_equals_scikit_survival(untied):
    from sksurv.metrics import cumulative_dynamic_auc

    y, prediction = untied
    want = cumulative_dynamic_auc(y, y, 1 - prediction.survival, prediction.months)[0]
    got = [value("auc", y, prediction, horizon=float(h)) for h in prediction.months]
    np.testing.assert_allclose(got, want, atol=1e-12)


def test_brier_scores_equal_scikit_survival(untied):
    from sksurv.metrics import brier_score, integrated_brier_score

    y, p = untied
    got = brier_curve(y, p.months, p.survival, np.ones((1, len(y))))[0]
    np.testing.assert_allclose(got, brier_score(y, y, p.survival, p.months)[1], atol=1e-12)
    assert value("ibs", y, p) == pytest.approx(integrated_brier_score(y, y, p.survival, p.months), abs=1e-12)


# --- closed forms ---


def test_concordance_by_hand():
    y = structured([1, 2, 2, 3], [1, 1, 0, 1])
    # Usable: 1-2, 1-3, 1-4, 2-3 (the event precedes the censoring of the same month), 2-4.
    prediction = Prediction(np.array([3.0, 1.0, 1.0, 2.0]), np.array([9.0]), np.ones((4, 1)))
    assert value("harrell_c", y, prediction) == pytest.approx((1 + 1 + 1 + 0.5 + 0) / 5)


def test_no_usable_pair_is_not_a_number():
    y = structured([1, 2, 3], [0, 0, 0])
    assert np.isnan(value("harrell_c", y, flat(3, 0.5)))
    assert np.isnan(value("auc", y, flat(3, 0.5), horizon=2.0))


def test_brier_of_everybody_at_one_half_is_a_quarter(judged):
    rng = np.random.default_rng(0)
    y = structured(rng.uniform(0, 20, 100), np.ones(100))
    assert value("brier", y, flat(100, 0.5)) == pytest.approx(0.25, abs=1e-12)
    assert value("ibs", y, flat(100, 0.5)) == pytest.approx(0.25, abs=1e-12)


def test_brier_of_a_clairvoyant_is_zero_whatever_the_censoring(judged):
    y, _, null = judged
    known = (y["time"][:, None] > MONTHS).astype(float)
    clairvoyant = Prediction(-y["time"], MONTHS, known)
    assert value("brier", y, clairvoyant) == 0
    assert value("scaled_brier", y, clairvoyant, null) == 1


def test_the_null_model_has_a_scaled_brier_of_zero(judged):
    y, _, null = judged
    assert value("scaled_brier", y, null, null) == pytest.approx(0.0, abs=1e-12)


def two_groups(patients, rates, rng, follow_up=30.0):
    """Exponential survival at two rates; true survival as the prediction."""
    rate = np.where(np.arange(patients) % 2 == 0, *rates)
    died, censored = rng.exponential(1 / rate), rng.uniform(0, follow_up, patients)
    y = structured(np.minimum(died, censored), died <= censored)
    return y, Prediction(rate, MONTHS, np.exp(-np.outer(rate, MONTHS)))


def test_auc_and_brier_of_two_groups_in_closed_form():
    y, prediction = two_groups(40_000, (0.10, 0.03), np.random.default_rng(12))
    low, high = np.exp(-0.10 * 12), np.exp(-0.03 * 12)
    case = np.array([1 - low, 1 - high]) / (2 - low - high)
    control = np.array([low, high]) / (low + high)
    area = case[0] * control[1] + 0.5 * (case * control).sum()
    # Standard errors with 40,000 patients are below 0.003 and 0.001.
    assert value("auc", y, prediction) == pytest.approx(area, abs=0.01)
    brier = (low * (1 - low) + high * (1 - high)) / 2
    assert value("brier", y, prediction) == pytest.approx(brier, abs=0.004)


def test_uno_c_does_not_feel_the_censoring_and_harrell_c_does():
    rates = (0.15, 0.02)
    little, much = (
        two_groups(30_000, rates, np.random.default_rng(3), follow_up) for follow_up in (1e6, 22.0)
    )
    moved = {n: abs(value(n, *little) - value(n, *much)) for n in ("harrell_c", "uno_c")}
    # The standard error of a difference is about 0.003.
    assert moved["uno_c"] < 0.009
    assert moved["harrell_c"] > 0.015


def test_weights_undo_the_censoring_and_doing_without_them_does_not():
    y, _ = two_groups(40_000, (0.10, 0.03), np.random.default_rng(12))
    risk = 1 - (np.exp(-0.10 * 12) + np.exp(-0.03 * 12)) / 2
    assert value("brier", y, flat(len(y), 1.0)) == pytest.approx(risk, abs=0.015)
    seen = (y["time"] > 12) | y["event"]  # complete cases, unweighted
    assert abs(np.mean(y["time"][seen] <= 12) - risk) > 0.015


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
    table = calibration_curve(y, exponential(score), 12.0, np.random.default_rng(0), replicates=60)
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
    table = calibration_curve(
        y, exponential(score, 2 * MONTHLY_HAZARD), 12.0, np.random.default_rng(0), replicates=40
    )
    bins = table[table["kind"] == "bin"]
    assert ((bins["low"] < bins["predicted"]) & (bins["predicted"] < bins["high"])).sum() < 6


# --- the ROC curve ---


def test_the_area_under_the_roc_curve_is_the_auc(judged):
    y, prediction, null = judged
    curve = roc_curve_at(y, prediction, 12.0)
    area = np.trapezoid(curve["true_positive_rate"], curve["false_positive_rate"])
    assert area == pytest.approx(value("auc", y, prediction, null), abs=1e-12)


def test_the_roc_curve_runs_from_corner_to_corner(golden):
    y, prediction = golden
    curve = roc_curve_at(y, prediction, 9.0)
    ends = curve[["false_positive_rate", "true_positive_rate"]].iloc[[0, -1]].to_numpy()
    np.testing.assert_allclose(ends, [[0, 0], [1, 1]])
    assert (np.diff(curve["true_positive_rate"]) >= 0).all()
    assert (np.diff(curve["threshold"]) < 0).all()


# --- resamples and intervals ---


def test_resamples_keep_their_size_and_begin_with_the_sample():
    weights = resamples(50, 30, np.random.default_rng(0))
    assert weights.shape == (31, 50)
    assert (weights[0] == 1).all()
    assert (weights.sum(axis=1) == 50).all()
    np.testing.assert_array_equal(weights, resamples(50, 30, np.random.default_rng(0)))


def test_an_interval_is_a_pair_of_percentiles():
    values = np.linspace(0, 1, 1001)[:, None] * np.array([1.0, 10.0])
    low, high = interval(values, 0.9)
    np.testing.assert_allclose(low, [0.05, 0.5])
    np.testing.assert_allclose(high, [0.95, 9.5])


@pytest.mark.parametrize(("undefined", "defined"), [(5, True), (15, False)])
def test_an_interval_needs_most_resamples_to_be_defined(undefined, defined):
    values = np.linspace(0, 1, 100)
    values[:undefined] = np.nan
    low, high = interval(values[:, None], 0.95)
    assert np.isfinite([low[0], high[0]]).all() == defined


def test_the_bootstrap_spread_of_a_mean_is_its_standard_error():
    rng = np.random.default_rng(4)
    y = structured(rng.uniform(0, 24, 600), np.ones(600))
    prediction = Prediction(np.zeros(600), MONTHS, np.tile(rng.uniform(0, 1, (600, 1)), (1, len(MONTHS))))
    spread = value("brier", y, prediction, weights=resamples(600, 1000, rng))[1:].std()
    losses = (prediction.at(12.0) - (y["time"] > 12)) ** 2
    # The spread over 1,000 resamples is known to 1/sqrt(2000) = 2.2 %; four of these.
    assert spread == pytest.approx(losses.std() / np.sqrt(600), rel=0.09)


@pytest.mark.parametrize("name", ALL)
def test_every_docstring_says_what_is_assumed_and_where_it_is_from(name):
    text = METRICS[name].compute.__doc__ or ""
    assert "ource" in text
    assert "ssum" in text or "compare models on the same patients" in text


def test_horizons_of_the_fixtures_are_those_of_models():
    assert max(HORIZONS) == MONTHS[-1]
