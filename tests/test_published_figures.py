"""Which published figures a curve is built on, and the ratios it is held against."""

from __future__ import annotations

import pytest

from pipeline.schema import InputError
from synthetic_data.evidence import TrialSpec
from synthetic_data.published_figures import (
    choose_figures,
    drawable_arms,
    population_of,
    treatment_ratios,
)

SOURCE = {"title": "A made-up paper", "year": 2020}


def readout(months: float, year: int = 2020, **arm: object) -> dict[str, object]:
    return {
        "endpoint": "OS",
        "population": "ITT",
        "follow_up": {"months": months},
        "arms": {"a": arm},
        "source": SOURCE | {"year": year},
    }


def trial(*readouts: dict[str, object]) -> TrialSpec:
    return TrialSpec.model_validate(
        {
            "id": "MADE-UP",
            "phase": "3",
            "setting": "metastatic_1L",
            "histology": "nsclc",
            "selection": "any",
            "main_population": "ITT",
            "arms": [{"id": "a", "role": "control", "regimen": "x", "classes": ["chemotherapy"]}],
            "readouts": list(readouts),
        }
    )


def rate(months: float, value: float) -> dict[str, float]:
    return {"months": months, "rate": value}


def test_the_later_cut_wins() -> None:
    figures = choose_figures(
        trial(readout(10, median={"months": 12.0}), readout(30, median={"months": 11.0})), "os", "a"
    )
    assert [(f.months, f.built_on) for f in figures] == [(11.0, True), (12.0, False)]
    assert "a later cut gives a median of 11 months" in figures[1].reason


def test_an_early_rate_that_fits_is_kept() -> None:
    figures = choose_figures(
        trial(readout(10, landmarks=[rate(6, 0.72)]), readout(30, median={"months": 12.0})), "os", "a"
    )
    assert [(f.months, f.survival) for f in figures if f.built_on] == [(6.0, 0.72), (12.0, 0.5)]


def test_an_early_rate_that_would_make_survival_rise_is_left_out() -> None:
    figures = choose_figures(
        trial(readout(10, landmarks=[rate(6, 0.45)]), readout(30, median={"months": 12.0})), "os", "a"
    )
    assert [f.reason for f in figures if not f.built_on] == [
        "survival would rise beside a median of 12 months"
    ]


def test_an_early_rate_that_would_bend_the_hazard_is_left_out() -> None:
    later = readout(60, median={"months": 10.6}, landmarks=[rate(36, 0.174)])
    figures = choose_figures(trial(readout(10, landmarks=[rate(12, 0.494)]), later), "os", "a")
    assert [f.months for f in figures if not f.built_on] == [12.0]


def test_figures_of_one_cut_are_never_set_against_each_other() -> None:
    steep = readout(14, median={"months": 5.2}, landmarks=[rate(6, 0.309), rate(12, 0.126)])
    assert all(f.built_on for f in choose_figures(trial(steep), "os", "a"))


def test_approximate_figures_are_not_built_on() -> None:
    spoken = readout(40, median={"months": 28.0}) | {"approximate": True}
    figures = choose_figures(trial(readout(20, median={"months": 22.0}), spoken), "os", "a")
    assert [f.months for f in figures] == [22.0]


def test_a_trial_without_figures_says_which_are_missing() -> None:
    with pytest.raises(InputError, match=r"(?s)MADE-UP cannot be drawn.*arm 'a'.*for PFS"):
        drawable_arms(trial(readout(20, median={"months": 22.0})))


def test_arms_without_figures_are_left_out(register) -> None:
    assert drawable_arms(register.trial("CASPIAN")) == ("ep", "durva_ep")


def test_progression_of_checkmate_227_comes_from_all_randomised(register) -> None:
    found = register.trial("CheckMate-227")
    assert population_of(found, "os", "nivo_ipi") == "PD-L1 >=1%"
    assert population_of(found, "pfs", "nivo_ipi") == "ITT"


def test_only_treatment_ratios_between_drawn_arms_count(register) -> None:
    found = register.trial("IMpower150")
    ratios = treatment_ratios(found, "os", ("bcp", "abcp"), 18.0)
    assert {(r.experimental, r.control) for r in ratios} == {("abcp", "bcp")}
    assert {r.population for r in ratios} == {"ITT-WT (no EGFR/ALK)"}


def test_intervals_of_another_level_give_their_own_standard_error(register) -> None:
    (ratio,) = treatment_ratios(register.trial("CheckMate-227"), "os", ("nivo_ipi", "chemo"), 18.0)
    assert ratio.level == pytest.approx(0.9772)
    assert ratio.standard_error == pytest.approx(0.0856, abs=0.001)  # log(0.96/0.65) / (2 * 2.278)


def test_a_minimum_follow_up_is_the_shortest(register) -> None:
    ratios = treatment_ratios(register.trial("POPLAR"), "os", ("atezolizumab", "docetaxel"), 18.0)
    assert next(r.follow_up for r in ratios if r.follow_up_months == 53.0) == (53.0, 71.0)
