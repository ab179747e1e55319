"""The columns of a landmark supermodel: what stands in them, and that they outlive their file."""

import json

import numpy as np
import pytest

from pipeline.dynamic import LANDMARK, stack_landmarks
from pipeline.dynamic.design import LandmarkDesign
from pipeline.features import FeatureBuilder
from pipeline.landmark import LandmarkFeatures
from pipeline.schema import InputError

from .joint_patients import joint_patients


@pytest.fixture(scope="module")
def stack():
    cohort = joint_patients(120, 3)
    features = LandmarkFeatures().fit(cohort.visits, cohort.observed.index)
    return stack_landmarks(cohort, "os", (1.5, 3.0, 6.0), 12.0, features)


def design(stack, interactions=True):
    features = FeatureBuilder(stack.columns_used(serial=True), stack.control_arm).fit(stack.table)
    return LandmarkDesign.of(stack, features, interactions)


def test_columns_are_landmark_square_features_and_products(stack):
    made = design(stack).transform(stack.table)
    s = stack.landmarks / 6.0
    features = design(stack).features.feature_names_
    assert list(made) == [
        LANDMARK.name, f"{LANDMARK.name}²", *features, *(f"{f} × landmark" for f in features)
    ]  # fmt: skip
    np.testing.assert_array_equal(made[LANDMARK.name], s)
    np.testing.assert_array_equal(made[f"{LANDMARK.name}²"], s * s)
    for name in features:
        np.testing.assert_array_equal(made[f"{name} × landmark"], made[name] * s)
    assert list(design(stack, interactions=False).transform(stack.table)) == list(made)[: 2 + len(features)]


def test_a_design_survives_its_file(stack):
    for interactions in (True, False):
        one = design(stack, interactions)
        again = LandmarkDesign.from_dict(json.loads(json.dumps(one.to_dict())))
        assert (again.landmarks_months, again.window_months) == ((1.5, 3.0, 6.0), 12.0)
        np.testing.assert_array_equal(again.matrix(stack.table), one.matrix(stack.table))
        assert again.feature_names_ == one.feature_names_


def test_a_single_landmark_at_the_start_is_divided_by_one():
    cohort = joint_patients(60, 4)
    features = LandmarkFeatures().fit(cohort.visits, cohort.observed.index)
    made = design(stack_landmarks(cohort, "os", (0.0,), 12.0, features))
    assert made.last_landmark == 1.0


def test_a_horizon_beyond_the_window_is_refused(stack):
    design(stack).check_within(np.array([12.0]))
    with pytest.raises(InputError, match="exceeds the window of 12 months"):
        design(stack).check_within(np.array([6.0, 12.5]))
