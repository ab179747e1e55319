"""Assumed curves: computed from what they rest on, below or above as survival must be."""

from __future__ import annotations

import math

import numpy as np
import pytest

from synthetic_data.assumed_curves import completed_curves
from synthetic_data.cohort import simulate_cohort
from synthetic_data.cohort_spec import CohortSpec, plan_cohort
from synthetic_data.fidelity import fidelity
from synthetic_data.published_figures import drawable_arms
from synthetic_data.trial_completion import complete_trial
from synthetic_data.trial_curves import trial_curves

ASSUMED = ("ANVIL-EA5142", "BR.31", "CheckMate-73L", "COAST", "IMpower110", "MYSTIC", "NADIM", "CYPRESS-1")


def completed(register, name: str):
    return complete_trial(register.trial(name), register.trials)


def test_an_arm_known_by_its_ratio_is_the_control_raised_to_it(register) -> None:
    found = completed(register, "IMpower110")
    curves = completed_curves(found, found.default_arms, 18.0).curves
    months = np.array([1.0, 6.0, 14.0, 40.0])
    control, treated = (curves[a, "pfs"].survival(months) for a in ("chemo", "atezolizumab"))
    np.testing.assert_allclose(treated, control**0.77, rtol=1e-9)
    assert not np.allclose(treated, control**0.83, rtol=1e-3)  # the twin: the ratio of OS


def test_a_scaled_curve_has_its_median_at_the_ratio(register) -> None:
    found = completed(register, "CANOPY-2")
    curves = completed_curves(found, found.default_arms, 18.0).curves
    (factor,) = {round(c.factor, 12) for c in found.assumed}
    for arm in found.default_arms:
        assert curves[arm, "pfs"].median() == pytest.approx(factor * curves[arm, "os"].median(), rel=0.01)


@pytest.mark.parametrize("name", ASSUMED)
def test_progression_free_survival_stays_below_survival(register, name: str) -> None:
    found = completed(register, name)
    curves = completed_curves(found, found.default_arms, 18.0).curves
    for arm in found.default_arms:
        assert (curves[arm, "os"].months == curves[arm, "pfs"].months).all()
        assert (curves[arm, "pfs"].cumulative_hazard >= curves[arm, "os"].cumulative_hazard).all()
        assert (np.diff(curves[arm, "pfs"].cumulative_hazard) >= 0).all()
        assert (np.diff(curves[arm, "os"].cumulative_hazard) >= 0).all()


@pytest.mark.parametrize("name", ASSUMED)
def test_published_figures_of_other_curves_are_met(register, name: str) -> None:
    found = completed(register, name)
    drawn = completed_curves(found, found.default_arms, 18.0)
    built = [f for f in drawn.figures if f.built_on]
    assert built
    for figure in built:
        survival = float(drawn.curves[figure.arm, figure.endpoint].survival(figure.months))
        assert survival == pytest.approx(figure.survival, abs=2e-3)


def test_no_assumed_point_counts_as_a_published_figure(register) -> None:
    found = completed(register, "MYSTIC")
    drawn = completed_curves(found, found.default_arms, 18.0)
    assert {f.endpoint for f in drawn.figures} == {"os"}
    assert not [f for f in drawn.figures if "assumed" in f.source]
    assert {e for _, e in drawn.shapes} == {"os"}
    assert "pfs" in {r.endpoint for r in drawn.ratios}  # the ratio the curve is built on is published


def test_a_complete_trial_has_the_curves_it_had(register) -> None:
    trial = register.trial("KEYNOTE-189")
    arms = drawable_arms(trial)
    before, now = (
        trial_curves(trial, arms, 18.0),
        completed_curves(completed(register, "KEYNOTE-189"), arms, 18.0),
    )
    for key, curve in before.curves.items():
        np.testing.assert_array_equal(curve.cumulative_hazard, now.curves[key].cumulative_hazard)


def test_an_arm_drawn_without_the_control_it_rests_on_has_the_same_curve(register) -> None:
    found = completed(register, "IMpower110")
    alone = completed_curves(found, ["atezolizumab"], 18.0)
    both = completed_curves(found, found.default_arms, 18.0)
    assert {arm for arm, _ in alone.curves} == {"atezolizumab"}
    month = 12.0
    for endpoint, within in (("pfs", 0.02), ("os", 0.02)):  # shapes are fitted to ratios of drawn arms only
        gap = float(alone.curves["atezolizumab", endpoint].survival(month)) - float(
            both.curves["atezolizumab", endpoint].survival(month)
        )
        assert abs(gap) < within


def test_a_drawn_trial_shows_the_ratio_its_arm_is_built_on(register) -> None:
    plan = plan_cohort(CohortSpec(name="x", trial="ANVIL-EA5142", markers=()), register)
    cohort = simulate_cohort(plan.spec, 20_000, np.random.default_rng(3), register)
    table = fidelity(cohort, plan)
    survival = table[(table["kind"] == "hazard_ratio") & (table["endpoint"] == "os")].iloc[0]
    assert math.log(survival["reproduced"] / 1.02) == pytest.approx(0.0, abs=3 * survival["standard_error"])


def test_the_manifest_says_what_is_assumed(register) -> None:
    spec = CohortSpec(name="x", trial="KEYNOTE-091", markers=())
    manifest = simulate_cohort(spec, 400, np.random.default_rng(3), register).manifest
    assert manifest["progression_endpoint"] == "DFS"
    assert {(c["arm"], c["endpoint"]) for c in manifest["assumed_curves"]} == {
        ("placebo", "os"),
        ("pembro", "os"),
    }
    assert any(note.startswith("OS of placebo is assumed: its DFS") for note in manifest["notes"])


def test_a_trial_of_published_figures_assumes_nothing(register) -> None:
    spec = CohortSpec(name="x", trial="KEYNOTE-189", markers=())
    manifest = simulate_cohort(spec, 400, np.random.default_rng(3), register).manifest
    assert manifest["assumed_curves"] == []
    assert not [note for note in manifest["notes"] if "assumed" in note]
