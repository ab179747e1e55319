"""Subgroup hazard ratios of trials, predicted without the trials' own subgroup figures."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest

from pipeline.schema import InputError
from synthetic_data.evidence import Register, TrialSpec, load_register
from synthetic_data.subgroup_labels import PDL1
from synthetic_data.subgroup_patients import (
    draw_patients,
    entry_conditions,
    limiting_ratio,
    without_trial_subgroups,
)
from synthetic_data.subgroup_readouts import subgroup_readouts
from synthetic_data.subgroups import COLUMNS, Study, departures, predicted_ratios, score

FEW = ("KEYNOTE-010", "MYSTIC", "PACIFIC", "IMpower010")
PATIENTS = 1_000


def small(*changed: TrialSpec) -> Register:
    """The register with few of its trials, some of them changed."""
    register = load_register()
    trials = {name: register.trials[name] for name in FEW} | {t.id: t for t in changed}
    return replace(register, trials=MappingProxyType(trials))


def with_ratios(name: str, factor: float, subgroups: bool) -> TrialSpec:
    """A trial whose subgroups' ratios, or whose whole-trial ones, are multiplied."""
    trial = load_register().trials[name]
    readouts = []
    for r in trial.readouts:
        ratio = r.hazard_ratio
        if ratio is not None and ratio.interval is not None and (r.population != "ITT") is subgroups:
            low, high = ratio.interval
            ratio = ratio.model_copy(
                update={
                    "estimate": ratio.estimate * factor,
                    "interval": (low and low * factor, high and high * factor),
                }
            )
        readouts.append(r.model_copy(update={"hazard_ratio": ratio}))
    return trial.model_copy(update={"readouts": tuple(readouts)})


@pytest.fixture(scope="module")
def study() -> Study:
    return Study.of(small(), PATIENTS, np.random.default_rng(1))


def after(study: Study, changed: TrialSpec) -> Study:
    """The same patients, with one trial's published figures changed."""
    readouts, _ = subgroup_readouts(changed)
    fresh = iter(readouts)
    exposed = tuple(
        replace(e, readout=next(fresh)) if e.readout.trial == changed.id else e for e in study.exposed
    )
    return replace(study, register=without_trial_subgroups(small(changed)), exposed=exposed)


def test_a_trials_own_subgroups_do_not_touch_its_predictions(study: Study) -> None:
    before = study.predict("PACIFIC")
    other = after(study, with_ratios("PACIFIC", 1.7, subgroups=True)).predict("PACIFIC")
    assert not np.allclose(before["published"], other["published"])
    pd.testing.assert_frame_equal(
        before[["whole", "studies", "learnt", "learnt_low", "learnt_high"]],
        other[["whole", "studies", "learnt", "learnt_low", "learnt_high"]],
    )


def test_other_trials_subgroups_do(study: Study) -> None:
    """The twin: the same change to another trial moves the prediction."""
    before = study.predict("PACIFIC")
    other = after(study, with_ratios("MYSTIC", 0.6, subgroups=True)).predict("PACIFIC")
    assert (before["learnt"] != other["learnt"]).all()  # by little: trials vary a lot
    pd.testing.assert_series_equal(before["studies"], other["studies"])


def test_a_trials_whole_ratio_moves_its_predictions_in_proportion(study: Study) -> None:
    trial = with_ratios("MYSTIC", 0.8, subgroups=False)
    before, other = study.predict("MYSTIC"), after(study, trial).predict("MYSTIC")
    assert np.allclose(other["learnt"] / before["learnt"], 0.8)


def test_the_register_itself_can_be_asked() -> None:
    """From end to end through the public function: a changed subgroup leaves its trial alone."""
    tables = [
        predicted_ratios("PACIFIC", register, 300, np.random.default_rng(2))
        for register in (small(), small(with_ratios("PACIFIC", 1.7, subgroups=True)))
    ]
    assert list(tables[0].columns) == list(COLUMNS)
    assert np.array_equal(tables[0]["learnt"], tables[1]["learnt"])


def test_one_trials_patients_do_not_depend_on_the_other_trials(study: Study) -> None:
    register = load_register()
    alone = replace(register, trials=MappingProxyType({"PACIFIC": register.trials["PACIFIC"]}))
    studies = [
        departures([e for e in s.exposed if e.readout.trial == "PACIFIC"]).studies
        for s in (study, Study.of(alone, PATIENTS, np.random.default_rng(1)))
    ]
    assert np.array_equal(studies[0], studies[1])


def test_more_pdl1_is_predicted_to_benefit_more(study: Study) -> None:
    table = study.predict("PACIFIC")
    row = table[table["endpoint"] == "OS"].set_index("subgroup")["studies"]
    assert row["PD-L1 TC >=25%"] < row["PD-L1 TC 1-24%"] < row["PD-L1 TC <1%"]
    assert row["PD-L1 TC >=25%"] < row["PD-L1 TC <25%"]


def test_further_subgroups_are_predicted_without_a_figure(study: Study) -> None:
    table = study.predict("PACIFIC", ["squamous", "PD-L1 TPS >=50%"])
    asked = table[table["published"].isna()]
    assert set(asked["subgroup"]) == {"squamous", "PD-L1 TPS >=50%"}
    assert asked["learnt"].between(0.2, 2).all()
    assert (asked["learnt_low"] < asked["learnt"]).all()
    assert score(table)[0]["readouts"] == table["published"].notna().sum()


def test_a_subgroup_nobody_belongs_to_is_refused(study: Study) -> None:
    with pytest.raises(InputError, match="too few"):
        study.predict("PACIFIC", ["PD-L1 TPS <1%, PD-L1 TC >=50%"])


def test_scores_are_those_of_a_hand_calculation() -> None:
    table = pd.DataFrame(
        {
            "trial": ["a", "b"], "published": [0.5, 0.9], "low": [0.3, 0.85], "high": [0.75, 0.95],
            "whole": [0.7, 0.7], "studies": [0.6, 0.7], "learnt": [0.5, 0.9],
            "departure": [math.log(0.5 / 0.7), math.log(0.9 / 0.7)], "variance": [0.04, 0.01],
        }
    )  # fmt: skip
    whole, studies, learnt = score(table)
    assert whole["inside"] == 0.5
    wanted = (math.log(0.5 / 0.7) ** 2 / 0.04 + math.log(0.9 / 0.7) ** 2 / 0.01) / 2
    assert whole["mean_squared_z"] == pytest.approx(wanted)
    assert math.isnan(whole["slope"])
    assert studies["mean_squared_z"] < whole["mean_squared_z"]
    assert (learnt["inside"], learnt["mean_squared_z"]) == (1.0, pytest.approx(0))
    assert learnt["less_than_whole"] == pytest.approx(1)
    assert learnt["slope"] == pytest.approx(1)


@pytest.mark.parametrize("ratio", [0.5, 0.8, 1.0, 1.3])
def test_proportional_hazards_give_their_ratio(ratio: float) -> None:
    """Exponential survival, half men, with a hazard ratio for men only."""
    months = np.arange(0.0, 30.0, 0.25)
    male = np.arange(200) < 100
    control = np.tile(np.exp(-0.05 * months), (200, 1))
    treated = np.where(male[:, None], control**ratio, control)
    cut = (6.0, 24.0)
    assert limiting_ratio(months, treated[male], control[male], cut) == pytest.approx(ratio, rel=1e-4)
    assert limiting_ratio(months, treated[~male], control[~male], cut) == pytest.approx(1.0, rel=1e-4)
    mixed = limiting_ratio(months, treated, control, cut)
    assert min(ratio, 1) - 1e-9 <= mixed <= max(ratio, 1) + 1e-9


def test_unseen_differences_between_patients_draw_the_ratio_towards_one() -> None:
    months = np.arange(0.0, 30.0, 0.25)
    uneven = np.exp(np.random.default_rng(0).normal(0, 1, 2_000))
    control = np.exp(-0.05 * np.outer(uneven, months))
    assert 0.61 < limiting_ratio(months, control**0.6, control, (6.0, 24.0)) < 0.75


def test_marker_effects_read_off_trials_subgroups_are_not_used(study: Study) -> None:
    """Histology's comes from 40 trials, some of them predicted here; PD-L1's from patients by marker."""
    shipped = load_register()
    for name, kept in (("histology_squamous", False), ("pdl1_tps", True)):
        before, left = (r.markers[name].simulate for r in (shipped, study.register))
        assert before is not None
        assert left is not None
        assert (len(left.effects) == len(before.effects)) is kept
    assert before.effects == left.effects


def test_what_a_trial_asks_of_all_is_read_from_its_selection() -> None:
    trials = load_register().trials
    assert entry_conditions(trials["KEYNOTE-010"])[PDL1].at_least == 1
    assert entry_conditions(trials["KEYNOTE-024"])[PDL1].at_least == 50
    assert entry_conditions(trials["PACIFIC"]) == {}
    assert entry_conditions(trials["MYSTIC"]) == {}  # its primary population is not what it enrolled


def test_a_trial_without_progression_figures_is_drawn_with_assumed_curves() -> None:
    register = load_register()
    drawn = draw_patients(register.trials["IMpower010"], register, 200, np.random.default_rng(0))
    assert len(drawn.values) == 200
    assert drawn.endpoints["DFS"] == "pfs"
    assert set(drawn.arms) == {"atezolizumab", "bsc"}


def test_a_pool_without_figures_is_drawn_as_its_largest_trial() -> None:
    register = load_register()
    pool = next(t for t in register.trials.values() if t.pooled_from and _only_ratios(t))
    drawn = draw_patients(pool, register, 200, np.random.default_rng(0))
    assert set(drawn.arms) <= {a.id for a in pool.arms}
    assert set(drawn.arms.values()) <= set(drawn.truth.arms)
    assert drawn.arms


def _only_ratios(trial: TrialSpec) -> bool:
    return all(f.median is None and not f.landmarks for r in trial.readouts for f in r.arms.values())


def test_a_steep_curve_no_longer_stops_the_draw() -> None:
    """Survival of DeLLphi-304's control arm underflows to 0 before the last knot."""
    register = load_register()
    patients = draw_patients(register.trials["DeLLphi-304"], register, 200, np.random.default_rng(0))
    assert np.isfinite(patients.truth.hazards["progression"]).all()


def test_the_command_prints_predictions_beside_what_was_published(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import synthetic_data.evidence as evidence
    from experiments.output import Output
    from experiments.subgroups_command import print_subgroups

    monkeypatch.setattr(evidence, "load_register", small)
    print_subgroups("pacific", False, ["male"], 300, 0, Output())
    text = capsys.readouterr().out
    assert "PD-L1 TC >=25%" in text
    assert "equals the whole trial" in text
    assert "not compared" in text
    print_subgroups("pacific", False, ["male"], 300, 0, Output(as_json=True))
    answer = json.loads(capsys.readouterr().out)
    assert answer["simulated"] is True
    male = [s for s in answer["subgroups"] if s["subgroup"] == "male"]
    assert male
    assert all(s["published"] is None and s["learnt"] > 0 for s in male)


@pytest.mark.parametrize(
    ("trial", "every", "labels", "words"),
    [
        (None, False, [], "name a trial"),
        ("PACIFIC", True, [], "name a trial"),
        (None, True, ["male"], "asks about one trial"),
        ("KEYNOTE-604", False, [], "no published subgroup"),
    ],
)
def test_the_command_says_what_is_wrong(
    trial: str | None, every: bool, labels: list[str], words: str
) -> None:
    from rich.console import Console

    from experiments.subgroups_command import print_subgroups

    with pytest.raises(InputError, match=words):
        print_subgroups(trial, every, labels, 300, 0, Console())
