"""A policy sees nothing but what is known: no truth, and nothing later than the decision."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipeline.decide import Policy, Series, follow, gather, prediction_series
from pipeline.decide.knowledge import Known
from pipeline.schema import InputError

from .made_world import made_policy, made_world

EVERYTHING = {
    "label": "everything",
    "assays": {
        "blood": {"column": "signal", "first_months": 1, "every_weeks": 8, "until_months": 30,
                  "turnaround_weeks": 2, "positive_at": 0.5},
        "number": {"column": "signal", "first_months": 1, "every_weeks": 4.348125, "until_months": 30},
    },
    "rules": [
        {"name": "toxicity", "action": "stop", "when": [{"kind": "toxicity", "grade_at_least": 3},
                                                         {"kind": "marker", "column": "pdl1_tps_percent",
                                                          "below": 50}]},
        {"name": "persistence", "action": "escalate",
         "when": [{"kind": "result", "assay": "blood", "result": "positive", "consecutive": 2}]},
        {"name": "risk", "action": "switch", "when": [{"kind": "risk", "name": "cox", "at_least": 0.6}]},
        {"name": "mechanism", "action": "switch",
         "when": [{"kind": "mechanism", "name": "antigen_scarcity", "at_least": 0.8}]},
        {"name": "level", "action": "switch",
         "when": [{"kind": "level", "assay": "number", "of": "ratio_to_highest", "below": 0.5}]},
        {"name": "late", "action": "switch_late", "after": ["start", "escalate", "switch"],
         "when": [{"kind": "progression"}]},
    ],
}  # fmt: skip


def everything_known(seed: int = 4) -> tuple[Policy, Known]:
    cohort = made_world(300, seed)
    policy = Policy.model_validate(EVERYTHING)
    rng = np.random.default_rng(5)
    table = pd.DataFrame(
        {"patient": np.repeat(cohort.observed.index, 4), "landmark_months": 300 * [3, 6, 9, 12]}
    )
    table["risk"], table["p"] = rng.random(1200), rng.random(1200)
    predictions = {
        ("risk", "cox"): prediction_series(table, cohort.observed.index, "risk"),
        ("mechanism", "antigen_scarcity"): prediction_series(table, cohort.observed.index, "p"),
    }
    return policy, gather(policy, cohort, np.random.default_rng(6), predictions)


def up_to(decisions: pd.DataFrame, months: float) -> pd.DataFrame:
    return decisions[decisions["months"] <= months].reset_index(drop=True)


def garbled(known: Known, months: float, rng: np.random.Generator) -> Known:
    """Everything later than `months` replaced by something else."""

    def other(series: Series) -> Series:
        later = series.known_months > months
        return Series(series.known_months, np.where(later, rng.random(later.shape) * 2, series.values))

    assert known.toxicity is not None
    toxicity = known.toxicity.assign(
        grade=np.where(known.toxicity["onset_months"] > months, 5.0, known.toxicity["grade"])
    )
    later = known.progressed_months > months
    return replace(
        known,
        results={k: other(s) for k, s in known.results.items()},
        predictions={k: other(s) for k, s in known.predictions.items()},
        toxicity=toxicity,
        progressed_months=np.where(later, months + 0.01 + rng.random(len(later)), known.progressed_months),
    )


@pytest.mark.parametrize("months", [2.5, 4.0, 7.0, 15.0])
def test_nothing_later_changes_a_decision(months: float) -> None:
    policy, known = everything_known()
    decided = follow(policy, known, 36)
    assert {"toxicity", "persistence", "risk", "mechanism", "late"} <= set(decided["rule"])
    changed = follow(policy, garbled(known, months, np.random.default_rng(7)), 36)
    pd.testing.assert_frame_equal(up_to(decided, months), up_to(changed, months))
    cut = follow(policy, known.until(months), months)
    alive = cut["months"] < months - 0.25  # the last week: nobody is followed past it any more
    before = up_to(decided, months - 0.25)
    assert cut[alive]["patient"].tolist() == before["patient"].tolist()


def test_the_test_above_can_fail() -> None:
    def looking_ahead(known: Known) -> Known:
        return replace(known, results={k: Series(s.known_months - 6, s.values)
                                       for k, s in known.results.items()})  # fmt: skip

    policy, known = everything_known()
    decided = up_to(follow(policy, looking_ahead(known), 36), 7.0)
    changed = garbled(known, 7.0, np.random.default_rng(7))
    assert not up_to(follow(policy, looking_ahead(changed), 36), 7.0).equals(decided)


def test_a_policy_sees_no_truth() -> None:
    """Results as measured: another truth, the same observed tables, the same decisions."""
    cohort = made_world(200, 8)
    assert cohort.truth is not None
    policy = Policy.model_validate(
        EVERYTHING | {"rules": [r for r in EVERYTHING["rules"] if r["name"] not in ("risk", "mechanism")]}
    )
    known = gather(policy, cohort, np.random.default_rng(1))
    assert not set(cohort.truth.patients) & set(known.baseline)
    other = replace(cohort, truth=made_world(200, 9).truth)
    first = follow(policy, known, 36)
    second = follow(policy, gather(policy, other, np.random.default_rng(1)), 36)
    pd.testing.assert_frame_equal(first, second)


def test_results_come_after_the_turnaround_and_in_a_row() -> None:
    cohort = made_world(400, 3)
    policy = made_policy(consecutive=2)
    known = gather(policy, cohort, np.random.default_rng(0))
    decided = follow(policy, known, 36)
    persistence = decided[decided["rule"] == "persistence"].set_index("patient")["months"]
    pfs = cohort.truth.patients["pfs_event_months"]  # type: ignore[union-attr]
    for patient, month in persistence.items():
        first = max(np.floor(pfs[patient] - 8.0) + 1, 3.0)  # first positive sample, then one more
        due = first + 1 + 7 / 30.4375
        assert due - 1e-6 <= month <= due + 7 / 30.4375 + 0.05, patient
    late = policy.assays["blood"].model_copy(update={"turnaround_weeks": 5})
    slow = policy.model_copy(update={"assays": policy.assays | {"blood": late}})
    later = follow(slow, gather(slow, cohort, np.random.default_rng(0)), 36)
    shift = later[later["rule"] == "persistence"].set_index("patient")["months"] - persistence
    assert shift.dropna().between(3 * 7 / 30.4375, 5 * 7 / 30.4375).all()


def test_errors_of_a_test_are_as_often_as_stated() -> None:
    cohort = made_world(3000, 11)
    policy = made_policy(sensitivity=0.7, specificity=0.9)
    drawn = gather(policy, cohort, np.random.default_rng(2)).results["blood"].values
    exact = gather(made_policy(), cohort, np.random.default_rng(2)).results["blood"].values
    there, free = exact == 1, exact == 0
    for share, expected, n in (
        (drawn[there].mean(), 0.7, there.sum()),
        (drawn[free].mean(), 0.1, free.sum()),
    ):
        assert abs(share - expected) < 4 * np.sqrt(expected * (1 - expected) / n)


def test_reversing_swaps_what_tests_say_and_nothing_else() -> None:
    policy = Policy.model_validate(EVERYTHING)
    back = policy.reversed()
    kinds = [[t.kind for t in r.when] for r in back.rules]
    assert kinds == [[t.kind for t in r.when] for r in policy.rules]
    assert back.rules[1].when[0].result == "negative"  # type: ignore[union-attr]
    assert back.rules[2].when[0].below == 0.6  # type: ignore[union-attr]
    assert back.rules[0] == policy.rules[0]
    assert back.reversed().rules == policy.rules


def test_what_cannot_be_is_refused_all_at_once() -> None:
    cohort = made_world(20, 1)
    assays = {"a": {"column": "nothing", "every_weeks": 4, "until_months": 12, "positive_at": 1}}
    rules = [
        {"name": "r", "action": "stop", "when": [{"kind": "marker", "column": "age", "at_least": 1},
                                                  {"kind": "result", "assay": "a", "result": "positive"}]}
    ]  # fmt: skip
    policy = Policy.model_validate({"label": "bad", "assays": assays, "rules": rules})
    with pytest.raises(InputError, match=r"no column 'nothing'.*no baseline column 'age'"):
        gather(policy, cohort, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"after 'never' never comes.*no assay 'b'"):
        Policy.model_validate({"label": "bad", "rules": [
            {"name": "r", "action": "stop", "after": ["never"],
             "when": [{"kind": "result", "assay": "b", "result": "positive"}]}]})  # fmt: skip
    with pytest.raises(ValueError, match="go together"):
        Policy.model_validate({"label": "x", "assays": {"a": assays["a"] | {"sensitivity": 0.5}},
                               "rules": rules})  # fmt: skip
    unknown = Policy.model_validate({"label": "x", "rules": [
        {"name": "r", "action": "stop", "when": [{"kind": "risk", "name": "cox", "below": 1}]}]})  # fmt: skip
    with pytest.raises(InputError, match="no prediction of risk 'cox'"):
        follow(unknown, gather(unknown, cohort, np.random.default_rng(0)), 12)
