"""Enrolment, drop-out and what a data cut shows."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from synthetic_data.follow_up import DAYS_PER_MONTH, UNTREATED_MONTHS, Accrual, follow_up, observe, withdrawn


def patients(**columns: list[float]) -> pd.DataFrame:
    return pd.DataFrame(columns, index=pd.Index([f"p{i}" for i in range(len(columns["enrolled_month"]))]))


CASE = patients(
    enrolled_month=[0.0, 0.0, 5.0, 11.0],
    dropout_months=[99.0, 3.0, 99.0, 99.0],
    os_event_months=[4.0, 9.0, 20.0, 1.0],
    pfs_event_months=[2.0, 4.0, 2.5, 1.0],
)


def test_a_cut_shows_what_a_database_would() -> None:
    seen = observe(CASE, 10.0)
    assert seen.index.tolist() == ["p0", "p1", "p2"]  # p3 is not enrolled yet
    assert seen["died"].tolist() == [True, False, False]
    assert seen["progressed_or_died"].tolist() == [True, False, True]
    np.testing.assert_allclose(seen["os_months"], [4.0, 3.0, 5.0], atol=1 / DAYS_PER_MONTH)
    np.testing.assert_allclose(seen["pfs_months"], [2.0, 3.0, 2.5], atol=1 / DAYS_PER_MONTH)


def test_times_are_whole_days_and_never_zero() -> None:
    rng = np.random.default_rng(0)
    n = 500
    table = patients(
        enrolled_month=list(rng.uniform(0, 9.99, n)),
        dropout_months=list(rng.exponential(30, n)),
        os_event_months=list(rng.exponential(8, n)),
        pfs_event_months=list(rng.exponential(3, n)),
    )
    seen = observe(table, 10.0)
    days = seen["os_months"] * DAYS_PER_MONTH
    np.testing.assert_allclose(days, days.round(), atol=1e-9)
    assert days.min() >= 1


def test_later_cuts_never_take_an_event_away() -> None:
    early, late = observe(CASE, 8.0), observe(CASE, 12.0)
    both = early.index
    assert (late.loc[both, "died"] >= early["died"]).all()
    assert (late.loc[both, "os_months"] >= early["os_months"]).all()


def test_enrolment_is_uniform_and_dropout_exponential() -> None:
    n = 20_000
    enrolled, dropout = follow_up(np.random.default_rng(4).random((n, 2)), Accrual(12.0), 0.01)
    assert abs(enrolled.mean() - 6.0) < 4 * 12 / math.sqrt(12 * n)
    assert abs((dropout > 12.0).mean() - math.exp(-0.12)) < 4 * math.sqrt(0.1 / n)
    assert abs((dropout > 12.0).mean() - math.exp(-0.24)) > 4 * math.sqrt(0.1 / n)  # the twin


def test_without_dropout_nobody_leaves() -> None:
    assert np.isinf(follow_up(np.random.default_rng(4).random((5, 2)), Accrual(12.0), 0.0)[1]).all()


@pytest.mark.parametrize("pattern", ["even", "rising"])
@pytest.mark.parametrize("months", [6.0, 30.0])
def test_the_cut_gives_the_median_patient_the_stated_follow_up(months: float, pattern) -> None:
    accrual = Accrual(12.0, pattern)
    enrolled, _ = follow_up(np.random.default_rng(0).random((50_001, 2)), accrual, 0.0)
    assert np.median(accrual.cut_month(months) - enrolled) == pytest.approx(months, abs=0.1)


def test_rising_enrolment_is_in_proportion_to_time() -> None:
    enrolled = Accrual(12.0, "rising").enrolled(np.random.default_rng(1).random(20_000))
    early = (enrolled < 6.0).mean()  # a quarter of them, under a density that rises from nothing
    assert abs(early - 0.25) < 4 * math.sqrt(0.25 * 0.75 / 20_000)
    even = Accrual(12.0).enrolled(np.random.default_rng(1).random(20_000))
    assert abs((even < 6.0).mean() - 0.25) > 0.2  # the twin


def test_who_was_never_treated_withdraws_at_once() -> None:
    rng = np.random.default_rng(2)
    n, share = 20_000, 0.06
    dropout = rng.exponential(300, n)
    left = withdrawn(dropout, share, rng.random((n, 2)))
    early = (left < UNTREATED_MONTHS).mean()
    expected = share + (1 - share) * -math.expm1(-UNTREATED_MONTHS / 300)
    assert abs(early - expected) < 4 * math.sqrt(expected / n)
    assert (left <= dropout).all()
    assert (withdrawn(dropout, 0.0, rng.random((n, 2))) == dropout).all()


def test_where_scans_are_stated_progression_is_censored_at_the_last() -> None:
    months = np.array([1.5, 3.0, 4.5])
    table = CASE.assign(scan_shift_months=[0.0, 0.1, -0.1, 0.0])
    table["pfs_event_months"] = [2.0, 9.0, 20.0, 1.0]
    seen = observe(table, 10.0, months)
    plain = observe(table, 10.0)
    assert seen["progressed_or_died"].tolist() == plain["progressed_or_died"].tolist() == [True, False, False]
    # the second leaves at 3.0, before his scan at 3.1; the third is cut at 5.0, after hers at 4.4
    np.testing.assert_allclose(seen["pfs_months"], [2.0, 1.6, 4.4], atol=1 / DAYS_PER_MONTH)
    np.testing.assert_allclose(plain["pfs_months"], [2.0, 3.0, 5.0], atol=1 / DAYS_PER_MONTH)
    np.testing.assert_array_equal(seen["os_months"], plain["os_months"])
    unscanned = observe(table.assign(dropout_months=0.5), 10.0, months)
    assert unscanned["pfs_months"].tolist() == pytest.approx([1 / DAYS_PER_MONTH] * 3)
