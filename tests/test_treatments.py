"""Hypothetical arms, composed of entries of the register and named as what they are."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pydantic import ValidationError

from pipeline.schema import InputError
from synthetic_data.cohort import simulate_cohort
from synthetic_data.cohort_spec import CohortSpec, plan_cohort
from synthetic_data.evidence import load_register
from synthetic_data.treatments import HYPOTHETICAL, HypotheticalArm, with_hypothetical

CANOPY = {"trial": "CANOPY-1", "experimental": "canakinumab_pembro_chemo", "control": "placebo_pembro_chemo"}


def composed(**changes: object) -> HypotheticalArm:
    fields = {
        "id": "pembrolizumab_il1b",
        "backbone": "pembrolizumab",
        "adds": CANOPY,
        "classes": ["il1b"],
        "reason": "to see what would happen",
    }
    return HypotheticalArm.model_validate(fields | changes)


def spec(*arms: HypotheticalArm) -> CohortSpec:
    return CohortSpec(name="composed", trial="KEYNOTE-024", hypothetical_arms=arms)


def test_the_arm_is_called_hypothetical_wherever_it_is_shown() -> None:
    cohort = simulate_cohort(spec(composed()), 600, np.random.default_rng(0))
    name = "hypothetical_pembrolizumab_il1b"
    assert name.startswith(HYPOTHETICAL)
    assert set(cohort.observed["arm"]) == {"chemo", "pembrolizumab", name}
    assert cohort.control_arm == "chemo"
    assert set(cohort.manifest["hypothetical_arms"]) == {name}
    assert "hypothetical" in cohort.manifest["notes"][0]
    assert all("hypothetical" not in r["experimental"] for r in cohort.manifest["hazard_ratios"])
    assert composed(id="hypothetical_x").name == "hypothetical_x"


def test_its_curve_is_the_backbone_s_raised_to_the_published_ratio() -> None:
    plan = plan_cohort(spec(composed()), load_register())
    months = np.array([6.0, 24.0, 48.0])
    for endpoint, ratio in (("os", 0.87), ("pfs", 0.85)):
        backbone = plan.curves.curves["pembrolizumab", endpoint].hazard_to(months)
        drawn = plan.curves.curves["hypothetical_pembrolizumab_il1b", endpoint].hazard_to(months)
        np.testing.assert_allclose(drawn / backbone, ratio, rtol=1e-6)
    base, new = plan.responses["pembrolizumab"].rate, plan.responses["hypothetical_pembrolizumab_il1b"].rate
    in_canopy = 0.456 / 0.544 / (0.455 / 0.545)
    assert new / (1 - new) == pytest.approx(base / (1 - base) * in_canopy)


def test_the_trial_without_it_is_as_it_was() -> None:
    register = load_register()
    with_one, without = plan_cohort(spec(composed()), register), plan_cohort(spec(), register)
    months = np.arange(1.0, 60.0)
    for key, curve in without.curves.curves.items():
        np.testing.assert_array_equal(curve.hazard_to(months), with_one.curves.curves[key].hazard_to(months))


def test_benefit_is_even_unless_concentrated() -> None:
    assert composed().modifiers == ()
    (modifier,) = composed(concentrated_in="myeloid_inflammation", ratio_per_sd=0.8).modifiers
    assert modifier.os == pytest.approx(math.log(0.8))
    assert "il1b" in modifier.name


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"backbone": "nivolumab"}, "no arm 'nivolumab'; it has"),
        ({"adds": CANOPY | {"experimental": "x"}}, "CANOPY-1 has no arm 'x'"),
        (
            {"adds": {"trial": "MORPHEUS-UC", "experimental": "atezo_toci", "control": "atezo"}},
            "no OS hazard ratio of atezo_toci against atezo",
        ),
        ({"adds": CANOPY | {"trial": "CANOPY-9"}}, "CANOPY-9"),
    ],
)
def test_what_cannot_be_composed_is_said(changes: dict[str, object], words: str) -> None:
    register = load_register()
    with pytest.raises(InputError, match=words):
        with_hypothetical(register.trial("KEYNOTE-024"), [composed(**changes)], register)


def test_all_faults_are_said_at_once() -> None:
    register = load_register()
    arms = [composed(id="a", backbone="x"), composed(id="b", backbone="y")]
    with pytest.raises(InputError, match=r"(?s)'a'.*'b'"):
        with_hypothetical(register.trial("KEYNOTE-024"), arms, register)


def test_an_arm_needs_a_reason() -> None:
    with pytest.raises(ValidationError, match="reason"):
        composed(reason="")


@pytest.mark.parametrize(
    ("trial", "agent"),
    [
        ("CANOPY-1", "il1b"), ("CANOPY-2", "il1b"), ("CANOPY-A", "il1b"), ("CYPRESS-1", "il10"),
        ("CYPRESS-2", "il10"), ("QUILT-3.055", "il15"), ("ALT-803-nivo-ph1b", "il15"),
        ("NK-allo-pembro", "nk_cells"), ("SNK01-pembro", "nk_cells"), ("DeLLphi-301", "dll3"),
        ("DeLLphi-304", "dll3"), ("CIK-CT-squamous", "cik_cells"),
    ],
)  # fmt: skip
def test_arms_with_cytokine_and_cellular_agents_come_from_their_trials(trial: str, agent: str) -> None:
    plan = plan_cohort(CohortSpec(name="agents", trial=trial), load_register())
    assert any(agent in plan.trial.arm(a).classes for a in plan.arms)
    assert all(plan.treatment(a).modifiers == () for a in plan.arms)  # nothing is known of who benefits


def test_canopy_1_stays_negative() -> None:
    """Its drawn hazard ratios are inside the published intervals, which hold 1, and near none at all."""
    from synthetic_data.trial_curves import expected_ratio

    plan = plan_cohort(CohortSpec(name="canopy", trial="CANOPY-1"), load_register())
    sizes = {a: plan.trial.arm(a).patients or 1 for a in plan.arms}
    assert plan.curves.ratios
    for r in plan.curves.ratios:
        curves = [plan.curves.curves[a, r.endpoint] for a in (r.experimental, r.control)]
        drawn = expected_ratio(r, curves[0], curves[1], sizes)
        assert r.low is not None
        assert r.high is not None
        assert r.low < drawn < r.high
        assert r.low < 1 < r.high
