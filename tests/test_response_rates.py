"""Response rates: published ones first, borrowed ones marked."""

from __future__ import annotations

import pytest

from pipeline.schema import InputError
from synthetic_data.response_rates import published_rate, response_rate


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
