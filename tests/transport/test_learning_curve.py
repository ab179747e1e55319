"""Learning curves: what real patients add, and how many match synthetic training."""

import numpy as np
import pandas as pd
import pytest
from made_cohort import made_cohort

from pipeline.schema import InputError
from pipeline.transport import LearningCurve, align, learning_curve, patients_to_match

MODELS = {"cox": {}}
SETTINGS = LearningCurve(sizes=(30, 200), repeats=3, trees=20)


def test_more_real_patients_rank_better_and_synthetic_ones_do_not_depend_on_them():
    synthetic, real = align(made_cohort(1200, 1), made_cohort(320, 2), np.random.default_rng(0))
    curve = learning_curve(synthetic, real, "os", MODELS, SETTINGS, np.random.default_rng(5))
    at = curve.set_index(["model", "source", "patients"])["value"]
    assert at["cox", "synthetic", 30] == at["cox", "synthetic", 200]
    assert at["cox", "real", 200] > at["cox", "real", 30]
    assert at["cox", "both", 30] > at["cox", "real", 30]  # drawn from the same distribution: a good start
    again = learning_curve(synthetic, real, "os", MODELS, SETTINGS, np.random.default_rng(5))
    pd.testing.assert_frame_equal(curve, again)


def test_the_number_that_matches_is_interpolated_or_unknown():
    rows = [("os", "cox", "real", n, g) for n, g in ((25, -0.04), (50, 0.01), (75, -0.01), (100, 0.03))]
    rows += [("os", "rsf", "real", n, -0.02) for n in (25, 50, 75, 100)]
    found = patients_to_match(pd.DataFrame(rows, columns=["endpoint", "model", "source", "patients", "gain"]))
    assert found["patients"].iloc[0] == pytest.approx(75 + 25 * 0.01 / 0.04)  # where it turns for good
    assert np.isnan(found["patients"].iloc[1])
    assert found["largest"].tolist() == [100, 100]


def test_too_few_patients_are_refused():
    synthetic, real = align(made_cohort(60, 1), made_cohort(30, 2), np.random.default_rng(0))
    with pytest.raises(InputError, match=r"leaves 21 patients to learn from; smallest size 30"):
        learning_curve(synthetic, real, "os", MODELS, SETTINGS, np.random.default_rng(0))
