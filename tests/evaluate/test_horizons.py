"""Horizons and tau: within every set's follow-up, fixed before any work."""

import numpy as np
import pytest

from pipeline.config import Analysis
from pipeline.evaluate import fold_sets, prediction_months, settle_horizons, validation_folds, whole_sets
from pipeline.evaluate.horizons import followed_to, unusable
from pipeline.metrics.censoring import Censoring
from pipeline.schema import InputError

from .small_study import ANALYSIS


def test_prediction_months_hold_every_horizon():
    months = prediction_months(Analysis(horizons_months=(1.3, 7, 24)))
    assert {1.3, 7.0, 24.0} <= set(months)
    assert (np.diff(months) > 0).all()
    assert months[0] > 0
    assert months[-1] == 24
    assert len(prediction_months(Analysis(horizons_months=(120,)))) == 60


def test_horizons_beyond_follow_up_are_dropped_and_reported(train, held_out):
    analysis = ANALYSIS.model_copy(update={"horizons_months": (6.0, 18.0, 48.0)})
    settled = settle_horizons(analysis, whole_sets(analysis, [train, held_out]))
    assert settled.analysis.horizons_months == (6.0, 18.0)
    (note,) = settled.notes
    assert "horizons dropped: 48 months" in note
    assert list(settled.table["set"]) == ["cohort 'train'", "cohort 'test'"]
    shortest = settled.table["usable_to_months"].idxmin()
    assert settled.table["decides"][shortest]
    assert settled.table["set"][shortest] in note


def test_tau_is_the_longest_time_that_every_fold_can_speak_about(train, held_out):
    parts = validation_folds(train, ANALYSIS, np.random.default_rng(0))
    sets = whole_sets(ANALYSIS, [train, held_out]) + fold_sets(ANALYSIS, train, parts)
    settled = settle_horizons(ANALYSIS, sets)
    tau = settled.analysis.tau_months
    assert len(settled.table) == 2 + 2 * len(parts)
    assert tau == pytest.approx(np.floor(settled.table["usable_to_months"].min() * 10) / 10)
    assert prediction_months(settled.analysis)[-1] == tau
    for s in sets:
        assert (s.y["time"] > tau).sum() >= s.least_past
        assert Censoring.of(s.y, np.ones((1, len(s.y)))).at(tau)[0, 0] >= 0.05
    # The twin: two months later some set cannot speak.
    assert any(
        (s.y["time"] > tau + 2).sum() < s.least_past
        or Censoring.of(s.y, np.ones((1, len(s.y)))).at(tau + 2)[0, 0] < 0.05
        for s in sets
    )


def test_a_tau_of_one_s_own_is_kept_when_it_is_shorter(train):
    sets = whole_sets(ANALYSIS, [train])
    own = settle_horizons(ANALYSIS.model_copy(update={"tau_months": 20.0}), sets)
    assert own.analysis.tau_months == 20.0
    assert not own.notes
    longer = settle_horizons(ANALYSIS.model_copy(update={"tau_months": 60.0}), sets)
    assert longer.analysis.tau_months < 60
    assert "instead of 60" in longer.notes[0]


def test_without_any_usable_horizon_there_is_no_analysis(train):
    analysis = ANALYSIS.model_copy(update={"horizons_months": (48.0, 60.0)})
    with pytest.raises(
        InputError, match=r"48, 60 all lie beyond the follow-up; cohort 'train' \(300 patients"
    ):
        settle_horizons(analysis, whole_sets(analysis, [train]))


def test_the_explained_horizon_moves_to_the_last_one_left(train):
    explanation = ANALYSIS.explanation.model_copy(update={"horizon_months": 60.0})
    analysis = ANALYSIS.model_copy(update={"explanation": explanation})
    settled = settle_horizons(analysis, whole_sets(analysis, [train]))
    assert settled.analysis.explanation.horizon_months == 18.0
    assert "explained at 18 months instead of 60" in settled.notes[0]


def test_an_endpoint_that_is_not_there_is_named(train):
    with pytest.raises(InputError, match="cohort 'train' does not hold 'pfs'; it has os"):
        whole_sets(ANALYSIS.model_copy(update={"endpoint": "pfs"}), [train])


def test_follow_up_ends_with_the_tenth_patient_from_the_end():
    y = np.empty(50, dtype=[("event", bool), ("time", float)])
    y["time"], y["event"] = np.arange(1, 51), True
    assert followed_to(y) == pytest.approx(41, abs=1e-9)
    assert unusable(y, 40.0) == ""
    assert "9 of 50" in unusable(y, 41.0)
    assert "4 events" in unusable(y, 4.0)
    assert followed_to(y[:10]) == 0
