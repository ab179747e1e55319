"""Published subgroup hazard ratios beside those of their whole trials."""

from __future__ import annotations

import math

import pytest

from pipeline.schema import InputError
from synthetic_data.evidence import load_register
from synthetic_data.subgroup_readouts import (
    LEAST_OWN_VARIANCE,
    all_subgroup_readouts,
    asked_readouts,
    subgroup_readouts,
)


def test_the_whole_trial_is_taken_at_the_subgroups_own_cut() -> None:
    usable, _ = subgroup_readouts(load_register().trial("KEYNOTE-189"))
    by_cut = {r.follow_up_months: math.exp(r.whole_log_ratio) for r in usable if r.endpoint == "OS"}
    assert by_cut[10.5] == pytest.approx(0.49)
    assert by_cut[31.0] == pytest.approx(0.56)


def test_only_randomised_treatment_contrasts_are_used() -> None:
    usable, unused = all_subgroup_readouts(load_register().trials.values())
    limited = [r for r in usable if r.has_interval]
    assert len(limited) > 85
    assert len(usable) > 110
    assert len({r.trial for r in usable}) > 25
    assert all(r.standard_error > 0 and r.low < math.exp(r.log_ratio) < r.high for r in limited)
    assert all(math.isnan(r.low) and math.isnan(r.high) for r in usable if not r.has_interval)
    assert not any(r.trial == "CIT-maintenance-SCLC" for r in usable)
    assert all(u.reason for u in unused)


def test_a_ratio_without_an_interval_is_known_as_well_as_its_share_of_the_patients_allows() -> None:
    usable, _ = all_subgroup_readouts(load_register().trials.values())
    bare = next(r for r in usable if not r.has_interval)
    assert bare.variance(0.25) == pytest.approx(3 * bare.whole_standard_error**2)
    assert bare.variance(0.5) < bare.variance(0.25)


def test_without_a_ratio_of_the_whole_trial_both_parts_together_stand_for_it() -> None:
    usable, _ = all_subgroup_readouts(load_register().trials.values())
    joined = [r for r in usable if r.whole.label == "both parts together"]
    assert joined
    for r in joined:
        other = next(
            o for o in joined
            if (o.trial, o.endpoint, o.subgroup.conditions) == (r.trial, r.endpoint, r.subgroup.complement)
        )  # fmt: skip
        assert r.whole_log_ratio == other.whole_log_ratio
        weights = [1 / o.standard_error**2 for o in (r, other)]
        mean = (weights[0] * r.log_ratio + weights[1] * other.log_ratio) / sum(weights)
        assert r.whole_log_ratio == pytest.approx(mean)
        assert r.whole_standard_error < min(r.standard_error, other.standard_error)


def test_every_treatment_ratio_that_is_not_of_a_whole_trial_is_in_one_of_the_lists() -> None:
    register = load_register()
    usable, unused = all_subgroup_readouts(register.trials.values())
    treatment = [
        r.population
        for t in register.trials.values()
        for r in t.readouts
        if r.hazard_ratio is not None and r.contrast is not None and r.contrast.kind == "treatment"
    ]
    from synthetic_data.subgroup_labels import read_label

    assert len(usable) + len(unused) == sum(not read_label(p).whole for p in treatment)


def test_variance_of_a_departure_is_that_of_the_part_less_that_of_the_whole() -> None:
    """Checked against draws: an efficient estimate in a part, and the mean over part and rest."""
    import numpy as np

    rng = np.random.default_rng(0)
    part, rest = rng.normal(0, 0.3, 200_000), rng.normal(0, 0.2, 200_000)
    weight = (1 / 0.09) / (1 / 0.09 + 1 / 0.04)
    whole = weight * part + (1 - weight) * rest
    assert np.var(part - whole) == pytest.approx(0.09 - np.var(whole), rel=0.02)
    assert np.var(part - whole) != pytest.approx(0.09 + np.var(whole), rel=0.2)  # not as if independent
    usable, _ = subgroup_readouts(load_register().trial("POSEIDON"))
    for r in usable:
        own, all_ = r.standard_error**2, r.whole_standard_error**2
        assert r.variance(0.5) == pytest.approx(max(own - all_, LEAST_OWN_VARIANCE * own))


def test_asked_subgroups_need_no_figure_of_their_own() -> None:
    asked = asked_readouts(load_register().trial("KEYNOTE-024"), ["never smoker"])
    assert {r.endpoint for r in asked} == {"OS", "PFS"}
    assert all(math.isnan(r.log_ratio) for r in asked)
    latest = next(r for r in asked if r.endpoint == "OS")
    assert math.exp(latest.whole_log_ratio) == pytest.approx(0.62)


@pytest.mark.parametrize(("label", "words"), [("node-positive", "stage"), ("ITT", "whole"), ("tall", "rule")])
def test_a_label_that_is_no_subgroup_is_refused(label: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        asked_readouts(load_register().trial("KEYNOTE-024"), ["male", label])


def test_a_trial_without_a_whole_ratio_cannot_be_asked() -> None:
    with pytest.raises(InputError, match="nothing a subgroup could be predicted from"):
        asked_readouts(
            load_register().trial("CheckMate-227-PART2").model_copy(update={"readouts": ()}), ["male"]
        )
