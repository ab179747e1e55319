"""Response rates: published ones first, borrowed ones marked."""

from __future__ import annotations

import pytest

from pipeline.schema import InputError
from synthetic_data.cohort_spec import CohortSpec, plan_cohort
from synthetic_data.response_rates import completed_response, published_rate, response_rate
from synthetic_data.trial_completion import complete_trial


def test_the_latest_published_rate_is_used(register) -> None:
    trial = register.trial("KEYNOTE-189")
    rate = response_rate(trial, trial.arm("pembrolizumab_chemo"), register.trials)
    assert rate.rate == pytest.approx(0.483)  # 31.0 months, not 0.476 at 10.5
    assert not rate.assumed


def test_a_missing_rate_is_borrowed_and_says_from_whom(register) -> None:
    trial = register.trial("KEYNOTE-042")
    rate = response_rate(trial, trial.arm("pembrolizumab"), register.trials)
    assert rate.assumed
    assert "KEYNOTE-024 pembrolizumab" in rate.source
    assert 0.2 < rate.rate < 0.6


def test_chemotherapy_borrows_from_chemotherapy(register) -> None:
    trial = register.trial("KEYNOTE-042")
    rate = response_rate(trial, trial.arm("chemo"), register.trials)
    assert "chemo" in rate.source
    assert "KEYNOTE-024 pembrolizumab" not in rate.source


def test_nothing_to_borrow_from_is_an_error(register) -> None:
    trial = register.trial("KEYNOTE-042")
    with pytest.raises(InputError, match="no objective response rate is published"):
        response_rate(trial, trial.arm("pembrolizumab"), {})


def test_the_main_population_goes_before_all_randomised(register) -> None:
    rate = published_rate(register.trial("IMpower150"), "abcp")
    assert rate is not None
    assert rate.rate == pytest.approx(0.55)


# --- rates that nobody published


def test_after_resection_nobody_responds(register) -> None:
    plan = plan_cohort(CohortSpec(name="x", trial="IMpower010"), register)
    for rate in plan.responses.values():
        assert rate.rate == 0.0
        assert rate.assumed


def test_before_surgery_tumours_respond_as_in_first_line_disease(register) -> None:
    rates = plan_cohort(CohortSpec(name="x", trial="CheckMate-816"), register).responses
    assert rates["chemo"].rate < rates["nivo_chemo"].rate
    assert "KEYNOTE-189 pembrolizumab_chemo" in rates["nivo_chemo"].source


def test_a_rate_that_nobody_like_it_has_is_inferred_from_progression(register) -> None:
    rates = plan_cohort(CohortSpec(name="x", trial="ADRIATIC"), register).responses
    assert "inferred from median PFS" in rates["placebo"].source
    assert 0 < rates["placebo"].rate < rates["durvalumab"].rate < 1  # the longer PFS, the more respond


def test_too_few_arms_to_infer_from_is_an_error(register) -> None:
    trial = register.trial("ADRIATIC")
    completed = complete_trial(trial, register.trials)
    pfs = plan_cohort(CohortSpec(name="x", trial="ADRIATIC"), register).curves.curves["placebo", "pfs"]
    with pytest.raises(InputError, match="nor for enough others"):
        completed_response(completed, trial.arm("placebo"), {}, pfs)


def test_the_duration_of_response_is_read_beside_the_rate(register) -> None:
    trial = register.trial("KEYNOTE-189")
    known = published_rate(trial, "pembrolizumab_chemo")
    assert known is not None
    assert known.median_duration == pytest.approx(11.2)
    five_years = published_rate(register.trial("KEYNOTE-024"), "pembrolizumab")
    assert five_years is not None
    assert five_years.median_duration is None  # not reached
