"""Margins: families, the trial's published shares, eligibility."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr, ndtri

from pipeline.schema import InputError
from synthetic_data.copula import GRID, GRID_MASS
from synthetic_data.evidence import load_register
from synthetic_data.evidence.marker_figures import Part
from synthetic_data.evidence.simulation import Simulation, TrialMargin
from synthetic_data.margins import margin_of, midranks
from synthetic_data.published_shares import cut_probabilities
from synthetic_data.setting import REFERENCE, Eligibility, Setting

BASE = {"column": "x", "label": "X", "kind": "number", "order": 1, "margin": "assumed", "reason": "made up"}
TPS = {"a_lt1": Part(below=1), "b_1_49": Part(at_least=1, below=50), "c_ge50": Part(at_least=50)}
# the middles of equal slices of a normal score
SCORES = ndtri((np.arange(50_000) + 0.5) / 50_000)


def simulation(**fields):
    return Simulation.model_validate(BASE | fields)


def normal(**fields):
    return simulation(family="normal", parameters={"mean": 60, "sd": 10}, **fields)


def tps(**fields):
    return simulation(
        family="quantiles",
        quantiles=[[0, 0], [0.5, 0], [0.5, 1], [0.7, 50], [1, 100]],
        trial=TrialMargin(shares=TPS | {"ge1": Part(at_least=1)}),
        **fields,
    )


def shares_of(values):
    return [(values < 1).mean(), ((values >= 1) & (values < 50)).mean(), (values >= 50).mean()]


def test_a_normal_margin_has_its_mean_and_spread():
    values = margin_of(normal(), REFERENCE).numbers(SCORES)
    assert values.mean() == pytest.approx(60, abs=1e-6)
    assert values.std() == pytest.approx(10, rel=1e-3)


def test_a_lognormal_margin_has_its_median_and_quartiles():
    s = simulation(family="lognormal", parameters={"median": 4.0, "log_sd": 0.7})
    values = margin_of(s, REFERENCE).numbers(SCORES)
    q = np.exp(0.7 * 0.67449)
    np.testing.assert_allclose(np.quantile(values, [0.25, 0.5, 0.75]), [4 / q, 4, 4 * q], rtol=1e-3)


def test_zeros_have_their_share_and_the_rest_its_median():
    s = simulation(family="zero_inflated_lognormal", parameters={"zero": 0.2, "median": 50, "log_sd": 1.5})
    values = margin_of(s, REFERENCE).numbers(SCORES)
    assert (values == 0).mean() == pytest.approx(0.2, abs=1e-4)
    assert np.median(values[values > 0]) == pytest.approx(50, rel=1e-2)


def test_quantiles_hold_an_atom():
    values = margin_of(tps(), REFERENCE).numbers(SCORES)
    np.testing.assert_allclose(shares_of(values), [0.5, 0.2, 0.3], atol=1e-4)
    assert (values == 0).mean() == pytest.approx(0.5, abs=1e-4)


@pytest.mark.parametrize("prevalence", [0.0, 0.03, 0.5, 1.0])
def test_a_boolean_is_true_as_often_as_stated(prevalence):
    s = Simulation.model_validate(
        BASE | {"kind": "boolean", "family": "bernoulli", "parameters": {"prevalence": prevalence}}
    )
    margin = margin_of(s, REFERENCE)
    assert margin.values(SCORES).mean() == pytest.approx(prevalence, abs=1e-4)
    assert margin.constant == {0.0: "false", 1.0: "true"}.get(prevalence)


def test_higher_scores_never_give_lower_numbers():
    for marker in load_register().markers.values():
        if marker.simulate is not None:
            assert (np.diff(margin_of(marker.simulate, REFERENCE).tabulated()) >= 0).all(), marker.id


def test_every_shipped_margin_stays_in_its_declared_range():
    for marker in load_register().markers.values():
        s = marker.simulate
        if s is not None and s.low is not None and s.high is not None:
            table = margin_of(s, REFERENCE).tabulated()
            assert s.low <= table.min(), marker.id
            assert table.max() <= s.high, marker.id


def test_truncation_is_exact():
    values = margin_of(normal(low=55, high=70), REFERENCE).numbers(SCORES)
    assert values.min() >= 55
    assert values.max() <= 70
    # a truncated normal keeps its shape inside
    inside = (ndtr(0) - ndtr(-0.5)) / (ndtr(1) - ndtr(-0.5))
    assert (values < 60).mean() == pytest.approx(inside, abs=1e-4)


def test_rounding_keeps_the_bounds():
    values = margin_of(normal(low=55.4, high=70.3, decimals=0), REFERENCE).numbers(SCORES)
    assert set(np.unique(values)) == set(range(56, 71))


def test_a_trials_median_replaces_the_margins():
    s = normal(trial=TrialMargin(median="median_age"))
    values = margin_of(s, Setting(baseline={"median_age": 66.5})).numbers(SCORES)
    assert np.median(values) == pytest.approx(66.5, abs=1e-3)


@settings(max_examples=30)
@given(st.floats(0.05, 0.9), st.floats(0.05, 0.9), st.floats(0.05, 0.9))
def test_a_trials_shares_are_reproduced(first, second, third):
    total = first + second + third
    known = dict(zip(TPS, (first / total, second / total, third / total), strict=True))
    values = margin_of(tps(), Setting(baseline=known)).numbers(SCORES)
    np.testing.assert_allclose(shares_of(values), list(known.values()), atol=5e-5)


def test_shares_that_leave_unknown_patients_out_are_scaled():
    known = {"a_lt1": 0.308, "b_1_49": 0.302, "c_ge50": 0.328}
    margin = margin_of(tps(), Setting(baseline=known))
    expected = np.array(list(known.values())) / sum(known.values())
    np.testing.assert_allclose(shares_of(margin.numbers(SCORES)), expected, atol=5e-5)
    assert margin.basis == "trial"


def test_shares_that_reach_the_top_leave_the_rest_below():
    assert cut_probabilities(tps(), {"b_1_49": 0.53, "c_ge50": 0.47}) == pytest.approx({50: 0.53, 1: 0.0})


def test_single_shares_become_cut_points():
    assert cut_probabilities(tps(), {"ge1": 0.68, "c_ge50": 0.35}) == pytest.approx({1: 0.32, 50: 0.65})


def test_contradicting_shares_are_refused():
    with pytest.raises(InputError, match=r"sum to 1\.400"):
        margin_of(tps(), Setting(baseline={"a_lt1": 0.6, "b_1_49": 0.5, "c_ge50": 0.3}))


def test_eligibility_truncates_exactly_and_keeps_proportions():
    setting = Setting(eligibility={"x": Eligibility(at_least=1)})
    values = margin_of(tps(), setting).numbers(SCORES)
    np.testing.assert_allclose(shares_of(values), [0.0, 0.4, 0.6], atol=1e-4)
    assert values.min() >= 1


def test_eligibility_acts_after_the_trials_shares():
    setting = Setting(
        baseline={"a_lt1": 0.2, "b_1_49": 0.5, "c_ge50": 0.3}, eligibility={"x": Eligibility(at_least=50)}
    )
    assert shares_of(margin_of(tps(), setting).numbers(SCORES)) == [0.0, 0.0, 1.0]


def test_nobody_eligible_is_an_error():
    setting = Setting(baseline={"a_lt1": 1.0}, eligibility={"x": Eligibility(at_least=50)})
    with pytest.raises(InputError, match="nobody is eligible by x"):
        margin_of(tps(), setting)


def test_levels_take_the_trials_shares_and_keep_the_others_proportions():
    s = Simulation.model_validate(
        BASE
        | {
            "kind": "category",
            "family": "categorical",
            "levels": {"never": 0.2, "former": 0.6, "current": 0.2},
            "trial": {
                "shares": {
                    "never_smoker": {"levels": ["never"]},
                    "ever_smoker": {"levels": ["former", "current"]},
                }
            },
        }
    )
    margin = margin_of(s, Setting(baseline={"never_smoker": 0.12}))
    drawn = margin.values(SCORES)
    shares = [(drawn == level).mean() for level in ("never", "former", "current")]
    np.testing.assert_allclose(shares, [0.12, 0.66, 0.22], atol=1e-4)
    only = margin_of(s, Setting(eligibility={"x": Eligibility(equals="never")}))
    assert only.constant == "never"
    assert (
        margin_of(s, Setting(eligibility={"x": Eligibility(one_of=("former", "current"))})).constant is None
    )


def test_a_boolean_takes_the_complement_of_a_published_share():
    s = Simulation.model_validate(
        BASE
        | {
            "kind": "boolean",
            "family": "bernoulli",
            "parameters": {"prevalence": 0.3},
            "trial": {"shares": {"nonsquamous": {"levels": ["false"]}}},
        }
    )
    drawn = margin_of(s, Setting(baseline={"nonsquamous": 0.74})).values(SCORES)
    assert drawn.mean() == pytest.approx(0.26, abs=1e-4)
    excluded = margin_of(s, Setting(eligibility={"x": Eligibility(equals=False)}))
    assert excluded.constant == "false"


def test_counts_answer_to_bounds():
    s = Simulation.model_validate(BASE | {"family": "categorical", "levels": {"0": 0.4, "1": 0.5, "2": 0.1}})
    numbers = margin_of(s, Setting(eligibility={"x": Eligibility(below=2)})).numbers(SCORES)
    assert set(np.unique(numbers)) == {0.0, 1.0}
    assert numbers.mean() == pytest.approx(5 / 9, abs=1e-4)


def test_an_override_fits_its_setting_only():
    s = normal(overrides=[{"histologies": ["sclc"], "parameters": {"mean": 70}, "reason": "x"}])
    assert margin_of(s, Setting(histology="sclc")).numbers(np.zeros(1))[0] == pytest.approx(70)
    assert margin_of(s, Setting(histology="nsclc")).numbers(np.zeros(1))[0] == pytest.approx(60)
    assert margin_of(s, Setting(histology="sclc")).basis == "setting"


@pytest.mark.parametrize(
    "rule", [{}, {"at_least": 1, "equals": 1}, {"one_of": ["a"], "below": 3}, {"more_than": 2}]
)
def test_eligibility_takes_one_form(rule):
    with pytest.raises(ValueError, match=r"one of them only|Extra inputs"):
        Eligibility.model_validate(rule)


def test_eligibility_of_a_number_takes_bounds():
    with pytest.raises(InputError, match="at_least and below only"):
        margin_of(normal(), Setting(eligibility={"x": Eligibility(equals=3)}))


def test_midranks_are_probabilities_with_ties_in_their_middle():
    np.testing.assert_array_equal(midranks(np.exp(GRID)), ndtr(GRID))
    ranks = midranks((GRID > 0).astype(float))
    assert GRID_MASS @ ranks == pytest.approx(0.5, abs=1e-3)
    assert sorted(set(ranks.round(3))) == [0.25, 0.75]
