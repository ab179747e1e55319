"""The growth-inhibition model: RECIST gives back the response and progression that were drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthetic_data.trajectories import (
    Fates,
    Tumours,
    VisitSpec,
    best_response,
    draw_tumours,
    first_progression,
)

from .drawn_visits import DAY, SIX_WEEKLY


def random_fates(n: int, seed: int) -> Fates:
    """Fates by the rules of the outcome model, more extreme than any trial's."""
    rng = np.random.default_rng(seed)
    os = rng.exponential(rng.choice([2.0, 12.0, 60.0], n))
    pfs = np.minimum(os, rng.exponential(rng.choice([1.0, 6.0, 40.0], n)))
    watched = rng.exponential(30.0, n)
    assessed, eligible = watched > 1.4, pfs > 1.4
    drawn_response = np.where(pfs <= 2.1, "PD", rng.choice(["SD", "PR", "CR"], n))
    drawn_response = np.where(eligible & (rng.random(n) < 0.3), rng.choice(["PR", "CR"], n), drawn_response)
    response = np.where(~assessed | (os <= 1.4), "NE", drawn_response)
    return Fates(np.exp(rng.uniform(np.log(10), np.log(400), n)), response, pfs, os, watched)


def scanned(fates: Fates, tumours: Tumours, planned: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sums, months and new lesions on planned visits and on the day of progression, in order of time."""
    n = len(fates.pfs_months)
    on_day = np.where(fates.progressed, fates.pfs_months, np.inf)
    months = np.sort(np.column_stack([np.broadcast_to(planned, (n, len(planned))), on_day]), axis=1)
    seen = months <= np.minimum(fates.os_months, fates.watched_months)[:, None]
    seen[:, 0] = True
    at = np.where(seen, months, 0.0)
    return np.where(seen, tumours.sum_mm(at), np.nan), months, tumours.new_lesion(at) & seen


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), weeks=st.sampled_from([2, 3, 4, 6]))
def test_error_free_sums_give_back_best_response_and_progression(seed: int, weeks: int) -> None:
    fates = random_fates(300, seed)
    planned = VisitSpec(every_weeks=weeks, until_months=60).planned_months()
    tumours = draw_tumours(fates, planned, np.random.default_rng(seed))
    sums, months, new = scanned(fates, tumours, planned)
    seen = fates.progressed & (fates.pfs_months <= fates.watched_months)
    found = first_progression(sums, months, new).months
    np.testing.assert_allclose(found[seen], fates.pfs_months[seen])
    assert np.isinf(found[~seen]).all()

    death = np.where(fates.os_months <= fates.watched_months, fates.os_months, np.inf)
    response = best_response(sums, months, new, death)
    failed = np.minimum(fates.pfs_months, fates.os_months)
    # best responses are drawn on uncensored times, and dated here by the day
    clear = (fates.response != "NE") & (np.abs(failed - 2.1) > DAY)
    clear &= (fates.response != "PD") | (failed <= fates.watched_months)
    assert (response[clear] == fates.response[clear]).all()


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), months=st.lists(st.integers(1, 40), min_size=1, max_size=8, unique=True))
def test_any_schedule_gives_back_progression_within_a_visit(seed: int, months: list[int]) -> None:
    fates = random_fates(200, seed)
    planned = VisitSpec(months=tuple(map(float, sorted(months)))).planned_months()
    tumours = draw_tumours(fates, planned, np.random.default_rng(seed))
    sums = tumours.sum_mm(planned)
    assert np.isfinite(sums).all()
    assert (sums >= 0).all()
    at = np.broadcast_to(planned, sums.shape)
    found = first_progression(sums, at, tumours.new_lesion(at)).months
    last_before = np.where(planned < fates.pfs_months[:, None], planned, 0).max(axis=1)
    assert (found[fates.progressed] > last_before[fates.progressed]).all()


def test_another_patients_fate_is_not_given_back() -> None:
    fates = random_fates(400, 5)
    planned = SIX_WEEKLY.planned_months()
    tumours = draw_tumours(fates, planned, np.random.default_rng(5))
    other = np.random.default_rng(0).permutation(400)
    shuffled = Tumours(*(getattr(tumours, f)[other] for f in tumours.__dataclass_fields__))
    sums, months, new = scanned(fates, shuffled, planned)
    found = first_progression(sums, months, new).months
    seen = fates.progressed & (fates.pfs_months <= fates.watched_months)
    assert np.isclose(found[seen], fates.pfs_months[seen]).mean() < 0.4


def test_the_curve_is_the_closed_form() -> None:
    one = Tumours(*(np.array([x]) for x in (100.0, 0.1, 0.8, 0.5, 10.0, np.inf)))
    t = np.array([0.0, 1.0, 4.0, 9.0])
    np.testing.assert_allclose(one.log_ratio(t)[0], 0.1 * t - 0.8 * (1 - np.exp(-0.5 * t)) / 0.5)
    smallest = np.log(0.8 / 0.1) / 0.5  # where growth balances inhibition
    fine = np.linspace(0, 10, 20_001)
    assert abs(fine[one.log_ratio(fine)[0].argmin()] - smallest) < 1e-3
    late = np.diff(one.log_ratio(np.array([9.999, 10.0, 10.001]))[0])
    assert late[1] / late[0] == pytest.approx(1.0, abs=1e-3)  # no kink where growth starts to slow
