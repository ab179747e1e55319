"""Progression seen at scans: what moves, what stays, and that published figures are met as before."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from synthetic_data.evidence import load_register
from synthetic_data.evidence.trials import Assessments
from synthetic_data.scans import (
    BETWEEN_SCANS,
    WEEKS_PER_MONTH,
    WINDOW_MONTHS,
    WINDOW_WEEKS,
    ScanDays,
    scan_months,
    seen_at_scans,
)
from synthetic_data.survival_curves import curve_through
from synthetic_data.trial_curves import trial_curves

SIX_WEEKS = Assessments.model_validate(
    {"every_weeks": 6, "until_week": 36, "then_every_weeks": 9, "source": {"registry": "NCT01903993"}}
)
OS = curve_through([(10.0, 0.5)], 1.0)


def test_scans_come_at_the_weeks_stated() -> None:
    weeks = scan_months(SIX_WEEKS) * WEEKS_PER_MONTH
    np.testing.assert_allclose(weeks[:9], [6, 12, 18, 24, 30, 36, 45, 54, 63])
    always = scan_months(SIX_WEEKS.model_copy(update={"until_week": None, "then_every_weeks": None}))
    np.testing.assert_allclose(np.diff(always) * WEEKS_PER_MONTH, 6)


@given(
    st.lists(st.floats(0.4, 40.0), min_size=1, max_size=5, unique=True),
    st.floats(0.8, 1.6),
    st.floats(0.05, 0.4),
)
def test_every_figure_is_met_and_nothing_rises(months, shape, rate) -> None:
    months = sorted(m + 0.05 * i for i, m in enumerate(months))
    points = [(m, float(np.exp(-0.2 * m - rate * m**0.9))) for m in months]
    knots = [m for m, _ in points]
    smooth = curve_through(points, shape, knots)
    os = curve_through([(10.0, 0.5)], 1.0, knots)
    if (np.diff(smooth.cumulative_hazard - os.hazard_to(smooth.months)) < 0).any():
        return  # progression that would have to be undone
    seen = seen_at_scans(smooth, os, SIX_WEEKS, knots)
    np.testing.assert_allclose(seen.survival(np.array(knots)), [s for _, s in points], atol=1e-9)
    assert (np.diff(seen.cumulative_hazard) >= -1e-12).all()
    assert (seen.hazard_to(seen.months) >= os.hazard_to(seen.months) - 1e-9).all()


def test_progression_comes_near_scans_and_death_at_any_time() -> None:
    smooth = curve_through([(3.0, 0.5)], 1.1, [3.0])
    seen = seen_at_scans(smooth, OS, SIX_WEEKS, [3.0])

    def progression(curve, start, end):
        gained = curve.hazard_to(np.array([start, end])) - OS.hazard_to(np.array([start, end]))
        return float(gained[1] - gained[0])

    width = WINDOW_WEEKS / WEEKS_PER_MONTH
    six, twelve = scan_months(SIX_WEEKS)[:2]
    quiet = progression(seen, six + width, twelve - width)
    assert quiet == pytest.approx(BETWEEN_SCANS * progression(smooth, six + width, twelve - width), rel=0.02)
    near = progression(seen, six - width, six + width)
    assert near > 4 * progression(smooth, six - width, six + width) / 2.5
    # the twin: a curve that is not moved has no quiet months
    assert progression(smooth, six + width, twelve - width) > 4 * quiet


def test_most_scans_are_made_near_their_day() -> None:
    smooth = curve_through([(3.0, 0.5)], 1.1, [3.0])
    seen = seen_at_scans(smooth, OS, SIX_WEEKS, [3.0])
    six = scan_months(SIX_WEEKS)[0]
    days = np.array([-1.0, -0.5, 0.0, 0.5, 1.0]) * WINDOW_MONTHS + six
    made = np.diff(seen.hazard_to(days) - OS.hazard_to(days))
    # a triangle has three quarters of its mass within half its width; an even window would have half
    assert made[1:3].sum() / made.sum() == pytest.approx(0.75, abs=0.03)


def test_patients_are_scanned_early_or_late_as_the_window_says() -> None:
    n = 40_000
    shift = ScanDays.drawn(SIX_WEEKS, np.random.default_rng(0).random(n)).shift_months
    assert np.abs(shift).max() < WINDOW_MONTHS
    spread = WINDOW_MONTHS / np.sqrt(6)  # of a triangular distribution
    assert abs(shift.mean()) < 4 * spread / np.sqrt(n)
    assert shift.std() == pytest.approx(spread, rel=0.02)
    assert abs(shift.std() - WINDOW_MONTHS / np.sqrt(3)) > 0.2 * spread  # the twin: an even window


def test_the_last_scan_without_progression() -> None:
    week = 1 / WEEKS_PER_MONTH
    days = ScanDays(scan_months(SIX_WEEKS), np.array([0.0, 0.5, -0.5, 0.0, 0.0]) * week)
    never = np.full(5, np.inf)
    np.testing.assert_allclose(days.last_by(np.full(5, 12.2) * week) / week, [12, 6.5, 11.5, 12, 12])
    assert (days.last_by(np.full(5, 5.0) * week) == 0).all()
    # seen at the second scan, clinically between, at the first, dead after the first, lost before it
    pfs = np.array([12.3, 9.0, 6.2, 8.0, 20.0]) * week
    os = np.array([50.0, 50.0, 50.0, 8.0, 50.0]) * week
    watched = np.array([40.0, 40.0, 40.0, 40.0, 4.0]) * week
    np.testing.assert_allclose(days.last_clear(pfs, os, watched) / week, [6, 6.5, 0, 6, 0])
    np.testing.assert_allclose(days.last_clear(never, never, watched) / week, [36, 36.5, 35.5, 36, 0])


def test_a_curve_is_followed_on_average_between_figures() -> None:
    smooth = curve_through([(3.0, 0.5)], 1.1, [3.0])
    seen = seen_at_scans(smooth, OS, SIX_WEEKS, [3.0])
    months = np.linspace(0.5, 24.0, 500)
    off = seen.survival(months) - smooth.survival(months)
    assert abs(off.mean()) < 0.005
    assert np.abs(off).max() < 0.16


def test_only_trials_with_a_stated_schedule_are_seen_at_scans() -> None:
    register = load_register()
    trial = register.trial("POPLAR")
    assert trial.assessments is not None
    curves = trial_curves(trial, ["docetaxel", "atezolizumab"], 8.0).curves
    smooth = trial_curves(
        trial.model_copy(update={"assessments": None}), ["docetaxel", "atezolizumab"], 8.0
    ).curves
    at = np.array([1.8, 2.2])
    quiet, plain = (c["docetaxel", "pfs"].survival(at) for c in (curves, smooth))
    assert plain[0] - plain[1] > 3 * (quiet[0] - quiet[1])
    np.testing.assert_array_equal(curves["docetaxel", "os"].months, curves["docetaxel", "pfs"].months)


@pytest.mark.parametrize(
    "fields", [{"until_week": 12}, {"then_every_weeks": 9}, {"until_week": 3, "then_every_weeks": 9}]
)
def test_half_a_schedule_is_refused(fields) -> None:
    with pytest.raises(ValidationError, match=r"belong together|before the first"):
        Assessments.model_validate({"every_weeks": 6, "source": {"registry": "NCT01903993"}} | fields)
