"""Follow-up: its median, beside R and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pipeline.cohort_check import check_cohort, median_follow_up

from .sound_cohort import GOLDEN, sound


def test_events_and_follow_up_are_noted():
    made = sound()
    note = next(f for f in check_cohort(made) if f.check == "events" and f.column == "died")
    assert note.count == made.observed["died"].sum()
    assert "median follow-up" in note.message


@pytest.mark.parametrize("group", ["overall", "control", "drug"])
def test_median_follow_up_is_that_of_r(group):
    data = GOLDEN["data"]
    rows = np.array([group in ("overall", arm) for arm in data["arm"]])
    months, died = (np.array(data[name])[rows] for name in ("months", "died"))
    assert median_follow_up(months, died) == pytest.approx(GOLDEN["follow_up"][group], rel=1e-9)


def test_median_follow_up_of_hand_counted_cases():
    assert median_follow_up(np.array([1.0, 2.0, 3.0, 4.0]), np.zeros(4, dtype=bool)) == 2
    assert math.isinf(median_follow_up(np.array([1.0, 2.0]), np.ones(2, dtype=bool)))
    # The death at month 2 leaves the risk set before the two censorings of that month: 2 of 3 remain at 1.
    months, event = np.array([1.0, 2.0, 2.0, 2.0, 5.0]), np.array([False, True, False, False, False])
    assert median_follow_up(months, event) == 2
