"""Brier scores, and the AUC judged beside them: R, scikit-survival and closed forms."""

import numpy as np
import pytest

from pipeline.metrics.brier import brier_curve, no_information_brier
from pipeline.models import null_prediction
from pipeline.schema import Prediction

from .judging import GOLDEN, MONTHS, flat, structured, two_groups, value

# --- beside R: survival, riskRegression, Hmisc ---


@pytest.mark.parametrize("k", range(5))
def test_auc_and_brier_equal_r(k, golden):
    y, prediction = golden
    h = float(prediction.months[k])
    assert value("auc", y, prediction, horizon=h) == pytest.approx(GOLDEN["auc"][k], abs=1e-12)
    assert value("brier", y, prediction, horizon=h) == pytest.approx(GOLDEN["brier"][k], abs=1e-12)
    null = null_prediction(y["time"], y["event"], len(y), prediction.months)
    ratio = 1 - GOLDEN["brier"][k] / GOLDEN["brier_null"][k]
    assert value("scaled_brier", y, prediction, null, horizon=h) == pytest.approx(ratio, abs=1e-12)


def test_brier_equals_pec(golden):
    y, prediction = golden
    got = [value("brier", y, prediction, horizon=float(h)) for h in prediction.months]
    np.testing.assert_allclose(got, GOLDEN["brier_pec"], atol=1e-12)


def test_ibs_on_a_fine_grid_is_the_area_that_pec_takes_in_steps(golden):
    y, prediction = golden
    risk, months = prediction.risk, np.arange(300, 1501) / 100
    fine = Prediction(risk, months, np.exp(-0.045 * np.outer(np.exp(1.1 * risk), months)))
    # pec takes the score as constant between months, lungio as straight: a hundredth of a month apart.
    assert value("ibs", y, fine) == pytest.approx(GOLDEN["ibs_fine"], abs=1e-3)
    assert abs(value("ibs", y, prediction) - GOLDEN["ibs_fine"]) > 1e-3  # five months are no fine grid


# --- beside scikit-survival, lifelines and counting every pair ---


def test_brier_scores_equal_scikit_survival(untied):
    from sksurv.metrics import brier_score, integrated_brier_score

    y, p = untied
    got = brier_curve(y, p.months, p.survival, np.ones((1, len(y))))[0]
    np.testing.assert_allclose(got, brier_score(y, y, p.survival, p.months)[1], atol=1e-12)
    assert value("ibs", y, p) == pytest.approx(integrated_brier_score(y, y, p.survival, p.months), abs=1e-12)


# --- closed forms ---


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


def test_no_information_is_the_mean_over_every_pairing(judged):
    y, prediction, _ = judged
    y, prediction = y[:40], prediction.take(np.arange(40))
    turned = [np.roll(np.arange(40), k) for k in range(40)]  # together they pair everybody with everybody
    want = np.mean([value("brier", y, prediction.take(rows)) for rows in turned])
    got = no_information_brier(y, np.array([12.0]), prediction.at(12.0)[:, None])[0]
    assert got == pytest.approx(want, abs=1e-12)
