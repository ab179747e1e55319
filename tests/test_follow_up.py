"""Enrolment, drop-out and what a data cut shows."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from synthetic_data.follow_up import DAYS_PER_MONTH, cut_month, follow_up, observe


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
    enrolled, dropout = follow_up(np.random.default_rng(4).random((n, 2)), 12.0, 0.01)
    assert abs(enrolled.mean() - 6.0) < 4 * 12 / math.sqrt(12 * n)
    assert abs((dropout > 12.0).mean() - math.exp(-0.12)) < 4 * math.sqrt(0.1 / n)
    assert abs((dropout > 12.0).mean() - math.exp(-0.24)) > 4 * math.sqrt(0.1 / n)  # the twin


def test_without_dropout_nobody_leaves() -> None:
    assert np.isinf(follow_up(np.random.default_rng(4).random((5, 2)), 12.0, 0.0)[1]).all()


@pytest.mark.parametrize("months", [6.0, 30.0])
def test_the_cut_gives_the_median_patient_the_stated_follow_up(months: float) -> None:
    enrolled, _ = follow_up(np.random.default_rng(0).random((50_001, 2)), 12.0, 0.0)
    assert np.median(cut_month(months, 12.0) - enrolled) == pytest.approx(months, abs=0.1)
