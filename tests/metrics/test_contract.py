"""Metrics: the contract that holds for every entry of the registry."""

import numpy as np
import pytest
from made_cohort import HORIZONS, context_of, made_cohort

from pipeline.metrics import METRICS, resamples
from pipeline.metrics.stopped_cox import Spline, cloglog
from pipeline.models import build_model, null_prediction
from pipeline.schema import Prediction, outcome

from .judging import MONTHS, flat, value

ALL = sorted(METRICS)
RANKING = sorted(name for name, metric in METRICS.items() if metric.within_fold)
CHANCE = sorted(name for name, metric in METRICS.items() if metric.chance is not None)
BOUND = sorted(name for name, metric in METRICS.items() if metric.bound is not None)
ON_THE_WHOLE = {"calibration_intercept", "rmst_bias"}  # who is predicted what does not matter to them
OWN_KNOTS = {"ici", "e50", "e90"}  # their spline's knots are those of the sample, and stay so in resamples


@pytest.mark.parametrize("name", ALL)
def test_the_truth_is_better_than_the_truth_spoilt(name, judged):
    y, prediction, null = judged
    if name in ON_THE_WHOLE:
        spoilt = Prediction(prediction.risk, prediction.months, prediction.survival**2)
    else:
        spoilt = prediction.take(np.random.default_rng(0).permutation(len(y)))
    metric = METRICS[name]
    truth, worse = (metric.goodness(value(name, y, p, null)) for p in (prediction, spoilt))
    assert truth > worse


@pytest.mark.parametrize("name", CHANCE)
def test_predictions_of_other_patients_give_chance(name, judged):
    y, prediction, null = judged
    rng = np.random.default_rng(11)
    found = [value(name, y, prediction.take(rng.permutation(len(y))), null) for _ in range(60)]
    assert abs(np.mean(found) - METRICS[name].chance) < 4 * np.std(found) / np.sqrt(len(found))
    # The twin: one true prediction among them would not pass.
    assert abs(value(name, y, prediction, null) - METRICS[name].chance) > 4 * np.std(found)


@pytest.mark.parametrize("name", BOUND)
def test_a_prediction_that_knows_the_outcome_reaches_the_bound(name, judged):
    y, _, null = judged
    months = np.unique(np.concatenate([y["time"][y["time"] < 18], MONTHS]))
    censored_now = ~y["event"][:, None] & (y["time"][:, None] == months)
    known = (y["time"][:, None] > months) | censored_now
    told = Prediction(-y["time"] - 1e-9 * ~y["event"], months, known.astype(float))
    flat_null = Prediction(null.risk, months, np.full(told.survival.shape, 0.6))
    assert value(name, y, told, flat_null) == pytest.approx(METRICS[name].bound, abs=1e-12)


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
def test_a_weight_of_two_is_a_patient_entered_twice(name, judged, monkeypatch):
    y, prediction, null = judged
    weights = resamples(len(y), 1, np.random.default_rng(2))
    rows = np.repeat(np.arange(len(y)), weights[1].astype(int))
    assert 0 in weights[1]
    weighted = value(name, y, prediction, null, weights)[1]
    if name in OWN_KNOTS:
        own = Spline.of(cloglog(1 - prediction.at(12.0)))
        monkeypatch.setattr(Spline, "of", lambda values: own)
    twice = value(name, y[rows], prediction.take(rows), null.take(rows))
    assert weighted == pytest.approx(twice, abs=1e-6)


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


@pytest.mark.parametrize("name", CHANCE)
def test_equal_predictions_give_chance(name, judged):
    y, _, null = judged
    assert value(name, y, flat(len(y), 0.5), null) == pytest.approx(METRICS[name].chance, abs=1e-12)


@pytest.mark.parametrize("name", RANKING)
def test_the_order_reversed_mirrors_the_value(name, judged):
    y, p, null = judged
    back = Prediction(-p.risk, p.months, 1 - p.survival)
    mirrored = 2 * METRICS[name].chance - value(name, y, p, null)
    assert value(name, y, back, null) == pytest.approx(mirrored, abs=1e-12)


def test_lengths_must_agree(judged):
    y, prediction, null = judged
    with pytest.raises(ValueError, match=r"of the same patients\. Got 499, 500 and 500"):
        METRICS["harrell_c"](y[1:], prediction, null)


@pytest.mark.parametrize("name", ALL)
def test_every_docstring_says_what_is_assumed_and_where_it_is_from(name):
    text = METRICS[name].compute.__doc__ or ""
    assert "ource" in text
    assert "ssum" in text or "compare models on the same patients" in text


def test_metrics_computed_together_equal_themselves_alone(judged):
    y, prediction, null = judged
    together = METRICS["ici"].together(y, prediction, null, 12.0)
    for name in ("ici", "e50", "e90"):
        assert together[METRICS[name].part, 0] == value(name, y, prediction, null)


def test_horizons_of_the_fixtures_are_those_of_models():
    assert max(HORIZONS) == MONTHS[-1]
