"""Published ratios made conditional: known problems are solved, signs and spread kept, figures traceable."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthetic_data.dependence import dependence_of
from synthetic_data.effects import (
    LARGEST_SPREAD,
    LEAST_RIDGE,
    conditional_effects,
    exposure,
    signed_solution,
)
from synthetic_data.evidence import MarkerSpec
from synthetic_data.evidence.marker_figures import MarkerEffect
from synthetic_data.markers import Setting, draw_markers

N = 20_000


@pytest.fixture(scope="module")
def draw(markers):
    return draw_markers(markers, Setting(), N, np.random.default_rng(2))


def normal_marker(name, order, effects, correlations=()):
    return MarkerSpec.model_validate(
        {
            "id": name,
            "name": name,
            "modality": "blood",
            "simulate": {
                "column": name,
                "label": name,
                "kind": "number",
                "order": order,
                "family": "normal",
                "parameters": {"mean": 5, "sd": 1},
                "margin": "assumed",
                "reason": "made up",
                "effects": effects,
                "correlations": [
                    {"marker": m, "measure": "latent", "value": v, "basis": "assumed", "reason": "made up"}
                    for m, v in correlations
                ],
            },
        }
    )


def effect(ratio, **fields):
    return {
        "endpoint": "os", "ratio": ratio, "transform": "linear", "basis": "assumed", "reason": "made up",
    } | fields  # fmt: skip


def solved(*markers):
    drawn = {m.id: m for m in markers}
    found, account = conditional_effects(drawn, dependence_of(drawn), "os")
    return {item.marker: item.log_ratio for item in found}, account


def test_independent_effects_are_only_shrunk():
    found, account = solved(normal_marker("a", 1, [effect(1.2)]), normal_marker("b", 2, [effect(0.8)]))
    assert account["ridge"] == LEAST_RIDGE
    assert found["a"] == pytest.approx(math.log(1.2) / (1 + LEAST_RIDGE), rel=1e-4)
    assert found["b"] == pytest.approx(math.log(0.8) / (1 + LEAST_RIDGE), rel=1e-4)


def test_a_marginal_effect_shares_what_a_correlated_one_explains():
    """Two markers of the same marginal effect and correlation ρ: each keeps 1 / (1 + ρ + ridge) of it."""
    rho, m = 0.5, math.log(1.2)
    found, _ = solved(
        normal_marker("a", 1, [effect(1.2)]), normal_marker("b", 2, [effect(1.2)], [("a", rho)])
    )
    for name in ("a", "b"):
        assert found[name] == pytest.approx(m / (1 + rho + LEAST_RIDGE), rel=1e-3)


def test_effects_of_one_joint_model_stand_when_nothing_else_is_known():
    joint = {"adjusted": True, "joint": "cox"}
    found, _ = solved(
        normal_marker("a", 1, [effect(1.2, **joint)]),
        normal_marker("b", 2, [effect(1.1, **joint)], [("a", 0.6)]),
    )
    assert found["a"] == pytest.approx(math.log(1.2), abs=0.02)
    assert found["b"] == pytest.approx(math.log(1.1), abs=0.02)


def test_univariable_effects_would_not_stand():
    """The twin: the same figures without a joint model are divided between the two."""
    found, _ = solved(
        normal_marker("a", 1, [effect(1.2)]), normal_marker("b", 2, [effect(1.1)], [("a", 0.6)])
    )
    assert abs(found["b"] - math.log(1.1)) > 0.02


def test_an_effect_that_others_explain_goes_to_zero_and_not_beyond():
    found, account = solved(
        normal_marker("a", 1, [effect(1.5)]), normal_marker("b", 2, [effect(1.05)], [("a", 0.8)])
    )
    assert found["b"] == 0.0
    assert account["explained_by_others"] == ["b"]


def test_the_ridge_is_raised_until_the_spread_is_the_published_one():
    found, account = solved(*(normal_marker(f"m{i}", i, [effect(1.6)]) for i in range(6)))
    assert account["ridge"] > LEAST_RIDGE
    assert account["spread_with_checkpoint_inhibitor"] == pytest.approx(LARGEST_SPREAD, abs=1e-3)
    assert len(set(np.round(list(found.values()), 6))) == 1


def test_weak_effects_are_never_scaled_up():
    _, account = solved(normal_marker("a", 1, [effect(1.05)]))
    assert account["spread_with_checkpoint_inhibitor"] < 0.05


def test_the_published_spread_is_that_of_the_deciles():
    """Means of a normal's upper and lower tenth lie 2 × 1.755 standard deviations apart."""
    scores = np.sort(np.random.default_rng(0).normal(size=200_000))
    gap = scores[-20_000:].mean() - scores[:20_000].mean()
    assert math.exp(LARGEST_SPREAD * gap) == pytest.approx(7.91, rel=0.02)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 8))
def test_without_active_signs_the_solution_is_the_linear_one(seed, size):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(size, size + 2))
    system = root @ root.T + 0.5 * np.eye(size)
    b = rng.normal(size=size)
    np.testing.assert_allclose(signed_solution(system, system @ b, np.sign(b)), b, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 8))
def test_the_signed_solution_meets_its_conditions(seed, size):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(size, size + 2))
    system, right = root @ root.T + 0.5 * np.eye(size), rng.normal(size=size)
    signs = np.where(rng.random(size) < 0.5, -1.0, 1.0)
    b = signed_solution(system, right, signs)
    slope = right - system @ b
    assert (b * signs >= 0).all()
    np.testing.assert_allclose(slope[b != 0], 0.0, atol=1e-6)  # free elements: stationary
    assert (slope[b == 0] * signs[b == 0] <= 1e-9).all()  # held at zero: the pull is the wrong way


@pytest.mark.parametrize("endpoint", ["os", "pfs"])
def test_the_shipped_effects_keep_their_signs_and_spread(markers, draw, endpoint):
    found, account = conditional_effects(markers, draw.dependence, endpoint)
    assert all(item.log_ratio * item.effect.log_ratio >= 0 for item in found)
    assert account["spread_with_checkpoint_inhibitor"] <= LARGEST_SPREAD + 1e-3
    assert account["spread_without_checkpoint_inhibitor"] <= LARGEST_SPREAD + 1e-3
    kept = {item.marker for item in found if abs(item.log_ratio) > 0}
    assert {"nlr", "albumin", "ecog_ps", "liver_mets", "ldh", "il6", "il8", "pdl1_tps", "tmb_tissue"} <= kept


def test_exposures_are_what_the_ratio_is_printed_for(draw):
    margins = draw.dependence.margins
    numbers = np.array([1.0, 7.0, 31.0])
    cases = [
        ("tmb_tissue", {"transform": "log2", "offset": 1.0}, [1.0, 3.0, 5.0]),
        ("nlr", {"transform": "ln"}, np.log(numbers)),
        ("pdl1_tps", {"transform": "linear", "per": 10.0}, [0.1, 0.7, 3.1]),
        ("crp", {"transform": "at_least", "threshold": 7.0}, [0.0, 1.0, 1.0]),
    ]
    for name, fields, expected in cases:
        printed = MarkerEffect.model_validate(effect(1.2, **fields))
        np.testing.assert_allclose(exposure(printed, margins[name], numbers), expected)
    never = MarkerEffect.model_validate(effect(1.2, transform="level", level="never"))
    np.testing.assert_array_equal(exposure(never, margins["smoking"], np.array([0.0, 1.0, 2.0])), [1, 0, 0])
