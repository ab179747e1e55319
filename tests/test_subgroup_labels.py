"""Published names of subgroups, read as conditions on marker columns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthetic_data.evidence import load_register
from synthetic_data.subgroup_labels import CRP, PDL1, TMB, Condition, read_label


def published_labels() -> list[str]:
    """Every population of a treatment hazard ratio in the register."""
    return sorted(
        {
            r.population
            for t in load_register().trials.values()
            for r in t.readouts
            if r.hazard_ratio is not None and r.contrast is not None and r.contrast.kind == "treatment"
        }
    )


def test_every_label_of_the_register_is_a_condition_the_whole_trial_or_refused_for_a_reason() -> None:
    labels = published_labels()
    assert len(labels) > 60
    drawn = {m.simulate.column for m in load_register().markers.values() if m.simulate is not None}
    for label in labels:
        read = read_label(label)
        assert bool(read.reason) + read.whole + bool(read.conditions and not read.whole) == 1, label
        assert "no rule reads" not in read.reason, label
        assert read.columns <= drawn, label


@pytest.mark.parametrize(
    ("label", "conditions"),
    [
        ("PD-L1 >=50%", (Condition(PDL1, at_least=50),)),
        ("PD-L1 TPS <1%", (Condition(PDL1, below=1),)),
        ("PD-L1 TPS 1-49%", (Condition(PDL1, at_least=1, below=50),)),
        ("PD-L1 TC 1-24%", (Condition(PDL1, at_least=1, below=25),)),
        ("PD-L1 high (SP142)", (Condition(PDL1, at_least=50),)),
        ("PD-L1 TC1/2/3 or IC1/2/3", (Condition(PDL1, at_least=1),)),
        ("PD-L1 TC0 and IC0", (Condition(PDL1, below=1),)),
        ("tTMB >=10 mut/Mb", (Condition(TMB, at_least=10),)),
        ("TMB high (>=243 mutations, upper tertile)", (Condition(TMB, rank_from=2 / 3),)),
        ("baseline hs-CRP < Q1", (Condition(CRP, rank_below=0.25),)),
        ("baseline hs-CRP Q2 to <Q3", (Condition(CRP, rank_from=0.5, rank_below=0.75),)),
        ("baseline hs-CRP >=Q3", (Condition(CRP, rank_from=0.75),)),
        ("nonsquamous", (Condition("squamous", equals=False),)),
        ("no brain metastases", (Condition("brain_metastases", equals=False),)),
        ("liver metastases", (Condition("liver_metastases", equals=True),)),
        ("current/former smoker", (Condition("smoking", one_of=("current", "former")),)),
        ("never smoker", (Condition("smoking", one_of=("never",)),)),
        ("age >=65", (Condition("age_years", at_least=65),)),
        ("female", (Condition("male", equals=False),)),
        ("EGFR mutated", (Condition("egfr_mutant", equals=True),)),
        (
            "KRAS mutated, nonsquamous",
            (Condition("squamous", equals=False), Condition("kras_mutant", equals=True)),
        ),
        ("stage II-IIIA PD-L1 TC >=1% (n=476)", (Condition(PDL1, at_least=1),)),
    ],
)
def test_labels_say_what_they_mean(label: str, conditions: tuple[Condition, ...]) -> None:
    assert read_label(label).conditions == conditions


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("node-positive stage II", "stage"),
        ("PD-L1 unknown", "test"),
        ("PD-L1 >=50% (verified)", "tested"),
        ("bTMB >=20 mut/Mb", "blood"),
        ("prior PCI", "earlier treatment"),
        ("pCR", "after treatment began"),
        ("ITT, crossover-adjusted (two-stage)", "analysed otherwise"),
        ("PD-L1 >=1% and tall", "no rule reads"),  # nothing left over is passed over in silence
    ],
)
def test_what_cannot_be_expressed_is_refused_with_the_reason(label: str, words: str) -> None:
    read = read_label(label)
    assert not read.conditions
    assert words in read.reason


def test_whole_trials_are_not_subgroups_but_keep_their_conditions() -> None:
    assert read_label("ITT").whole
    assert read_label("ITT1225 (all randomized)").whole
    assert read_label("ITT (PD-L1 >=1%)").conditions == (Condition(PDL1, at_least=1),)
    assert read_label("all EGFR-/ALK-").whole
    assert not read_label("PD-L1 >=1%").whole


def test_translations_are_stated() -> None:
    assert any("SP142" in note for note in read_label("PD-L1 high").notes)
    assert any("stage" in note for note in read_label("stage II-IIIA PD-L1 TC >=50%").notes)
    assert read_label("male").notes == ()


def test_members_of_adjoining_subgroups_share_nobody_and_leave_nobody_out() -> None:
    values = pd.DataFrame({PDL1: np.arange(0.0, 101.0), "male": np.arange(101) % 2 == 0})
    parts = [read_label(f"PD-L1 TPS {p}%").members(values, {}) for p in ("<1", "1-49", ">=50")]
    assert np.array_equal(np.sum(parts, axis=0), np.ones(101))
    assert [int(p.sum()) for p in parts] == [1, 49, 51]


def test_ranks_are_taken_among_the_patients() -> None:
    values = pd.DataFrame({CRP: np.arange(1.0, 401.0)})
    quarters = [
        read_label(f"baseline hs-CRP {q}").members(values, {})
        for q in ("< Q1", "Q1 to <Q2", "Q2 to <Q3", ">=Q3")
    ]
    assert [int(q.sum()) for q in quarters] == [100, 100, 100, 100]


def test_a_marker_with_one_value_lets_in_all_or_nobody() -> None:
    values = pd.DataFrame({"male": [True, False]})
    assert read_label("nonsquamous").members(values, {"squamous": False}).all()
    assert not read_label("squamous").members(values, {"squamous": False}).any()
