"""Curves of whole trials: through every figure built on, and close to every hazard ratio."""

from __future__ import annotations

import math

import numpy as np
import pytest

from synthetic_data.curve_shapes import load_curve_shapes
from synthetic_data.published_figures import drawable_arms
from synthetic_data.trial_curves import expected_ratio, prior_shape, trial_curves

NAMED = (
    "KEYNOTE-024", "KEYNOTE-042", "KEYNOTE-189", "KEYNOTE-407", "CheckMate-9LA", "CheckMate-227",
    "IMpower150", "OAK", "POPLAR", "CheckMate-017", "CheckMate-057", "PACIFIC", "IMpower133", "CASPIAN",
)  # fmt: skip


@pytest.fixture(scope="module")
def fitted(register):
    trials = {name: register.trial(name) for name in NAMED}
    return {name: (t, trial_curves(t, drawable_arms(t), 18.0)) for name, t in trials.items()}


@pytest.mark.parametrize("name", NAMED)
def test_every_figure_built_on_is_met(fitted, name: str) -> None:
    _, curves = fitted[name]
    built = [f for f in curves.figures if f.built_on]
    assert len(built) >= 2 * len({f.arm for f in built})
    for figure in built:
        curve = curves.curves[figure.arm, figure.endpoint]
        assert float(curve.survival(figure.months)) == pytest.approx(figure.survival, abs=1e-3)


@pytest.mark.parametrize("name", NAMED)
def test_every_hazard_ratio_lies_in_its_published_interval(fitted, name: str) -> None:
    trial, curves = fitted[name]
    sizes = {a.id: a.patients or 1 for a in trial.arms}
    assert curves.ratios
    for ratio in curves.ratios:
        arms = (curves.curves[arm, ratio.endpoint] for arm in (ratio.experimental, ratio.control))
        got = expected_ratio(ratio, *arms, sizes)
        assert (ratio.low or 0) <= got <= (ratio.high or 9), (ratio.endpoint, ratio.follow_up_months)


@pytest.mark.parametrize("name", NAMED)
def test_progression_free_survival_never_exceeds_survival(fitted, name: str) -> None:
    _, curves = fitted[name]
    for arm in {a for a, _ in curves.curves}:
        os, pfs = curves.curves[arm, "os"], curves.curves[arm, "pfs"]
        assert (os.months == pfs.months).all()
        assert (pfs.cumulative_hazard >= os.cumulative_hazard).all()


def test_the_crossing_of_oak_needs_a_shape_below_its_control(fitted) -> None:
    _, curves = fitted["OAK"]
    assert curves.shapes["atezolizumab", "pfs"] < curves.shapes["docetaxel", "pfs"] - 0.1
    early, late = (
        curves.curves["atezolizumab", "pfs"].survival(m) - curves.curves["docetaxel", "pfs"].survival(m)
        for m in (2.0, 12.0)
    )
    assert early < 0 < late


def test_an_arm_without_a_ratio_keeps_its_prior_shape(register, fitted) -> None:
    trial = register.trial("KEYNOTE-189")
    alone = trial_curves(trial, ["placebo_chemo"], 18.0)
    usual = load_curve_shapes().usual_power(trial, trial.arm("placebo_chemo"))
    assert alone.shapes["placebo_chemo", "os"] == usual
    assert alone.shapes["placebo_chemo", "pfs"] == 1.25
    assert fitted["KEYNOTE-189"][1].shapes["placebo_chemo", "os"] != usual
    assert not alone.ratios


def test_a_figure_from_another_population_is_noted(fitted) -> None:
    assert any("read from population 'ITT'" in note for note in fitted["CheckMate-227"][1].notes)


def test_beyond_its_last_figure_progression_slows_as_in_other_trials(register) -> None:
    trial = register.trial("POPLAR").model_copy(update={"assessments": None})
    curves = trial_curves(trial, ["atezolizumab"], 8.0)
    curve = curves.curves["atezolizumab", "pfs"]
    slope = load_curve_shapes().slope_for(trial, trial.arm("atezolizumab"), "pfs")
    bent = curves.shapes["atezolizumab", "pfs"] / prior_shape(trial, trial.arm("atezolizumab"))
    at = np.array([6.0, 24.0])
    grown = float(np.diff(np.log(curve.hazard_to(at)))[0] / math.log(4))
    assert grown == pytest.approx(slope * bent, rel=0.01)
    assert slope < 0.7 < prior_shape(trial, trial.arm("atezolizumab"))
