"""Curves through published points, and baseline hazards whose population average they are."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthetic_data.survival_curves import (
    Atoms,
    SurvivalCurve,
    baseline_hazard,
    cox_hazard_ratio,
    curve_through,
    follow_up_distribution,
    inverse,
)


@st.composite
def published_points(draw: st.DrawFn) -> list[tuple[float, float]]:
    """Up to five figures, at least half a month and one point of survival apart."""
    steps = draw(st.lists(st.floats(0.5, 18.0), min_size=1, max_size=5))
    hazards = draw(st.lists(st.floats(0.02, 0.8), min_size=len(steps), max_size=len(steps)))
    return list(zip(np.cumsum(steps).tolist(), np.exp(-np.cumsum(hazards)).tolist(), strict=True))


shapes = st.floats(0.4, 2.5)


@given(published_points(), shapes)
def test_a_curve_meets_every_published_point(points: list[tuple[float, float]], shape: float) -> None:
    curve = curve_through(points, shape)
    months, survival = zip(*points, strict=True)
    np.testing.assert_allclose(curve.survival(np.array(months)), survival, atol=1e-9)


@given(published_points(), shapes)
def test_survival_starts_at_one_and_never_rises(points: list[tuple[float, float]], shape: float) -> None:
    survival = curve_through(points, shape).survival(np.linspace(0, 300, 900))
    assert survival[0] == 1
    assert (np.diff(survival) <= 1e-12).all()


@pytest.mark.parametrize("shape", [0.6, 1.0, 1.7])
def test_one_median_gives_the_weibull_curve_of_the_shape(shape: float) -> None:
    months = np.array([1.0, 5.0, 9.0, 40.0])
    weibull = np.exp(-math.log(2) * (months / 9.0) ** shape)
    curve = curve_through([(9.0, 0.5)], shape, months)
    np.testing.assert_allclose(curve.survival(months), weibull, atol=1e-9)
    assert curve.median() == pytest.approx(9.0, abs=1e-6)


def test_points_on_an_exponential_curve_give_back_that_curve() -> None:
    points = [(m, math.exp(-0.07 * m)) for m in (3.0, 10.0, 24.0)]
    months = np.linspace(0, 100, 50)
    np.testing.assert_allclose(curve_through(points, 1.0).survival(months), np.exp(-0.07 * months), atol=1e-9)


@pytest.mark.parametrize(
    "points", [[], [(0.0, 0.9)], [(6, 0.5), (6, 0.4)], [(6, 0.4), (12, 0.5)], [(6, 0.4), (12, 0.4)]]
)
def test_points_that_are_no_survival_curve_are_refused(points: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match="must rise in months and fall in survival"):
        curve_through(points, 1.0)


def test_inverse_carries_the_last_slope_on_and_skips_plateaus() -> None:
    knots, values = np.array([0.0, 1.0, 3.0, 5.0]), np.array([0.0, 1.0, 1.0, 2.0])
    got = inverse(knots, values, np.array([0.5, 1.0, 1.5, 3.0]))
    np.testing.assert_allclose(got, [0.5, 1.0, 4.0, 7.0])


def test_inverse_of_a_hazard_that_stands_still_at_the_end_is_never() -> None:
    assert inverse(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 1.0]), np.array([1.5]))[0] == math.inf


@given(published_points(), shapes, st.floats(0.01, 3.0))
def test_inverse_undoes_the_cumulative_hazard(
    points: list[tuple[float, float]], shape: float, target: float
) -> None:
    curve = curve_through(points, shape)
    month = inverse(curve.months, curve.cumulative_hazard, np.array([target]))
    assert curve.hazard_to(month)[0] == pytest.approx(target, abs=1e-7)


@pytest.mark.parametrize("ratio", [0.5, 0.8, 1.3])
@pytest.mark.parametrize("share", [0.5, 2 / 3])
def test_under_proportional_hazards_cox_tends_to_the_ratio_itself(ratio: float, share: float) -> None:
    control = curve_through([(6.0, 0.6), (12.0, 0.3)], 1.2)
    experimental = SurvivalCurve(control.months, control.cumulative_hazard * ratio)
    got = cox_hazard_ratio(experimental, control, share, (10.0, 28.0))
    assert got == pytest.approx(ratio, rel=2e-4)


def test_crossing_curves_give_a_ratio_that_falls_with_follow_up() -> None:
    control, late = curve_through([(4.0, 0.5)], 1.2), curve_through([(2.8, 0.5)], 0.7)
    ratios = [cox_hazard_ratio(late, control, 0.5, follow_up_distribution(m, 6.0)) for m in (4, 8, 16, 40)]
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[0] > 1 > ratios[-1]


def test_the_limit_agrees_with_a_large_simulated_trial() -> None:
    from synthetic_data.fidelity import two_arm_hazard_ratio

    control = curve_through([(4.0, 0.5), (12.0, 0.1)], 1.2)
    late = curve_through([(3.0, 0.5), (12.0, 0.25)], 0.8)
    rng, n = np.random.default_rng(5), 60_000
    treated = np.arange(2 * n) < n
    hazard = rng.exponential(size=2 * n)
    months = np.where(
        treated,
        inverse(late.months, late.cumulative_hazard, hazard),
        inverse(control.months, control.cumulative_hazard, hazard),
    )
    watched = rng.uniform(6.0, 24.0, 2 * n)
    event = months <= watched
    got = two_arm_hazard_ratio(np.ceil(30 * np.minimum(months, watched)), event, treated)
    expected = cox_hazard_ratio(late, control, 0.5, (6.0, 24.0))
    four_errors = 4 / math.sqrt(event.sum() / 4)
    assert abs(math.log(got / expected)) < four_errors
    assert abs(math.log(got / (expected * 1.1))) > four_errors  # the twin: a ratio 10 % off is seen


def test_follow_up_has_the_stated_median_and_never_starts_before_zero() -> None:
    assert follow_up_distribution(24.0, 18.0) == (15.0, 33.0)
    assert follow_up_distribution(5.0, 18.0) == (0.0, 10.0)


@pytest.mark.parametrize("spread", [0.0, 0.6, 1.2])
@pytest.mark.parametrize("n", [50, 20_000])
def test_the_population_average_is_the_published_curve(spread: float, n: int) -> None:
    rng = np.random.default_rng(11)
    death = np.exp(spread * rng.standard_normal(n))
    target = curve_through([(10.6, 0.5), (36.0, 0.17)], 1.2)
    population = Atoms.of(death, death)
    hazard = baseline_hazard(target, population.death, population.weight)
    for month in (2.0, 10.6, 24.0, 60.0):
        at = int(np.argmin(np.abs(target.months - month)))
        average = np.exp(-hazard[at] * death).mean()
        assert average == pytest.approx(float(target.survival(target.months[at])), abs=2e-4)


def test_without_differences_the_baseline_hazard_is_the_curve_itself() -> None:
    target = curve_through([(10.0, 0.5)], 1.3)
    hazard = baseline_hazard(target, np.ones(1), np.ones(1))
    np.testing.assert_allclose(hazard, target.cumulative_hazard, atol=1e-10)


def test_gamma_frailty_has_the_closed_form() -> None:
    # mean exp(-Λw) = (1 + θΛ)^(-1/θ) for w gamma with mean 1 and variance θ
    theta, rng = 0.5, np.random.default_rng(3)
    w = rng.gamma(1 / theta, theta, 400_000)
    target = curve_through([(8.0, 0.5)], 1.0)
    population = Atoms.of(w, w)
    hazard = baseline_hazard(target, population.death, population.weight)
    closed = (np.exp(theta * target.cumulative_hazard) - 1) / theta
    near = target.months <= 30
    np.testing.assert_allclose(hazard[near], closed[near], rtol=0.02)


def test_where_others_die_too_fast_the_hazard_stands_still_and_never_falls() -> None:
    target = SurvivalCurve(np.array([0.0, 5.0, 10.0]), -np.log(np.array([1.0, 0.6, 0.59])))
    dying = -np.log(np.array([[1.0], [0.9], [0.7]]))
    hazard = baseline_hazard(target, np.ones(1), np.ones(1), dying)
    assert hazard[1] == pytest.approx(math.log(0.9 / 0.6))
    assert hazard[2] == hazard[1]


def test_condensing_keeps_the_means() -> None:
    rng = np.random.default_rng(0)
    death, progression = np.exp(rng.standard_normal((2, 30_000)))
    population = Atoms.of(death, progression)
    assert len(population.weight) < 6_000
    assert population.weight.sum() == pytest.approx(1)
    assert population.death @ population.weight == pytest.approx(death.mean())
    assert population.progression @ population.weight == pytest.approx(progression.mean())
