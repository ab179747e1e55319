"""Horizons: within follow-up, or refused before any work."""

import numpy as np
import pytest

from pipeline.config import Analysis
from pipeline.evaluate import check_horizons, prediction_months
from pipeline.evaluate.horizons import followed_to, unusable
from pipeline.schema import InputError, outcome

from .small_study import ANALYSIS


def test_prediction_months_hold_every_horizon():
    months = prediction_months(Analysis(horizons_months=(1.3, 7, 24)))
    assert {1.3, 7.0, 24.0} <= set(months)
    assert (np.diff(months) > 0).all()
    assert months[0] > 0
    assert months[-1] == 24
    assert len(prediction_months(Analysis(horizons_months=(120,)))) == 60


def test_a_horizon_beyond_follow_up_is_refused_before_any_work(train, held_out):
    check_horizons(ANALYSIS, [train, held_out])
    analysis = ANALYSIS.model_copy(update={"horizons_months": (6.0, 48.0)})
    with pytest.raises(InputError, match=r"horizons_months: 48 lies beyond.*cohort 'train'.*cohort 'test'"):
        check_horizons(analysis, [train, held_out])


def test_the_horizon_offered_instead_is_accepted(train):
    longest = np.floor(followed_to(outcome(train.observed, "os")) * 10) / 10
    update = {"horizons_months": (6.0, float(longest))}
    check_horizons(ANALYSIS.model_copy(update=update), [train])
    update = {"horizons_months": (6.0, float(longest) + 0.2)}
    with pytest.raises(InputError, match=f"use horizons up to {longest:g}"):
        check_horizons(ANALYSIS.model_copy(update=update), [train])


def test_the_explained_horizon_is_checked_too(train):
    explanation = ANALYSIS.explanation.model_copy(update={"horizon_months": 60.0})
    with pytest.raises(InputError, match="explanation: horizon_months: 60"):
        check_horizons(ANALYSIS.model_copy(update={"explanation": explanation}), [train])


def test_an_endpoint_that_is_not_there_is_named(train):
    with pytest.raises(InputError, match="cohort 'train' does not hold 'pfs'; it has os"):
        check_horizons(ANALYSIS.model_copy(update={"endpoint": "pfs"}), [train])


def test_follow_up_ends_with_the_tenth_patient_from_the_end():
    y = np.empty(50, dtype=[("event", bool), ("time", float)])
    y["time"], y["event"] = np.arange(1, 51), True
    assert followed_to(y) == pytest.approx(41, abs=1e-9)
    assert unusable(y, 40.0) == ""
    assert "9 of 50" in unusable(y, 41.0)
    assert "4 events" in unusable(y, 4.0)
    assert followed_to(y[:10]) == 0
