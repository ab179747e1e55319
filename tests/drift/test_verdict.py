"""Verdicts: right on planted differences, quiet where nothing differs, and by the stated rules."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.planted_drift import PLANTS, SPEC, Trained, planted, trained, verdict_of
from pipeline.drift import LEVELS, DriftRules, judge_drift
from pipeline.run.streams import stage_generator
from pipeline.schema import Cohort
from synthetic_data.cohort import simulate_cohort

# The joint difference needs more patients than a test can afford; `python -m benchmarks drift` has it.
TRIED = [name for name in PLANTS if name != "markers no longer go together"]


@pytest.fixture(scope="module")
def known() -> Trained:
    return trained(1000, np.random.default_rng(1))


@pytest.fixture(scope="module")
def new() -> Cohort:
    return simulate_cohort(SPEC, 500, np.random.default_rng(2))


@pytest.mark.slow
@pytest.mark.parametrize("name", TRIED)
def test_the_verdict_on_what_was_planted_is_right(name: str, known: Trained, new: Cohort) -> None:
    plant, right = PLANTS[name]
    rng = np.random.default_rng(3)
    drift = verdict_of(known, planted(new, plant, rng), stage_generator(rng, "judge"))
    assert drift.verdict in right, drift.alarms[["words", "p_holm"]].to_string()


@pytest.mark.slow
def test_what_was_planted_is_what_is_named(known: Trained, new: Cohort) -> None:
    def alarms(name: str) -> set[tuple[str, str]]:
        rng = np.random.default_rng(3)
        found = verdict_of(known, planted(new, PLANTS[name][0], rng), rng).alarms
        return {(r.what, r.subject) for r in found.itertuples()}

    assert ("values", "ldh_u_per_l") in alarms("LDH by another method, 1.6 times")
    assert ("missing", "pdl1_tps_percent") in alarms("PD-L1 missing in 60 % more")
    worse = alarms("hazard of death 1.8 times")
    assert ("calibration_intercept", "cox") in worse
    assert not {what for what, _ in worse} & {"values", "missing", "separation"}  # the patients are the same


def shift(**changes: object) -> pd.DataFrame:
    row = {
        "column": "nlr", "label": "NLR", "role": "baseline", "psi": 0.0, "p": 1.0, "missing_old": 0.1,
        "missing_new": 0.1, "missing_p": 1.0, "unseen": 0.0, "test": "Kolmogorov-Smirnov",
    }  # fmt: skip
    return pd.DataFrame([row | changes])


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "none"),
        ({"psi": 0.3, "p": 0.2}, "none"),  # large, but chance would do it
        ({"psi": 0.05, "p": 1e-9}, "none"),  # sure, but of no consequence
        ({"psi": 0.15, "p": 1e-9}, "look"),
        ({"psi": 0.3, "p": 1e-9}, "do not use"),
        ({"missing_new": 0.25, "missing_p": 1e-9}, "look"),
        ({"missing_new": 0.6, "missing_p": 1e-9}, "do not use"),
        ({"unseen": 0.005}, "none"),
        ({"unseen": 0.05}, "look"),
        ({"role": "arm", "psi": 3.0, "p": 0.0}, "none"),  # somebody chose the arms
        ({"role": "arm", "unseen": 1.0}, "do not use"),
    ],
)
def test_a_difference_counts_when_it_is_sure_and_large(changes: dict[str, object], verdict: str) -> None:
    assert judge_drift(shift(**changes), None, None, DriftRules()).verdict == verdict


def test_what_no_model_rests_on_stops_nobody() -> None:
    far = shift(psi=2.0, p=0.0)
    for share, verdict in ((0.2, "do not use"), (0.001, "look")):
        assert judge_drift(far, None, None, DriftRules(), {"nlr": share}).verdict == verdict


def test_limits_are_the_users() -> None:
    strict = DriftRules.model_validate({"population_stability": {"look": 0.01, "stop": 0.02}})
    assert judge_drift(shift(psi=0.05, p=1e-9), None, None, strict).verdict == "do not use"
    with pytest.raises(ValueError, match=r"stop must be above look. Got look 0.5 and stop 0.2 instead"):
        DriftRules.model_validate({"separation": {"look": 0.5, "stop": 0.2}})


def test_more_comparisons_ask_for_more_evidence() -> None:
    one = shift(psi=0.3, p=0.02)
    many = pd.concat([one, *(shift(column=f"c{i}") for i in range(20))])
    assert judge_drift(one, None, None, DriftRules()).verdict == "do not use"
    assert judge_drift(many, None, None, DriftRules()).verdict == "none"


def test_findings_stand_worst_first() -> None:
    table = pd.concat([shift(), shift(column="b", psi=0.15, p=1e-9), shift(column="c", psi=0.5, p=1e-9)])
    found = judge_drift(table, None, None, DriftRules()).findings
    assert found["finding"].map(LEVELS.index).is_monotonic_decreasing
    assert found["subject"].iloc[0] == "c"
