"""What a study would know: the markers it measures, and samples that were never taken."""

import numpy as np
import pytest

from pipeline.power import measuring, named_columns, without_samples
from tests.made_cohort import made_cohort


def test_modalities_and_columns_are_named_alike():
    cohort = made_cohort(50, 1)
    assert named_columns(cohort, ["blood", "male"]) == ("nlr", "noise", "male")
    assert named_columns(cohort, ["arm", "os_months", "shoe"]) == ()


def test_only_what_is_measured_is_left():
    cohort = made_cohort(50, 1)
    less = measuring(cohort, ["clinical"])
    assert less.names("baseline") == ["age_years", "male"]
    assert set(cohort.names()) - set(less.names()) == {"nlr", "noise", "pdl1_tps_percent"}
    assert less.observed["died"].equals(cohort.observed["died"])


def test_a_sample_is_missing_whole_and_as_often_as_said():
    cohort = made_cohort(4000, 2)
    less = without_samples(cohort, {"blood": 0.3}, np.random.default_rng(1)).observed
    absent = less["nlr"].isna()
    assert (absent == less["noise"].isna()).all()
    assert absent.mean() == pytest.approx(0.3, abs=4 * np.sqrt(0.3 * 0.7 / 4000))
    assert less.drop(columns=["nlr", "noise"]).equals(cohort.observed.drop(columns=["nlr", "noise"]))
    more = without_samples(cohort, {"clinical": 0.2, "blood": 0.5}, np.random.default_rng(1)).observed
    assert more.loc[absent, "nlr"].isna().all()  # the same patients and others, whatever else is missing
    assert more["male"].isna().mean() == pytest.approx(0.2, abs=0.03)
