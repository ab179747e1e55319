"""Intensities of adverse events against closed forms, and figures that contradict each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from synthetic_data.adverse_event_kinds import BACKGROUND, GRID, IMMUNE, EventKind, event_kinds
from synthetic_data.event_intensities import Intensities, solve_intensities
from synthetic_data.evidence import load_register
from synthetic_data.safety_figures import SafetyFigure

INHIBITOR = frozenset({"checkpoint"})
WINDOWS = np.random.default_rng(1).exponential(9.0, 3_000).clip(0.05, 27.0)


def figure(target: str, rate: float, assumed: bool = False, event: str = "") -> SafetyFigure:
    return SafetyFigure("arm", target, event or target, rate, 0.0, 1.0, None, assumed, "made up")


def solved(
    windows: np.ndarray = WINDOWS, kinds: tuple[EventKind, ...] | None = None, **rates: float
) -> Intensities:
    figures = {t: figure(t, r) for t, r in rates.items()}
    kinds = kinds or event_kinds(load_register(), INHIBITOR)
    return solve_intensities(kinds, figures, dict.fromkeys(figures, windows), windows)


def of(result: Intensities, event: str) -> int:
    return [k.event for k in result.kinds].index(event)


def test_one_kind_one_window_is_the_closed_form() -> None:
    kind = replace(IMMUNE[5], onset_months=3.0)  # pneumonitis
    result = solved(np.full(50, 6.0), (kind,), pneumonitis_any=0.2)
    reached = np.interp(6.0, GRID, kind.begun())
    assert result.total[0] == pytest.approx(-np.log1p(-0.2) / reached, rel=1e-6)
    assert result.expected["pneumonitis_any"] == pytest.approx(0.2, abs=1e-9)


def test_waiting_times_are_lognormal_from_each_dose() -> None:
    kind = replace(IMMUNE[0], onset_months=2.0, onset_spread=0.5)
    assert np.interp(2.0, GRID, kind.begun()) == pytest.approx(0.5, abs=1e-4)
    assert np.interp(2.0 * np.exp(0.5), GRID, kind.begun()) == pytest.approx(0.8413, abs=1e-4)
    twice = replace(kind, doses=((0.5, 0.0), (0.5, 1.0)))
    both = (np.interp(2.0, GRID, kind.begun()) + np.interp(1.0, GRID, kind.begun())) / 2
    assert np.interp(2.0, GRID, twice.begun()) == pytest.approx(both, abs=1e-3)


def test_every_share_is_met_at_once() -> None:
    rates = {
        "immune_any": 0.37, "immune_severe": 0.1, "pneumonitis_any": 0.05, "pneumonitis_severe": 0.02,
        "hypothyroidism_any": 0.07, "severe_any_cause": 0.4,
    }  # fmt: skip
    result = solved(**rates)
    assert not result.left_out
    for target, rate in rates.items():
        assert result.expected[target] == pytest.approx(rate, abs=1e-6), target


def test_the_shares_need_the_windows_they_were_solved_on() -> None:
    """The twin: the same intensities in patients who are treated half as long give fewer events."""
    result = solved(immune_any=0.37)
    rows = [i for i, k in enumerate(result.kinds) if k.process == "immune"]
    load = sum(result.total[i] * np.interp(WINDOWS / 2, GRID, result.begun[i]) for i in rows)
    assert -np.expm1(-load).mean() < 0.33


def test_events_that_happen_have_the_published_median_onset() -> None:
    result = solved(np.full(10, 24.0), immune_any=0.3)
    for event, weeks in (("rash", 5.3), ("pneumonitis", 12.7), ("colitis", 26.1), ("hepatitis", 37.1)):
        assert result.onset_months[of(result, event)] == pytest.approx(weeks * 7 / 30.4375, rel=0.02), event


def test_a_median_onset_after_treatment_is_out_of_reach_and_said_so() -> None:
    result = solved(np.full(10, 3.0), immune_any=0.3)
    assert any(n.startswith("hepatitis: its published median onset") for n in result.notes)
    assert result.onset_months[of(result, "hepatitis")] < 3.0
    assert not any(n.startswith("rash") for n in result.notes)


def test_single_kinds_above_the_share_of_any_leave_it_out() -> None:
    result = solved(immune_any=0.05, pneumonitis_any=0.3)
    assert "below what single kinds" in result.left_out["immune_any"]
    assert result.expected["pneumonitis_any"] == pytest.approx(0.3, abs=1e-6)
    assert result.expected["immune_any"] > 0.3


def test_a_severe_share_above_that_of_any_grade_is_left_out() -> None:
    result = solved(immune_any=0.4, pneumonitis_any=0.04, pneumonitis_severe=0.11)
    assert "pneumonitis_severe" in result.left_out
    assert 0 < result.severe_share[of(result, "pneumonitis")] < 1


def test_a_borrowed_severe_immune_share_bows_to_the_arms_own_severe_events() -> None:
    figures = {
        "immune_any": figure("immune_any", 0.5, assumed=True),
        "immune_severe": figure("immune_severe", 0.18, assumed=True),
        "severe_any_cause": figure("severe_any_cause", 0.2),
    }
    kinds = event_kinds(load_register(), INHIBITOR)
    result = solve_intensities(kinds, figures, dict.fromkeys(figures, WINDOWS), WINDOWS)
    assert result.expected["immune_severe"] == pytest.approx(0.06, abs=1e-6)
    assert result.expected["severe_any_cause"] == pytest.approx(0.2, abs=1e-6)
    figures["immune_severe"] = figure("immune_severe", 0.18)  # its own figure stays
    result = solve_intensities(kinds, figures, dict.fromkeys(figures, WINDOWS), WINDOWS)
    assert result.expected["immune_severe"] == pytest.approx(0.18, abs=1e-6)


def test_nobody_treated_gives_no_events_and_no_error() -> None:
    result = solved(np.empty(0), immune_any=0.3)
    assert not any(result.total)
    assert not result.expected


def test_agents_decide_what_can_happen() -> None:
    register = load_register()

    def events(*agents: str) -> set[str]:
        return {k.event for k in event_kinds(register, frozenset(agents))}

    assert "neutropenia" in events("chemotherapy") - events("checkpoint")
    assert {"cytokine_release", "neurotoxicity"} <= events("dll3")
    assert "cytokine_release" not in events("checkpoint", "chemotherapy")
    assert {k.event for k in BACKGROUND} <= events("checkpoint")
    onset = {k.event: k for k in event_kinds(register, frozenset({"dll3"}))}["cytokine_release"].onset_months
    assert onset * 30.4375 * 24 == pytest.approx(13.5)  # hours, tarlatamab's label
    colitis = [
        next(k for k in event_kinds(register, frozenset(a)) if k.event == "colitis")
        for a in (("checkpoint",), ("checkpoint", "ctla4"))
    ]
    assert colitis[1].share > colitis[0].share
    assert colitis[1].onset_months < colitis[0].onset_months
