"""Stacked landmarks: who stands where, until when."""

import numpy as np
import pytest

from pipeline.dynamic import LANDMARK, stack_landmarks
from pipeline.landmark import LandmarkFeatures
from pipeline.schema import InputError
from tests.landmark.made_visits import with_visits


@pytest.fixture(scope="module")
def cohort():
    return with_visits(120)


@pytest.fixture(scope="module")
def features(cohort):
    return LandmarkFeatures().fit(cohort.visits, cohort.observed.index)


def test_each_patient_stands_once_at_every_landmark_survived(cohort, features):
    stack = stack_landmarks(cohort, "os", (1.5, 6.0), 12.0, features)
    for landmark in (1.5, 6.0):
        here = stack.table[stack.landmarks == landmark]
        alive = cohort.observed.index[cohort.observed["os_months"] > landmark]
        assert list(here.index) == list(alive)
    assert len(np.unique(stack.patient)) == stack.table.index.nunique()


def test_months_count_from_the_landmark_and_end_at_the_window(cohort, features):
    stack = stack_landmarks(cohort, "os", (3.0,), 4.0, features)
    whole = cohort.observed.loc[stack.table.index]
    after = whole["os_months"].to_numpy() - 3.0
    np.testing.assert_allclose(stack.y["time"], np.minimum(after, 4.0))
    np.testing.assert_array_equal(stack.y["event"], whole["died"].to_numpy() & (after <= 4.0))


def test_baseline_columns_are_told_from_those_of_the_visits(cohort, features):
    stack = stack_landmarks(cohort, "os", (3.0,), 4.0, features)
    baseline = {c.name for c in stack.columns_used(serial=False)}
    assert baseline == {c.name for c in cohort.columns if c.role in ("arm", "baseline")}
    everything = {c.name for c in stack.columns_used(serial=True)}
    assert everything > baseline
    assert LANDMARK.name not in everything


def test_a_landmark_nobody_reaches_is_left_out_and_none_is_an_error(cohort, features):
    stack = stack_landmarks(cohort, "os", (3.0, 500.0), 4.0, features)
    assert set(stack.landmarks) == {3.0}
    with pytest.raises(InputError, match=r"nobody is at risk at any of \[500.0\] months"):
        stack_landmarks(cohort, "os", (500.0,), 4.0, features)
