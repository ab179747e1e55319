"""Shapes learnt from other trials: what is shipped, how it is used, and how near it comes to real curves."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.bench_curves import FILE, sampling_gap
from benchmarks.learn_curve_shapes import as_yaml, gaps, published_slopes
from pipeline.schema import InputError
from synthetic_data.curve_shapes import (
    CurveShapes,
    Dying,
    Slope,
    curve_like,
    expected_death,
    kind_of,
    load_curve_shapes,
)
from synthetic_data.digitised_curves import TRIALS, compare, digitised, digitised_curves, gap
from synthetic_data.evidence import load_register
from synthetic_data.median_limits import median_limits
from synthetic_data.published_figures import ACCRUAL_MONTHS, as_of, choose_figures, drawable_arms
from synthetic_data.survival_curves import SurvivalCurve, curve_through, inverse
from synthetic_data.trial_curves import built_points, trial_curves

DYING = Dying(direct_deaths=0.015, after_progression=1.0, late_weight=0.5, spread=0.7)


@pytest.fixture(scope="module")
def register():
    return load_register()


@pytest.fixture(scope="module")
def comparison(register):
    if not FILE.exists():
        pytest.skip("no digitised curves beside this checkout (shared/realdata/digitised_os_curves.csv)")
    return compare(register, digitised_curves(FILE, register))


@st.composite
def published_points(draw: st.DrawFn) -> list[tuple[float, float]]:
    """Up to five figures, some of them close together."""
    steps = draw(st.lists(st.floats(0.2, 18.0), min_size=1, max_size=5))
    hazards = draw(st.lists(st.floats(0.01, 0.8), min_size=len(steps), max_size=len(steps)))
    return list(zip(np.cumsum(steps).tolist(), np.exp(-np.cumsum(hazards)).tolist(), strict=True))


@given(published_points(), st.floats(0.35, 3.0), st.floats(0.3, 1.6), st.floats(0.0, 1.0))
def test_a_curve_meets_every_point_and_never_rises(points, power, slope, weight) -> None:
    expected = expected_death(curve_through([(5.0, 0.5), (12.0, 0.2)], 1.1), points, DYING)
    curve = curve_like(expected, points, power, slope, weight, [7.1])
    months, survival = zip(*points, strict=True)
    np.testing.assert_allclose(curve.survival(np.array(months)), survival, atol=1e-9)
    drawn = curve.survival(np.linspace(0, 300, 900))
    assert drawn[0] == 1
    assert np.isfinite(drawn).all()
    assert (np.diff(drawn) <= 1e-12).all()
    assert 7.1 in curve.months


def test_one_point_scales_the_expected_curve_and_the_tail_has_the_learnt_slope() -> None:
    months = np.arange(0.0, 181.0, 0.25)
    expected = SurvivalCurve(months, 0.1 * months**1.5)
    curve = curve_like(expected, [(10.0, 0.5)], 1.0, 0.8, 1.0)
    early, late = np.array([2.0, 6.0]), np.array([20.0, 40.0])
    np.testing.assert_allclose(curve.hazard_to(early), math.log(2) * (early / 10) ** 1.5, rtol=1e-4)
    np.testing.assert_allclose(curve.hazard_to(late), math.log(2) * (late / 10) ** 0.8, rtol=1e-4)
    other = curve_like(expected, [(10.0, 0.5)], 1.0, 0.8, 0.0)
    np.testing.assert_allclose(other.hazard_to(late), math.log(2) * (late / 10) ** 1.5, rtol=1e-4)


def test_a_power_above_one_takes_early_deaths_away() -> None:
    expected = SurvivalCurve(np.arange(0.0, 181.0, 0.25), 0.05 * np.arange(0.0, 181.0, 0.25))
    at = [float(curve_like(expected, [(12.0, 0.5)], p, 1.0, 0.5).survival(4.0)) for p in (0.6, 1.0, 1.7)]
    assert at == sorted(at)


def test_constant_hazards_before_and_after_progression_have_the_closed_form() -> None:
    # PFS with rate p, of which deaths at rate d; after progression rate m:
    # S(t) = e^(-pt) + (p - d) (e^(-mt) - e^(-pt)) / (p - m)
    p, m = 0.15, 0.05
    months = np.arange(0.0, 181.0, 0.25)
    pfs = SurvivalCurve(months, p * months)

    def closed(t, d):
        return np.exp(-p * t) + (p - d) * (np.exp(-m * t) - np.exp(-p * t)) / (p - m)

    # Deaths at 0.015 a month where the overall hazard to the point is 0.04; the root law then gives 0.0187.
    point = 12.0
    d = 0.015
    for _ in range(50):
        d = 0.015 * math.sqrt(-math.log(closed(point, d)) / point / 0.04)
    got = expected_death(pfs, [(point, float(closed(point, d)))], DYING)
    at = np.array([1.0, 3.0, 6.0, 12.0, 24.0, 36.0])
    np.testing.assert_allclose(got.survival(at), closed(at, d), atol=2e-3)
    assert np.abs(got.survival(at) - closed(at, 2 * d)).max() > 5e-3  # the twin: twice as many direct deaths


def test_where_few_progress_early_few_die_early() -> None:
    points = [(12.0, 0.5)]
    at = []
    for shape in (0.6, 1.0, 1.7):  # the same median of progression-free survival
        expected = expected_death(curve_through([(5.0, 0.5)], shape), points, DYING)
        at.append(float(curve_like(expected, points, 1.0, 1.0, 0.0).survival(4.0)))
    assert at == sorted(at)
    assert at[2] - at[0] > 0.03


def slope(trial: str, kind: str, value: float, small_cell: bool = False) -> Slope:
    return Slope(trial=trial, arm="a", endpoint="os", kind=kind, small_cell=small_cell, slope=value)


def test_a_trials_own_figures_never_shape_its_curves(register) -> None:
    trial = register.trial("KEYNOTE-189")
    arm = trial.arm("placebo_chemo")
    others = (slope("A", "chemotherapy", 1.0), slope("B", "inhibitor", 0.6))
    own = slope(trial.id, "chemotherapy", 9.0)
    made = [
        CurveShapes(source="s", dying=DYING, dying_without={}, slopes=s).slope_for(trial, arm, "os")
        for s in (others, (*others, own), (*others, own.model_copy(update={"trial": "C"})))
    ]
    assert made[0] == made[1]
    assert made[2] > made[1]  # the twin: the same figure of another trial counts


def test_a_group_of_arms_is_shrunk_towards_what_it_belongs_to(register) -> None:
    trial = register.trial("KEYNOTE-189")
    few = (slope("A", "chemotherapy", 2.0), slope("B", "inhibitor", 0.5))
    many = (*[slope(f"A{i}", "chemotherapy", 2.0) for i in range(40)], slope("B", "inhibitor", 0.5))
    got = [
        CurveShapes(source="s", dying=DYING, dying_without={}, slopes=s).slope_for(
            trial, trial.arm("placebo_chemo"), "os"
        )
        for s in (few, many)
    ]
    assert 1.0 < got[0] < got[1] < 2.0
    assert got[1] == pytest.approx(2.0, rel=0.02)


def test_what_is_shipped_leaves_out_every_digitised_trial(register) -> None:
    shipped = load_curve_shapes()
    names = {register.trial(name).id for name, _, _ in TRIALS.values()}
    assert set(shipped.dying_without) == names
    assert shipped.dying_for(register.trial("IMpower133")) == shipped.dying_without["IMpower133"]
    assert shipped.dying_for(register.trial("CASPIAN")) == shipped.dying
    assert "10.1001/jamanetworkopen.2020.17675" in shipped.source
    assert not {s.trial for s in shipped.slopes} & {t.id for t in register.trials.values() if t.pooled}


def test_curves_of_inhibitors_flatten_most_and_small_cell_chemotherapy_least(register) -> None:
    shipped = load_curve_shapes()
    trial, small = register.trial("KEYNOTE-024"), register.trial("CASPIAN")
    alone, chemo = trial.arm("pembrolizumab"), trial.arm("chemo")
    assert (kind_of(alone), kind_of(chemo)) == ("inhibitor", "chemotherapy")
    for endpoint in ("os", "pfs"):
        slopes = [
            shipped.slope_for(trial, alone, endpoint),
            shipped.slope_for(trial, chemo, endpoint),
            shipped.slope_for(small, small.arm("ep"), endpoint),
        ]
        assert slopes == sorted(slopes)


def test_shipped_slopes_are_those_of_the_register(register) -> None:
    again = load_curve_shapes().model_copy(update={"slopes": published_slopes(register)})
    for name in ("OAK", "KEYNOTE-189", "IMpower133", "PACIFIC"):
        trial = register.trial(name)
        for arm in trial.arms:
            for endpoint in ("os", "pfs"):
                shipped = load_curve_shapes().slope_for(trial, arm, endpoint)
                assert again.slope_for(trial, arm, endpoint) == pytest.approx(shipped, rel=0.1), (
                    "run python -m benchmarks.learn_curve_shapes"
                )


def test_the_file_is_read_back_as_it_was_written(tmp_path) -> None:
    file = tmp_path / "shapes.yaml"
    file.write_text(as_yaml(load_curve_shapes()), encoding="utf-8")
    assert load_curve_shapes(file) == load_curve_shapes()


@pytest.mark.parametrize("text", ["source: [", "source: s\ndying: {}\n", ""])
def test_a_broken_file_is_named(tmp_path, text: str) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"broken\.yaml"):
        load_curve_shapes(file)


def test_an_earlier_cut_knows_nothing_of_later_figures(register) -> None:
    trial = register.trial("KEYNOTE-189")
    early = as_of(trial, 15.0)
    months = {f.months for f in choose_figures(early, "os", "placebo_chemo")}
    assert max(months) <= 12.0 < max(f.months for f in choose_figures(trial, "os", "placebo_chemo"))
    drawn = trial_curves(trial, drawable_arms(early), 18.0, until_follow_up_months=15.0)
    again = trial_curves(early, drawable_arms(early), 18.0)
    np.testing.assert_array_equal(
        drawn.curves["placebo_chemo", "os"].cumulative_hazard,
        again.curves["placebo_chemo", "os"].cumulative_hazard,
    )
    assert all(f.follow_up_months <= 15.0 for f in drawn.figures)


def test_the_digitised_curve_is_the_product_limit_estimate() -> None:
    # Textbook example: 6-MP arm of Freireich et al. 1963.
    time = np.array([6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35.0])
    event = np.array([1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0.0])
    made = digitised("t", "a", 0.0, time, event)
    survival = dict(zip(made.months.tolist(), made.survival.tolist(), strict=True))
    wanted = {5.0: 1.0, 6.0: 0.857, 7.0: 0.807, 10.0: 0.753, 13.0: 0.690, 16.0: 0.627, 22.0: 0.538}
    for month, value in wanted.items():
        assert survival[month] == pytest.approx(value, abs=5e-4)


def test_a_gap_is_found_where_it_is() -> None:
    rng = np.random.default_rng(4)
    truth = curve_through([(10.0, 0.5)], 1.0)
    time = inverse(truth.months, truth.cumulative_hazard, rng.exponential(size=6_000))
    made = digitised("t", "a", 0.0, np.minimum(time, 30.0), (time <= 30.0).astype(float))
    assert abs(gap(truth, made).largest) < 0.025
    off = gap(curve_through([(8.0, 0.5)], 1.0), made)
    # exp(-at) - exp(-bt) is largest at log(a/b)/(a - b)
    a, b = math.log(2) / 8, math.log(2) / 10
    at = math.log(a / b) / (a - b)
    assert off.largest == pytest.approx(math.exp(-a * at) - math.exp(-b * at), abs=0.01)
    assert off.month == pytest.approx(at, abs=6.0)


def test_left_out_curves_come_near_the_digitised_ones(comparison) -> None:
    ours, plain = (np.array([abs(row[i].largest) for row in comparison]) for i in (1, 2))
    assert len(ours) == 14
    assert ours.mean() <= 0.045
    assert ours.max() <= 0.08
    assert np.mean([row[1].mean for row in comparison]) <= 0.02
    # the twin: interpolation alone fails every one of these
    assert plain.mean() > 0.075
    assert plain.max() > 0.15
    assert np.mean([row[2].mean for row in comparison]) > 0.03


def test_left_out_curves_are_nearly_as_near_as_sampling_allows(comparison, register) -> None:
    rng = np.random.default_rng(7)
    alone = []
    for arm, _, _, curve in comparison:
        known = as_of(register.trial(arm.trial), arm.until_follow_up_months)
        months = np.array([m for m, _ in built_points(choose_figures(known, "os", arm.arm))])
        alone.append(sampling_gap(arm, curve, months, rng).largest)
    assert np.mean([abs(row[1].largest) for row in comparison]) < 1.25 * np.mean(alone)
    assert np.mean([abs(row[2].largest) for row in comparison]) > 1.7 * np.mean(alone)


def test_learning_prefers_what_is_shipped_to_dying_at_once(comparison, register) -> None:
    arms = [row[0] for row in comparison if row[0].trial == "KEYNOTE-189"]
    trial = register.trial("KEYNOTE-189")
    shipped = load_curve_shapes()
    wild = Dying(direct_deaths=0.08, after_progression=0.5, late_weight=0.0, spread=0.05)
    worse = shipped.model_copy(update={"dying_without": {trial.id: wild}})
    near, far = (np.mean([g.mean_square for g in gaps(trial, arms, s)]) for s in (shipped, worse))
    assert near < 0.5 * far


def test_small_cell_chemotherapy_is_expected_to_be_steeper_by_as_much_as_was_learnt(register) -> None:
    small = register.trial("CASPIAN")
    shipped = load_curve_shapes()
    powers = []
    for weight in (0.0, 0.5, 1.0):
        dying = shipped.dying.model_copy(update={"kind_weight": weight})
        powers.append(shipped.model_copy(update={"dying": dying}).usual_power(small, small.arm("ep")))
    assert powers[0] == 1
    assert powers[1] ** 2 == pytest.approx(powers[2])
    assert powers[2] > 1.1


def test_limits_of_medians_pull_the_curve_when_they_are_followed(register) -> None:
    trial = as_of(register.trial("CheckMate-057"), 22.0)
    shipped = load_curve_shapes()
    (early, wanted), *_ = median_limits(trial, choose_figures(trial, "os", "docetaxel"), ACCRUAL_MONTHS)
    at = []
    for follow in (True, False):
        dying = shipped.dying_for(trial).model_copy(update={"median_limits": follow})
        learnt = shipped.model_copy(update={"dying_without": {trial.id: dying}})
        curves = trial_curves(trial, drawable_arms(trial), ACCRUAL_MONTHS, learnt=learnt).curves
        at.append(float(curves["docetaxel", "os"].survival(early)))
    assert at[0] == pytest.approx(wanted, abs=1e-6)
    assert abs(at[1] - wanted) > 0.01
