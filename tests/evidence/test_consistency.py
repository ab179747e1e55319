"""Figures of one curve never contradict each other, and contradictions are seen."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthetic_data.evidence import Landmark, Median, Readout, SurvivalFigures
from synthetic_data.evidence.consistency import (
    asymmetry,
    implied_log_ratios,
    landmark_faults,
    median_faults,
    ratio_doubts,
    unreached_median_doubts,
)


def survival(rates: dict[float, float], **more: Any) -> SurvivalFigures:
    return SurvivalFigures(landmarks=tuple(Landmark(months=m, rate=r) for m, r in rates.items()), **more)


@given(st.floats(0.005, 0.1), st.floats(0.5, 1.5))
def test_figures_of_one_weibull_curve_never_contradict_each_other(hazard: float, shape: float) -> None:
    def rate(months: float) -> float:
        return round(math.exp(-((hazard * months) ** shape)), 2)

    median = round(math.log(2) ** (1 / shape) / hazard, 1)
    figures = survival({m: rate(m) for m in (6.0, 12.0, 24.0, 36.0)}, median=Median(months=median))
    assert list(landmark_faults(figures.landmarks)) == []
    assert list(median_faults(figures)) == []


@given(st.lists(st.floats(0.01, 0.99), min_size=2, max_size=6, unique=True))
def test_rates_out_of_order_are_always_seen(rates: list[float]) -> None:
    falling = sorted(rates, reverse=True)
    ordered = tuple(Landmark(months=6 * (i + 1), rate=r) for i, r in enumerate(falling))
    assert list(landmark_faults(ordered)) == []
    assert list(landmark_faults(tuple(reversed(ordered)))) == [], "the order in the file does not matter"
    swapped = copy.copy(falling)
    swapped[0], swapped[-1] = swapped[-1], swapped[0]
    rising = tuple(Landmark(months=6 * (i + 1), rate=r) for i, r in enumerate(swapped))
    assert list(landmark_faults(rising))


def test_a_median_not_reached_within_follow_up_is_doubted() -> None:
    figures = survival({24.0: 0.3}, median=Median(reached=False))
    assert list(unreached_median_doubts(figures, 30.0))
    assert not list(unreached_median_doubts(figures, 12.0)), "24 months lie beyond follow-up"


def readout(ratio: float, arms: dict[str, SurvivalFigures]) -> Readout:
    return Readout.model_validate(
        {
            "endpoint": "OS",
            "population": "ITT",
            "contrast": {"kind": "treatment", "experimental": "a", "control": "b"},
            "hazard_ratio": {"estimate": ratio, "interval": [ratio * 0.8, ratio * 1.25]},
            "arms": {name: figures.model_dump(exclude_defaults=True) for name, figures in arms.items()},
            "source": {"pmid": "29658856"},
        }
    )


def exponential(hazard: float, patients: int = 300) -> SurvivalFigures:
    rates = {m: math.exp(-hazard * m) for m in (12.0, 24.0)}
    return survival(rates, median=Median(months=math.log(2) / hazard), patients=patients)


@given(st.floats(0.3, 2.0))
def test_proportional_exponentials_imply_their_own_ratio(ratio: float) -> None:
    r = readout(ratio, {"a": exponential(0.04 * ratio), "b": exponential(0.04)})
    implied = list(implied_log_ratios(r))
    assert len(implied) == 3
    for x in implied:
        assert x.log_ratio == pytest.approx(math.log(ratio), abs=1e-9)
    assert list(ratio_doubts(r)) == []


def test_late_effects_are_allowed_and_contradictions_are_not() -> None:
    # No effect for the first half of the events, a ratio of 0.5 afterwards: log average about log(0.5) / 2.
    equal_medians = {
        "a": survival({}, median=Median(months=12.0)),
        "b": survival({}, median=Median(months=12.0)),
    }
    assert list(ratio_doubts(readout(math.sqrt(0.5), equal_medians))) == []
    opposed = {"a": exponential(0.08), "b": exponential(0.03)}
    assert len(list(ratio_doubts(readout(0.4, opposed)))) == 3


@pytest.mark.parametrize(("patients", "doubted"), [(2000, True), (20, False)])
def test_small_arms_are_given_more_room(patients: int, doubted: bool) -> None:
    arms = {
        "a": exponential(0.04 * 1.15, patients),
        "b": exponential(0.04 * 2.0, patients),
    }
    assert bool(list(ratio_doubts(readout(1.35, arms)))) is doubted


def pairs() -> Iterator[tuple[float, float, float]]:
    yield 0.49, 0.38, 0.64
    yield 0.87, 0.70, 1.10
    yield 1.06, 0.76, 1.48


@pytest.mark.parametrize(("estimate", "low", "high"), list(pairs()))
def test_published_intervals_are_symmetric_after_rounding(estimate: float, low: float, high: float) -> None:
    assert asymmetry(estimate, low, high) < 0.05
    assert asymmetry(low * 1.02, low, high) > 0.5
