"""Concordance and the ROC curve, beside R, two libraries and counting every pair."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.metrics import roc_curve_at
from pipeline.metrics.discrimination import concordance
from pipeline.schema import Prediction

from .judging import GOLDEN, flat, structured, value

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


def test_antolini_c_of_curves_that_cross_equals_every_pair_counted_in_r(golden):
    y, prediction = golden
    crossing = Prediction(prediction.risk, prediction.months, np.array(GOLDEN["crossing"]))
    assert value("antolini_c", y, crossing) == pytest.approx(GOLDEN["antolini_c_crossing"], abs=1e-12)
    # Where curves cross it is no concordance of any one risk.
    assert abs(GOLDEN["antolini_c_crossing"] - GOLDEN["every"]["antolini_c"]) > 0.1


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


# --- closed forms ---


def test_antolini_c_of_curves_that_do_not_cross_is_harrell_c(untied):
    y, prediction = untied
    before = y["time"] < prediction.months[-1]
    stopped = structured(y["time"], y["event"] & before)  # later events open no pair in either
    assert value("antolini_c", y, prediction) == pytest.approx(
        value("harrell_c", stopped, prediction), abs=1e-12
    )


def test_the_median_auc_is_the_median_of_the_areas(judged):
    y, prediction, null = judged
    horizons = np.array([6.0, 12.0, 15.0])
    three = Prediction(prediction.risk, horizons, np.column_stack([prediction.at(h) for h in horizons]))
    areas = [value("auc", y, prediction, null, horizon=h) for h in horizons]
    assert value("median_auc", y, three, three) == pytest.approx(np.median(areas), abs=1e-12)


def test_concordance_by_hand():
    y = structured([1, 2, 2, 3], [1, 1, 0, 1])
    # Usable: 1-2, 1-3, 1-4, 2-3 (the event precedes the censoring of the same month), 2-4.
    prediction = Prediction(np.array([3.0, 1.0, 1.0, 2.0]), np.array([9.0]), np.ones((4, 1)))
    assert value("harrell_c", y, prediction) == pytest.approx((1 + 1 + 1 + 0.5 + 0) / 5)


def test_no_usable_pair_is_not_a_number():
    y = structured([1, 2, 3], [0, 0, 0])
    assert np.isnan(value("harrell_c", y, flat(3, 0.5)))
    assert np.isnan(value("auc", y, flat(3, 0.5), horizon=2.0))


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
