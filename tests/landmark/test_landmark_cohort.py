from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipeline.landmark import LandmarkFeatures, at_risk, landmark_cohort
from pipeline.schema import InputError, outcome
from tests.landmark.made_visits import with_visits


def test_who_died_or_left_by_the_landmark_is_not_at_risk():
    cohort = with_visits()
    patients = at_risk(cohort, "os", 9.0)
    assert (cohort.observed.loc[patients, "os_months"] > 9).all()
    gone = cohort.observed.index.difference(patients)
    assert (cohort.observed.loc[gone, "os_months"] <= 9).all()
    assert cohort.observed.loc[gone, "died"].sum() < len(gone)  # some were lost, not dead


def test_the_clock_starts_at_the_landmark():
    cohort = with_visits()
    later = landmark_cohort(cohort, "os", 6.0)
    before = outcome(cohort.observed.loc[later.observed.index], "os")
    after = outcome(later.observed, "os")
    np.testing.assert_allclose(after["time"], before["time"] - 6)
    assert (after["event"] == before["event"]).all()


def test_what_is_told_from_the_start_or_lies_ahead_does_not_come_along():
    later = landmark_cohort(with_visits(), "os", 6.0)
    assert later.truth is None
    assert later.visits is None
    assert later.events is None
    assert later.endpoints() == ["os"]
    assert later.manifest["landmark_months"] == 6.0


def test_features_learnt_from_training_patients_serve_the_others():
    cohort = with_visits()
    half = len(cohort) // 2
    train = cohort.take(cohort.observed.index[:half])
    test = cohort.take(cohort.observed.index[half:])
    features = LandmarkFeatures().fit(train.visits, train.observed.index)
    names = landmark_cohort(train, "os", 3.0, features).names()
    assert landmark_cohort(test, "os", 3.0, features).names() == names
    assert "nlr__slope" in names


def test_progression_by_the_landmark_is_known_and_later_progression_is_not():
    cohort = with_visits()
    table = cohort.observed.assign(
        pfs_months=cohort.observed["os_months"] * 0.5, progressed_or_died=np.arange(len(cohort)) % 4 > 0
    )
    from pipeline.schema import OUTCOMES

    both = replace(cohort, observed=table, columns=(*cohort.columns, OUTCOMES[2], OUTCOMES[3]))
    later = landmark_cohort(both, "os", 6.0)
    known = later.observed["progressed_by_landmark"]
    seen = table.loc[later.observed.index]
    early = seen["pfs_months"] <= 6
    pd.testing.assert_series_equal(known == 1, early & seen["progressed_or_died"], check_names=False)
    assert known[early & ~seen["progressed_or_died"]].isna().all()


def test_a_landmark_that_nobody_reaches_is_refused():
    with pytest.raises(InputError, match="nobody is at risk of overall survival at 500 months"):
        landmark_cohort(with_visits(), "os", 500)


@pytest.mark.parametrize("months", [-1, np.nan])
def test_a_landmark_must_not_be_negative(months):
    with pytest.raises(InputError, match="must be 0 or more"):
        landmark_cohort(with_visits(), "os", months)
