"""Evidence drawn from its published intervals: replicates spread as widely as what was published."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pipeline.schema import Cohort, InputError
from synthetic_data.cohort import population_of, simulate_cohort
from synthetic_data.cohort_spec import CohortSpec, Plan, plan_cohort
from synthetic_data.evidence import load_register
from synthetic_data.evidence_draw import curve_error, draw_evidence, effect_error
from synthetic_data.trial_curves import expected_ratio

TRIALS = ("KEYNOTE-189", "OAK", "IMpower133")
DRAWS = 300
PUBLISHED_WIDTH = 2 * 1.96


def sampled(trial: str, **fields: object) -> CohortSpec:
    return CohortSpec.model_validate(
        {"name": "sampled", "trial": trial, "evidence_draw": "sample", "defects": False} | fields
    )


@pytest.fixture(scope="module", params=TRIALS)
def drawn(request: pytest.FixtureRequest) -> tuple[Plan, list[Plan]]:
    register = load_register()
    plan = plan_cohort(sampled(request.param), register)
    rng = np.random.default_rng(0)
    return plan, [draw_evidence(plan, register, rng)[0] for _ in range(DRAWS)]


def test_medians_spread_as_their_published_intervals(drawn: tuple[Plan, list[Plan]]) -> None:
    plan, draws = drawn
    widths = []
    for f in plan.curves.figures:
        if f.kind == "median" and f.built_on and f.low and f.high:
            months = np.array([d.curves.curves[f.arm, f.endpoint].median() for d in draws])
            assert np.median(months) == pytest.approx(f.months, rel=0.03)
            low, high = np.quantile(np.log(months), [0.025, 0.975])
            widths.append((high - low) / math.log(f.high / f.low))
    assert widths
    assert all(0.75 < w < 1.3 for w in widths)  # quantiles of 300 draws, curves that are not straight


def test_hazard_ratios_spread_as_their_published_intervals(drawn: tuple[Plan, list[Plan]]) -> None:
    plan, draws = drawn
    sizes = {a: plan.trial.arm(a).patients or 1 for a in plan.arms}
    ratio = [r for r in plan.curves.ratios if r.endpoint == "os"][-1]
    logs = [
        math.log(
            expected_ratio(
                ratio,
                d.curves.curves[ratio.experimental, "os"],
                d.curves.curves[ratio.control, "os"],
                sizes,
            )
        )
        for d in draws[:150]
    ]
    assert np.std(logs) == pytest.approx(ratio.standard_error, rel=0.25)


def test_progression_free_survival_never_exceeds_overall(drawn: tuple[Plan, list[Plan]]) -> None:
    plan, draws = drawn
    for d in draws:
        for arm in plan.arms:
            os, pfs = (d.curves.curves[arm, e].cumulative_hazard for e in ("os", "pfs"))
            assert (pfs >= os).all()


def estimated_median(cohort: Cohort, arm: str) -> float:
    """Kaplan-Meier's median OS of an arm."""
    from lifelines import KaplanMeierFitter

    rows = cohort.observed[cohort.observed["arm"] == arm]
    return float(KaplanMeierFitter().fit(rows["os_months"], rows["died"]).median_survival_time_)


def test_replicates_re_estimated_spread_as_published_and_the_twin_does_not() -> None:
    """From patients: 16 replicates of 10,000 patients, and as many of one population."""
    register = load_register()
    spreads = {}
    for mode in ("sample", "point"):
        plan = plan_cohort(sampled("KEYNOTE-189", evidence_draw=mode, markers=("pdl1_tps",)), register)
        source = plan if mode == "sample" else population_of(plan, register)
        rng = np.random.default_rng(7)
        medians = [
            estimated_median(simulate_cohort(source, 10_000, rng, register), "pembrolizumab_chemo")
            for _ in range(16)
        ]
        spreads[mode] = float(np.std(np.log(medians), ddof=1))
    published = math.log(24.5 / 19.5) / PUBLISHED_WIDTH
    # a standard deviation from 16 replicates is off by a fifth
    assert spreads["sample"] == pytest.approx(published, rel=0.5)
    assert spreads["point"] < 0.5 * published


def test_the_same_generator_draws_the_same_evidence_and_the_manifest_says_which() -> None:
    spec = sampled("OAK", markers=("pdl1_tps",))
    one, again, other = (simulate_cohort(spec, 50, np.random.default_rng(s)) for s in (1, 1, 2))
    assert one.manifest["evidence_draw"] == again.manifest["evidence_draw"]
    assert one.manifest["evidence_draw"] != other.manifest["evidence_draw"]
    assert one.observed.equals(again.observed)
    account = one.manifest["evidence_draw"]
    assert account["mode"] == "sample"
    assert set(account["log_cumulative_hazard_moved_by"]) == {
        f"{arm} {e}" for arm in ("docetaxel", "atezolizumab") for e in ("os", "pfs")
    }
    assert account["effects_drawn"] > 40
    point = simulate_cohort(spec.model_copy(update={"evidence_draw": "point"}), 50, np.random.default_rng(1))
    assert point.manifest["evidence_draw"] == {"mode": "point"}


def test_one_population_of_drawn_evidence_needs_a_generator() -> None:
    with pytest.raises(InputError, match="needs a generator"):
        population_of(sampled("OAK"))


def test_an_arm_without_intervals_is_as_uncertain_as_its_size_makes_it() -> None:
    plan = plan_cohort(sampled("OAK"), load_register())
    bare = tuple(f.__class__(**(f.__dict__ | {"low": None, "high": None})) for f in plan.curves.figures)
    from dataclasses import replace

    without = replace(plan, curves=replace(plan.curves, figures=bare))
    patients = plan.trial.arm("docetaxel").patients
    assert patients
    assert curve_error(without, "docetaxel", "os") == pytest.approx(1 / math.sqrt(patients) / math.log(2))
    assert curve_error(plan, "docetaxel", "os") != curve_error(without, "docetaxel", "os")


def test_an_effect_is_as_uncertain_as_published_and_assumed_ones_stay() -> None:
    markers = load_register().markers
    simulate = markers["pdl1_tps"].simulate
    assert simulate is not None
    errors = [effect_error(markers, "pdl1_tps", e) for e in simulate.effects]
    assert any(e is not None and e > 0 for e in errors)
    assert all(
        e is None for e, effect in zip(errors, simulate.effects, strict=True) if effect.basis != "published"
    )


def test_an_assumed_curve_moves_with_its_reference_and_by_its_ratio_s_error() -> None:
    from tests.test_treatments import composed

    register = load_register()
    spec = CohortSpec(name="x", trial="KEYNOTE-024", hypothetical_arms=(composed(),), evidence_draw="sample")
    plan = plan_cohort(spec, register)
    rng = np.random.default_rng(0)
    apart = []
    for _ in range(200):
        moved = draw_evidence(plan, register, rng)[0].evidence["log_cumulative_hazard_moved_by"]
        apart.append(moved["hypothetical_pembrolizumab_il1b os"] - moved["pembrolizumab os"])
    error = math.log(1.1 / 0.7) / PUBLISHED_WIDTH  # of CANOPY-1's hazard ratio
    assert np.std(apart) == pytest.approx(error, rel=0.2)
