"""Death and progression drawn from solved hazards."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import kendalltau

from synthetic_data.outcomes import (
    ASSOCIATIONS,
    TOLERATED_GAP,
    dependent_exponentials,
    event_months,
    solve_hazards,
)
from synthetic_data.survival_curves import curve_through

N = 40_000


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(2)
    shared = rng.standard_normal(N)
    death = np.exp(0.5 * shared + 0.4 * rng.standard_normal(N))
    progression = np.exp(0.4 * shared + 0.4 * rng.standard_normal(N))
    os_curve = curve_through([(11.0, 0.5), (24.0, 0.26)], 1.2, [5.0, 12.0])
    pfs_curve = curve_through([(5.0, 0.5), (12.0, 0.17)], 1.2, [11.0, 24.0])
    hazards = solve_hazards(os_curve, pfs_curve, death, progression)
    os, pfs = event_months(hazards, death, progression, (rng.exponential(size=N), rng.exponential(size=N)))
    return hazards, os_curve, pfs_curve, os, pfs, death


def test_progression_never_follows_death(drawn) -> None:
    *_, os, pfs, _ = drawn
    assert (pfs <= os).all()
    assert (pfs > 0).all()


@pytest.mark.parametrize("months", [3.0, 5.0, 11.0, 12.0, 24.0])
def test_both_margins_are_the_published_curves(drawn, months: float) -> None:
    _, os_curve, pfs_curve, os, pfs, _ = drawn
    for drawn_months, curve in ((os, os_curve), (pfs, pfs_curve)):
        expected = float(curve.survival(months))
        error = math.sqrt(expected * (1 - expected) / N)
        got = float((drawn_months > months).mean())
        assert abs(got - expected) < 4 * error + 1e-3
        assert abs(got - (expected + 0.03)) > 4 * error + 1e-3  # the twin: three points off is seen


def test_the_relative_hazard_comes_back_from_the_draws(drawn) -> None:
    import pandas as pd
    from lifelines import CoxPHFitter

    *_, os, _, death = drawn
    table = pd.DataFrame({"months": os[:8_000], "died": True, "log_hazard": np.log(death[:8_000])})
    slope = CoxPHFitter().fit(table, "months", "died").params_["log_hazard"]
    error = 1 / math.sqrt(8_000 * np.log(death).var())
    assert abs(slope - 1) < 4 * error
    assert abs(slope - 0.85) > 4 * error  # the twin


def test_curves_that_can_be_met_leave_no_gap(drawn) -> None:
    hazards = drawn[0]
    assert hazards.largest_gap < 1e-3
    assert (np.diff(hazards.os) >= 0).all()
    assert (np.diff(hazards.progression) >= 0).all()


def plateau() -> tuple:
    os_curve = curve_through([(12.0, 0.75), (36.0, 0.5), (60.0, 0.4)], 1.0, [6.0])
    return os_curve, curve_through([(6.0, 0.5), (12.0, 0.4), (60.0, 0.3)], 1.0, [36.0])


def test_independent_causes_cannot_meet_a_progression_free_plateau_and_say_by_how_much() -> None:
    assert solve_hazards(*plateau(), np.ones(10), np.ones(10), 1.0, 60.0).largest_gap > 0.02


def test_the_least_association_that_meets_the_plateau_is_taken() -> None:
    hazards = solve_hazards(*plateau(), np.ones(10), np.ones(10), None, 60.0)
    assert hazards.association > 1
    assert hazards.largest_gap <= TOLERATED_GAP
    weaker = ASSOCIATIONS[ASSOCIATIONS.index(hazards.association) - 1]
    assert solve_hazards(*plateau(), np.ones(10), np.ones(10), weaker, 60.0).largest_gap > TOLERATED_GAP


def test_associated_times_still_have_both_published_margins() -> None:
    os_curve, pfs_curve = plateau()
    rng = np.random.default_rng(8)
    death = progression = np.exp(0.5 * rng.standard_normal(N))
    hazards = solve_hazards(os_curve, pfs_curve, death, progression, None, 60.0)
    assert hazards.association > 1
    draws = dependent_exponentials(rng.random((N, 4)), hazards.association)
    os, pfs = event_months(hazards, death, progression, draws)
    assert (pfs <= os).all()
    for months in (12.0, 36.0, 60.0):
        for drawn_months, curve in ((os, os_curve), (pfs, pfs_curve)):
            expected = float(curve.survival(months))
            error = math.sqrt(expected * (1 - expected) / N)
            assert abs((drawn_months > months).mean() - expected) < 4 * error + TOLERATED_GAP


@pytest.mark.parametrize("association", [1.0, 1.5, 3.0])
def test_dependent_exponentials_have_their_margins_and_their_association(association: float) -> None:
    first, second = dependent_exponentials(np.random.default_rng(6).random((N, 4)), association)
    for draws in (first, second):
        assert abs(draws.mean() - 1) < 4 / math.sqrt(N)
        assert abs((draws > 2).mean() - math.exp(-2)) < 4 * math.sqrt(0.12 / N)
    both = float(((first > 0.5) & (second > 1.0)).mean())
    closed = math.exp(-((0.5**association + 1) ** (1 / association)))
    assert abs(both - closed) < 4 * math.sqrt(closed / N)
    tau = kendalltau(first[:4_000], second[:4_000]).statistic
    assert abs(tau - (1 - 1 / association)) < 0.045
