"""The setting of a trial: its published baseline, pooled where only arms are printed."""

import pytest

from synthetic_data.setting import Eligibility, Setting, pooled_baseline


def test_whole_trial_figures_come_first(register):
    trial = register.trial("KEYNOTE-189")
    pooled = pooled_baseline(trial)
    assert {k: pooled[k] for k in trial.baseline.overall} == trial.baseline.overall


def test_arms_are_pooled_by_size(register):
    pooled = pooled_baseline(register.trial("KEYNOTE-189"))
    assert pooled["pdl1_ge50"] == pytest.approx((0.322 * 410 + 0.34 * 206) / 616)


def test_an_arm_of_selected_patients_is_not_pooled(register):
    pooled = pooled_baseline(register.trial("CheckMate-227"))
    assert pooled["pdl1_ge1"] == 0.679  # and not that of the nivolumab arm, which is 1 by design
    assert "pdl1_lt1" not in pooled  # printed for the arm of PD-L1 negative patients only
    assert pooled["median_age"] == 64


def test_a_trial_without_a_baseline_has_none(register):
    assert pooled_baseline(register.trial("ALD518-NSCLC")) == {}


def test_the_setting_is_the_trials(register):
    setting = Setting.of(register.trial("CheckMate 017"), {"squamous": Eligibility(equals=True)})
    assert (setting.setting, setting.histology) == ("metastatic_2L", "squamous")
    assert setting.eligibility["squamous"].equals is True
