"""Best overall response: as often as published, in whom the times allow it."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.schema import InputError
from synthetic_data.response import FIRST_ASSESSMENT_MONTHS, ResponseRule, best_response
from synthetic_data.scans import WEEKS_PER_MONTH, ScanDays

N = 40_000
PFS = 8.0 * np.random.default_rng(3).weibull(1.2, N)
SEEN = np.full(N, 99.0)


@pytest.mark.parametrize("rate", [0.09, 0.3, 0.6])
def test_the_mean_response_probability_is_the_published_rate(rate: float) -> None:
    watched = np.where(np.random.default_rng(1).random(N) < 0.97, 99.0, 1.0)
    probability = ResponseRule.meeting(rate, PFS, watched, "x").probability(PFS, watched)
    assert probability.mean() == pytest.approx(rate, abs=1e-9)
    assert (probability[watched == 1.0] == 0).all()
    assert (probability[PFS <= FIRST_ASSESSMENT_MONTHS] == 0).all()


def test_who_progresses_later_is_the_likelier_responder() -> None:
    probability = ResponseRule.meeting(0.4, PFS, SEEN, "x").probability(PFS, SEEN)
    order = np.argsort(PFS)
    assert (np.diff(probability[order]) >= -1e-12).all()


def test_a_rate_above_the_share_that_is_assessable_is_refused() -> None:
    with pytest.raises(InputError, match=r"response rate of 99\.0% cannot be drawn"):
        ResponseRule.meeting(0.99, PFS, SEEN, "x")


def test_best_response_agrees_with_the_times() -> None:
    pfs = np.array([0.5, 0.5, 1.8, 8.0, 8.0, 9.0, 1.8])
    os = np.array([0.5, 6.0, 6.0, 20.0, 20.0, 20.0, 6.0])
    watched = np.array([30.0, 30.0, 30.0, 30.0, 30.0, 1.0, 1.6])  # the last: lost before progression
    certain = np.array([0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0])
    got = best_response(certain, pfs, os, watched, 0.0, np.random.default_rng(0).random((7, 2)))
    assert got.tolist() == ["NE", "PD", "PD", "SD", "PR", "NE", "SD"]
    every = best_response(certain, pfs, os, watched, 1.0, np.random.default_rng(0).random((7, 2)))
    assert every[4] == "CR"


@pytest.mark.parametrize("duration", [5.6, 6.5, 9.5])
def test_responses_last_as_long_as_published(duration: float) -> None:
    rule = ResponseRule.meeting(0.3, PFS, SEEN, "x", duration)
    assert rule.median_duration(PFS) == pytest.approx(duration, rel=0.02)
    assert rule.probability(PFS, SEEN).mean() == pytest.approx(0.3, abs=1e-9)
    responds = np.random.default_rng(0).random(N) < rule.probability(PFS, SEEN)
    lasted = np.median(PFS[responds]) - FIRST_ASSESSMENT_MONTHS
    assert lasted == pytest.approx(duration, rel=0.05)
    plain = ResponseRule.meeting(0.3, PFS, SEEN, "x")  # the twin: no duration asked for
    assert abs(plain.median_duration(PFS) - duration) > 0.2


def test_a_duration_out_of_reach_is_come_as_near_as_slopes_allow() -> None:
    near, nearest = (ResponseRule.meeting(0.3, PFS, SEEN, "x", d).median_duration(PFS) for d in (60.0, 600.0))
    assert near == nearest
    short = ResponseRule.meeting(0.3, PFS, SEEN, "x", 0.1)
    assert short.slope == 0.0


def test_with_stated_scans_stable_disease_needs_one_after_six_weeks() -> None:
    week = 1 / WEEKS_PER_MONTH
    scans = ScanDays(6.0 * week * np.arange(1, 9), np.array([0.5, -0.5, -0.5, 0.5, -0.5, 0.0, -0.5]) * week)
    # progression at the second scan after a first in time, and too early for that; seen at the first;
    # death after either first scan; lost before any; progression at the third
    pfs = np.array([12.4, 12.0, 6.1, 9.0, 9.0, 30.0, 18.0]) * week
    os = np.array([60.0, 60.0, 60.0, 9.0, 9.0, 60.0, 60.0]) * week
    watched = np.array([99.0, 99.0, 99.0, 99.0, 99.0, 5.0, 99.0]) * week
    uniforms = np.random.default_rng(0).random((7, 2))
    got = best_response(np.zeros(7), pfs, os, watched, 0.0, uniforms, scans)
    assert got.tolist() == ["SD", "PD", "PD", "SD", "NE", "NE", "SD"]
    assert best_response(np.ones(7), pfs, os, watched, 0.0, uniforms, scans).tolist() == ["PR"] * 7
