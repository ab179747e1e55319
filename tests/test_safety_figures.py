"""Which safety figures are built on, and what is lent from arm to arm."""

from __future__ import annotations

import numpy as np
import pytest

from synthetic_data.evidence import Register, load_register
from synthetic_data.published_figures import drawable_arms
from synthetic_data.safety_figures import (
    TARGETS,
    arm_agents,
    pooled_share,
    published_figure,
    safety_figures,
    wilson_interval,
)


@pytest.fixture(scope="module")
def register() -> Register:
    return load_register()


def figures_of(register: Register, trial_id: str, arm_id: str) -> dict[str, object]:
    trial = register.trial(trial_id)
    return safety_figures(trial, trial.arm(arm_id), register.trials)  # type: ignore[return-value]


def test_the_latest_follow_up_wins(register: Register) -> None:
    trial = register.trial("KEYNOTE-189")
    figure = published_figure(trial, trial.arm("pembrolizumab_chemo"), TARGETS["severe_any_cause"])
    assert figure is not None
    assert (figure.rate, figure.follow_up_months, figure.assumed) == (0.728, 64.6, False)
    assert "Garassino" in figure.source or "36809080" in figure.source


def test_a_published_figure_is_never_replaced_and_a_borrowed_one_names_its_lenders(
    register: Register,
) -> None:
    found = safety_figures(
        register.trial("KEYNOTE-189"),
        register.trial("KEYNOTE-189").arm("pembrolizumab_chemo"),
        register.trials,
    )
    assert (found["pneumonitis_any"].rate, found["pneumonitis_any"].assumed) == (0.044, False)
    immune = found["immune_any"]
    assert immune.assumed
    assert "KEYNOTE-407 pembrolizumab_chemo" in immune.source
    assert "KEYNOTE-189" not in immune.source  # it has none to lend
    assert "placebo" not in immune.source  # not an arm like it
    assert immune.low < immune.rate < immune.high


def test_any_cause_comes_before_treatment_related_and_only_the_first_is_lent(register: Register) -> None:
    trial = register.trial("EMPOWER-Lung-1")
    own = published_figure(trial, trial.arm("cemiplimab"), TARGETS["severe_any_cause"])
    assert own is not None
    assert own.event == "grade3plus_any_cause"
    related = register.trial("CheckMate-017")
    arm = related.arm("nivolumab")
    figure = published_figure(related, arm, TARGETS["severe_any_cause"])
    assert figure is not None
    assert figure.event == "grade3_4_treatment_related"
    assert published_figure(related, arm, TARGETS["severe_any_cause"], lending=True) is None
    for trial in register.trials.values():
        for other in trial.arms:
            lent = safety_figures(trial, other, register.trials)["severe_any_cause"]
            assert not (lent.assumed and "CheckMate-017" in lent.source)


def test_cytokine_release_needs_an_agent_that_causes_it(register: Register) -> None:
    assert "cytokine_release_any" not in figures_of(register, "KEYNOTE-189", "pembrolizumab_chemo")
    assert "cytokine_release_any" not in figures_of(register, "DeLLphi-304", "chemo")
    tarlatamab = safety_figures(
        register.trial("DeLLphi-304"), register.trial("DeLLphi-304").arm("tarlatamab"), register.trials
    )
    assert tarlatamab["cytokine_release_any"].rate == 0.56
    assert not tarlatamab["cytokine_release_any"].assumed
    assert "TARLATAMAB-LABEL" in tarlatamab["cytokine_release_severe"].source  # not a CAR T cell's


def test_pneumonitis_is_not_lent_across_chest_radiotherapy(register: Register) -> None:
    pacific = register.trial("PACIFIC")
    assert "radiotherapy" in arm_agents(pacific, pacific.arm("durvalumab"))
    for trial in register.trials.values():
        for arm in trial.arms:
            figure = safety_figures(trial, arm, register.trials).get("pneumonitis_any")
            if figure is not None and figure.assumed and "radiotherapy" not in arm_agents(trial, arm):
                assert "PACIFIC" not in figure.source
                assert figure.rate < 0.1


def test_pd1_and_pdl1_antibodies_are_one_agent(register: Register) -> None:
    oak, checkmate = register.trial("OAK"), register.trial("CheckMate-017")
    assert arm_agents(oak, oak.arm("atezolizumab")) == arm_agents(checkmate, checkmate.arm("nivolumab"))


def test_every_arm_that_can_be_drawn_has_the_figures_its_events_need(register: Register) -> None:
    for trial in register.trials.values():
        try:
            arms = drawable_arms(trial)
        except ValueError:
            continue
        for arm in arms:
            found = safety_figures(trial, trial.arm(arm), register.trials)
            assert {"immune_any", "immune_severe", "severe_any_cause"} <= set(found), f"{trial.id} {arm}"
            assert all(0 <= f.low <= f.rate <= f.high <= 1 for f in found.values())


def test_wilson_interval() -> None:
    # R: prop.test(10, 100, correct = FALSE)$conf.int
    assert wilson_interval(0.1, 100) == pytest.approx((0.05522914, 0.17436566), abs=1e-6)
    assert wilson_interval(0.0, 50)[0] == 0.0


def test_pooling_alike_shares_keeps_them_and_narrows_the_interval() -> None:
    one = pooled_share(np.array([0.3]), np.array([200.0]))
    four = pooled_share(np.full(4, 0.3), np.full(4, 200.0))
    assert one[0] == 0.3
    assert four[0] == pytest.approx(0.3, abs=0.002)
    assert four[2] - four[1] == pytest.approx((one[2] - one[1]) / 2, rel=0.03)


def test_pooling_unlike_shares_weighs_them_alike_and_widens_the_interval() -> None:
    shares, patients = np.array([0.1, 0.5]), np.array([5_000.0, 100.0])
    middle, low, high = pooled_share(shares, patients)
    logit_mean = 1 / (1 + np.exp(-np.log(shares / (1 - shares)).mean()))
    assert middle == pytest.approx(logit_mean, abs=0.01)  # between-trial variance dominates the weights
    assert abs(middle - (shares * patients).sum() / patients.sum()) > 0.1  # a plain mean is the large trial's
    assert low < 0.1
    assert high > 0.5
