"""What is added to a trial so that it can be drawn, and why others cannot be."""

from __future__ import annotations

import math

import pytest

from pipeline.schema import InputError
from synthetic_data.cohort_spec import CohortSpec, plan_cohort
from synthetic_data.evidence import TrialSpec
from synthetic_data.progression import median_ratio, progression_endpoint
from synthetic_data.published_figures import drawable_arms
from synthetic_data.trial_completion import complete_trial

SOURCE = {"title": "A made-up paper", "year": 2020}
SHIPPED = (
    "KEYNOTE-024", "KEYNOTE-042", "KEYNOTE-189", "KEYNOTE-407", "CheckMate-9LA", "CheckMate-227",
    "IMpower150", "OAK", "POPLAR", "CheckMate-017", "CheckMate-057", "PACIFIC", "IMpower133", "CASPIAN",
)  # fmt: skip


def readout(
    endpoint: str, arms: dict[str, float], ratio: float | None = None, population: str = "ITT"
) -> dict:
    """Medians by arm and, if wanted, the hazard ratio of b against a."""
    out: dict[str, object] = {
        "endpoint": endpoint,
        "population": population,
        "arms": {arm: {"median": {"months": months}} for arm, months in arms.items()},
        "source": SOURCE,
    }
    if ratio is not None:
        out["contrast"] = {"kind": "treatment", "experimental": "b", "control": "a"}
        out["hazard_ratio"] = {"estimate": ratio, "interval": [0.8 * ratio, 1.25 * ratio]}
    return out


def trial(
    *readouts: dict, name: str = "MADE-UP", setting: str = "metastatic_1L", **more: object
) -> TrialSpec:
    arms = [
        {"id": "b", "role": "experimental", "regimen": "x", "classes": ["pd1"]},
        {"id": "a", "role": "control", "regimen": "y", "classes": ["chemotherapy"]},
    ]
    return TrialSpec.model_validate(
        {"id": name, "phase": "3", "setting": setting, "histology": "nsclc", "selection": "any",
         "main_population": "ITT", "arms": arms, "readouts": list(readouts)} | more
    )  # fmt: skip


OTHERS = {
    "T1": trial(readout("OS", {"a": 12.0}), readout("PFS", {"a": 6.0}), name="T1"),
    "T2": trial(readout("OS", {"a": 16.0}), readout("PFS", {"a": 2.0}), name="T2"),
}  # ratios of medians 2 and 8: geometric mean 4


@pytest.mark.parametrize("name", SHIPPED)
def test_a_complete_trial_is_drawn_as_it_was(register, name: str) -> None:
    """The shipped cohorts rest on published figures alone, in the same arms as ever."""
    found = register.trial(name)
    completed = complete_trial(found, register.trials)
    assert completed.default_arms == drawable_arms(found)
    assert not [c for c in completed.assumed if c.arm in completed.default_arms]
    assert completed.progression_endpoint == "PFS"
    assert completed.trial.readouts[: len(found.readouts)] == found.readouts


def test_a_ratio_against_a_known_control_gives_the_arm() -> None:
    made = trial(readout("OS", {"a": 12.0, "b": 15.0}, 0.8), readout("PFS", {"a": 6.0}, 0.5))
    (curve,) = complete_trial(made, {}).assumed
    assert (curve.arm, curve.endpoint, curve.rule, curve.reference) == ("b", "pfs", "hazard_ratio", "a")
    assert curve.factor == 0.5
    assert "proportional hazards" in curve.words("PFS")
    added = complete_trial(made, {}).trial.readouts[-1].arms["b"].landmarks[0]
    assert (added.months, added.rate) == (6.0, pytest.approx(math.sqrt(0.5)))


def test_a_ratio_against_a_known_experimental_arm_gives_the_control() -> None:
    made = trial(readout("OS", {"a": 12.0, "b": 15.0}), readout("PFS", {"b": 6.0}, 0.5))
    (curve,) = complete_trial(made, {}).assumed
    assert (curve.arm, curve.reference, curve.factor) == ("a", "b", 2.0)


def test_the_latest_ratio_counts() -> None:
    late = readout("PFS", {}, 0.7) | {"follow_up": {"months": 60.0}}
    made = trial(late, readout("OS", {"a": 12.0, "b": 15.0}), readout("PFS", {"a": 6.0}, 0.5))
    assert complete_trial(made, {}).assumed[0].factor == 0.7


def test_a_missing_endpoint_is_scaled_by_the_ratio_of_medians() -> None:
    completed = complete_trial(trial(readout("OS", {"a": 12.0, "b": 20.0})), OTHERS)
    assert [(c.arm, c.endpoint, c.rule) for c in completed.assumed] == [
        ("a", "pfs", "median_ratio"), ("b", "pfs", "median_ratio"),
    ]  # fmt: skip
    assert completed.assumed[0].factor == pytest.approx(1 / 4)
    assert completed.trial.readouts[-2].arms["a"].landmarks[0].months == pytest.approx(3.0)


def test_a_ratio_goes_before_the_arm_s_own_other_endpoint() -> None:
    made = trial(readout("OS", {"a": 12.0, "b": 20.0}), readout("PFS", {}, 0.6))
    rules = {c.arm: c.rule for c in complete_trial(made, OTHERS).assumed}
    assert rules == {"a": "median_ratio", "b": "hazard_ratio"}


def test_the_ratio_of_medians_is_never_learnt_from_the_trial_itself() -> None:
    own = trial(readout("OS", {"a": 100.0}), readout("PFS", {"a": 1.0}))
    ratio, basis = median_ratio(own, {**OTHERS, "MADE-UP": own})
    assert ratio == pytest.approx(4.0)
    assert "2 arms" in basis


def test_operated_patients_take_the_ratio_of_operated_patients(register) -> None:
    found = register.trial("CANOPY-A")  # filed under cytokine, but adjuvant
    _, basis = median_ratio(found, register.trials)
    assert "resectable" in basis
    assert "cytokine" not in basis


def test_nothing_to_scale_by_is_said() -> None:
    with pytest.raises(InputError, match="no trial of the register prints both medians"):
        complete_trial(trial(readout("OS", {"a": 12.0})), {})


@pytest.mark.parametrize(
    ("name", "label"),
    [("KEYNOTE-671", "EFS"), ("BR.31", "DFS"), ("PACIFIC-R", "rwPFS"), ("NADIM", "PFS"), ("OAK", "PFS")],
)
def test_what_takes_the_place_of_progression(register, name: str, label: str) -> None:
    assert progression_endpoint(register.trial(name)) == label


def test_the_manifest_s_notes_name_the_endpoint(register) -> None:
    completed = complete_trial(register.trial("KEYNOTE-671"), register.trials)
    assert "EFS takes the place of PFS, which the trial does not report" in completed.notes


def test_a_main_population_without_figures_gives_way_to_the_one_with_most(register) -> None:
    completed = complete_trial(register.trial("EMPOWER-Lung-1"), register.trials)
    assert completed.trial.main_population == "PD-L1 >=50% (verified)"
    assert any("the one with the most figures" in note for note in completed.notes)


def test_a_population_made_after_treatment_is_never_drawn() -> None:
    prognostic = readout("OS", {}, population="responders") | {
        "contrast": {"kind": "prognostic", "experimental": "pcr", "control": "no_pcr",
                     "basis": "pathological_response"},
        "arms": {"a": {"median": {"months": 40.0}}},
    }  # fmt: skip
    with pytest.raises(InputError, match="cannot be drawn"):
        complete_trial(trial(prognostic), OTHERS)


def test_a_trial_without_figures_says_so_for_each_arm(register) -> None:
    with pytest.raises(InputError, match=r"(?s)arm 'n803_pembro'.*OS and PFS.*arm 'soc'.*nor a hazard ratio"):
        complete_trial(register.trial("LUNG-MAP-S1800D"), register.trials)


def test_other_diseases_are_not_drawn(register) -> None:
    with pytest.raises(InputError, match="had no lung cancer"):
        complete_trial(register.trial("ZUMA-1"), register.trials)


def test_an_arm_with_assumed_curves_is_drawn_when_it_is_named(register) -> None:
    named = CohortSpec(name="x", trial="CASPIAN", arms=("ep", "durva_treme_ep"))
    assert plan_cohort(named, register).arms == ("ep", "durva_treme_ep")
    assert plan_cohort(CohortSpec(name="x", trial="CASPIAN"), register).arms == ("ep", "durva_ep")


def test_a_lone_complete_arm_is_joined_by_its_control(register) -> None:
    completed = complete_trial(register.trial("CheckMate-017-057-POOLED"), register.trials)
    assert completed.default_arms == ("docetaxel", "nivolumab")


def test_at_least_ninety_trials_have_a_plan(register) -> None:
    drawn, refused = [], {}
    for name in register.trials:
        try:
            drawn.append(plan_cohort(CohortSpec(name="x", trial=name), register))
        except InputError as error:
            refused[name] = str(error)
    assert len(drawn) >= 90
    assert all("cannot be drawn" in reason for reason in refused.values())
    assert {p.trial.id for p in drawn} | set(refused) == set(register.trials)
