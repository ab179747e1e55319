"""Entries of the register say what their papers say."""

from __future__ import annotations

import math

import pytest

from synthetic_data.evidence import Count, Landmark, Median, Register


def test_published_keynote_189_is_carried_to_the_digit(register: Register) -> None:
    first = register.trial("KEYNOTE-189").main_readouts("OS")[0]
    assert first.hazard_ratio is not None
    assert (first.hazard_ratio.estimate, first.hazard_ratio.interval) == (0.49, (0.38, 0.64))
    experimental = first.arms["pembrolizumab_chemo"]
    assert experimental.landmarks == (Landmark(months=12, rate=0.692, interval=(0.641, 0.738)),)
    assert experimental.median == Median(reached=False)
    assert first.arms["placebo_chemo"].median == Median(months=11.3, interval=(8.7, 15.1))


def test_intervals_keep_their_own_level(register: Register) -> None:
    levels = {
        r.hazard_ratio.level
        for t in register.trials.values()
        for r in t.readouts
        if r.hazard_ratio is not None and r.hazard_ratio.interval is not None
    }
    assert {0.95, 0.9772, 0.9671, 0.96, 0.9738, 0.9967, None} <= levels


def test_a_second_interval_of_the_same_estimate_is_kept(register: Register) -> None:
    ratios = [r.hazard_ratio for r in register.trial("PACIFIC").main_readouts("OS") if r.hazard_ratio]
    others = [o for ratio in ratios for o in ratio.other_intervals]
    assert [(o.level, o.interval) for o in others] == [(0.9973, (0.47, 0.997))]


@pytest.mark.parametrize(("trial", "arms"), [("CANOPY-1", (320, 323)), ("CANOPY-2", (120, 117))])
def test_trials_of_two_source_files_are_one_entry(
    register: Register, trial: str, arms: tuple[int, int]
) -> None:
    spec = register.trial(trial)
    assert tuple(a.patients for a in spec.arms) == arms
    signatures = [(r.endpoint, r.population, r.hazard_ratio) for r in spec.readouts]
    assert len(signatures) == len(set(signatures))
    assert any(r.other_sources for r in spec.readouts), "both publications are cited"
    known = {a.id for a in spec.arms}
    assert all(set(r.arms) <= known for r in spec.readouts)


def test_canopy_1_keeps_what_only_one_of_its_sources_has(register: Register) -> None:
    spec = register.trial("CANOPY-1")
    assert sum("hs-CRP" in r.population for r in spec.readouts) == 4
    assert "objective_response" in spec.response[0].rates
    assert spec.baseline is not None
    assert spec.baseline.overall["median_age"] == 63


@pytest.mark.parametrize(
    ("trial", "word"),
    [
        ("CheckMate-816", "pCR"),
        ("CheckMate-77T", "cleared"),
        ("POSEIDON", "PFS"),
        ("IMPOWER-130-132-150-POOLED-IRAE", "immune-related"),
        ("QUILT-3.055", "ALC"),
    ],
)
def test_contrasts_made_by_treatment_are_prognostic(register: Register, trial: str, word: str) -> None:
    found = [r.contrast for r in register.trial(trial).readouts if word in r.population]
    assert found
    assert all(c is not None and c.kind == "prognostic" and c.basis for c in found)


def test_treatment_contrasts_name_arms_of_their_trial(register: Register) -> None:
    for trial in register.trials.values():
        ids = {a.id for a in trial.arms}
        for r in trial.readouts:
            if r.contrast is not None and r.contrast.kind == "treatment":
                assert {r.contrast.experimental, r.contrast.control} <= ids, trial.id


@pytest.mark.parametrize(
    ("trial", "population"),
    [
        ("KEYNOTE-189", "ITT"),
        ("IMpower150", "ITT-WT (no EGFR/ALK)"),
        ("CheckMate-227", "PD-L1 >=1%"),
        ("CheckMate-026", "PD-L1 >=5%"),
        ("MYSTIC", "PD-L1 TC >=25%"),
    ],
)
def test_main_populations(register: Register, trial: str, population: str) -> None:
    assert register.trial(trial).main_population == population


@pytest.mark.parametrize(
    ("trial", "arm", "classes", "checkpoint"),
    [
        ("KEYNOTE-189", "pembrolizumab_chemo", {"pd1", "chemotherapy"}, True),
        ("KEYNOTE-189", "placebo_chemo", {"placebo", "chemotherapy"}, False),
        ("IMpower150", "abcp", {"pdl1", "chemotherapy", "antiangiogenic"}, True),
        ("CheckMate-227", "nivo_ipi", {"pd1", "ctla4"}, True),
        ("CANOPY-2", "canakinumab_docetaxel", {"il1b", "chemotherapy"}, False),
        ("PACIFIC", "placebo", {"placebo"}, False),
        ("DeLLphi-304", "tarlatamab", {"dll3"}, False),
        ("SKYSCRAPER-01", "tira_atezo", {"pdl1", "tigit"}, True),
    ],
)
def test_arms_know_what_was_given(
    register: Register, trial: str, arm: str, classes: set[str], checkpoint: bool
) -> None:
    found = register.trial(trial).arm(arm)
    assert set(found.classes) == classes
    assert found.has_checkpoint_inhibitor is checkpoint


def test_references_outside_the_lung_are_told_apart(register: Register) -> None:
    assert register.trial("OAK").lung
    assert not register.trial("ZUMA-1").lung
    assert register.trial("CheckMate-017-057-POOLED").pooled


def test_published_contrasts_are_typed_as_they_read(register: Register) -> None:
    seen = {(m.id, e.contrast.text): e.contrast for m in register.markers.values() for e in m.effects}
    assert (seen["nlr", ">=5 vs <5 baseline"].cutoff, seen["nlr", ">=5 vs <5 baseline"].first_side) == (
        5,
        "above",
    )
    assert seen["nlr", "<=3.43 vs >3.43"].first_side == "below"
    assert seen["crp", "per doubling of baseline CRP"].scale == "doubling"
    assert (seen["age", "per 10 years"].per, seen["age", "per 10 years"].unit) == (10, "years")
    assert seen["pni", "low vs high"].first_side == "below"
    assert seen["stk11", "mutated vs wild-type"].second == "wild-type"
    assert seen["nlr", "NLR after cycle 2 >=1.75 vs <1.75"].on_treatment
    untyped = [c.text for c in seen.values() if c.kind == "single"]
    assert len(untyped) < 0.03 * len(seen)


def test_loris_can_be_computed_from_its_formula(register: Register) -> None:
    formula = next(f for f in register.models["loris"].formulas if f.name == "NSCLC")
    patient = {"tmb": 80.0, "pdl1_tps": 50.0, "prior_systemic_therapy": 1.0, "albumin": 4.0, "nlr": 30.0}
    score = formula.intercept + sum(
        t.coefficient * min(patient[t.feature], t.cap or math.inf) for t in formula.terms
    )
    by_hand = 0.0353 * 50 + 0.0111 * 50 - 0.375 + 0.2924 * 4 - 0.0103 * 25 - 1.5593
    assert score == pytest.approx(by_hand, abs=1e-12)


def test_the_claim_about_anti_il6_is_no_effect(register: Register) -> None:
    claim = register.trial("PARKHURST-2011-NK")
    assert claim.response[0].counts["objective_response"] == {"nk": Count(patients=0, of=8)}
    assert "does not support" in (claim.remark or "")
    siltuximab = register.trial("SILTUXIMAB-solid").response[0]
    assert siltuximab.rates["objective_response"]["siltuximab"].rate == 0
