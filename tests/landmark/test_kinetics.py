from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.landmark import LandmarkFeatures
from pipeline.landmark.kinetics import LONGEST_DOUBLING_MONTHS
from pipeline.schema import InputError
from tests.landmark.made_visits import SERIES, with_visits


def visits_of(column: str, months: list[float], values: list[float]) -> pd.DataFrame:
    return pd.DataFrame(
        {"patient": "a", "visit": range(len(months)), "planned": True, "months": months, column: values}
    )


def features_of(column: str, months: list[float], values: list[float], landmark: float) -> pd.Series:
    visits = visits_of(column, months, values)
    patients = pd.Index(["a"], name="patient")
    found = LandmarkFeatures().fit(visits, patients).transform(visits, patients, landmark).iloc[0]
    return found.rename(lambda name: name.removeprefix(f"{column}__"))


def test_general_kinetics_are_those_computed_by_hand():
    found = features_of("nlr", [0, 1, 2, 3, 9], [4, 8, 2, 4, 64], landmark=4.0)
    assert found["level"] == 4
    assert found["change"] == pytest.approx(0)
    assert found["nadir"] == pytest.approx(-1)
    assert found["above_nadir"] == pytest.approx(1)
    assert found["months_since_nadir"] == pytest.approx(2)
    assert found["age"] == pytest.approx(1)
    assert found["last_step"] == pytest.approx(1)
    # logs 2, 3, 1, 2 at 0, 1, 2, 3: slope by least squares, area by trapezoids of the change
    assert found["slope"] == pytest.approx(np.polyfit([0, 1, 2, 3], [2, 3, 1, 2], 1)[0])
    assert found["area"] == pytest.approx(np.trapezoid([0, 1, -1, 0], [0, 1, 2, 3]) / 3)


def test_a_first_value_alone_tells_a_level_and_no_slope():
    found = features_of("nlr", [0, 5], [4, 8], landmark=2.0)
    assert found["level"] == 4
    assert found["change"] == 0
    assert found[["slope", "last_step", "area"]].isna().all()


def test_without_a_value_before_treatment_there_is_no_change():
    found = features_of("nlr", [1, 2], [4, 8], landmark=2.0)
    assert found["level"] == 8
    assert np.isnan(found["change"])
    assert found["slope"] == pytest.approx(1)


def test_ctdna_clearance_and_molecular_response():
    found = features_of("ctdna_molecules_per_ml", [0, 1, 2], [40, 8, 0], landmark=2.0)
    assert found["cleared"] == 1
    assert found["halved"] == 1
    assert found["fell_90"] == 1
    assert found["detected"] == 0
    assert found["doubling_months"] == LONGEST_DOUBLING_MONTHS
    assert found["change"] == pytest.approx(np.log2(4 / 40))  # 0 counts as half the smallest positive value
    earlier = features_of("ctdna_molecules_per_ml", [0, 1, 2], [40, 8, 0], landmark=1.0)
    assert earlier["cleared"] == 0
    assert earlier["halved"] == 1
    assert earlier["fell_90"] == 0


def test_ctdna_doubling_time_is_that_of_exponential_growth():
    found = features_of("ctdna_molecules_per_ml", [0, 1, 2], [1, 2, 4], landmark=2.0)
    assert found["doubling_months"] == pytest.approx(1)


def test_without_ctdna_at_the_start_nothing_can_clear():
    found = features_of("ctdna_molecules_per_ml", [0, 1, 2], [0, 3, 0], landmark=2.0)
    assert found[["cleared", "halved", "fell_90"]].isna().all()


def test_early_shrinkage_looks_at_the_first_eight_weeks_only():
    early = features_of("target_lesions_mm", [0, 1.5, 4], [100, 85, 120], landmark=6.0)
    assert early["early_shrinkage"] == 1
    assert early["best_change"] == pytest.approx(-0.15)
    late = features_of("target_lesions_mm", [0, 1.5, 4], [100, 95, 40], landmark=6.0)
    assert late["early_shrinkage"] == 0
    assert late["best_change"] == pytest.approx(-0.6)


@pytest.mark.parametrize(
    ("values", "flare", "response"),
    [
        ([10, 25, 8], 1, 0),
        ([10, 12, 6], 0, 1),
        ([10, 12, 9], 0, 0),
        ([10, 25, 20], 0, 0),
        ([10, 5, 30], 0, 1),
    ],
)
def test_crp_flare_response_by_its_published_definition(values, flare, response):
    found = features_of("crp_mg_per_l", [0, 0.7, 2], values, landmark=3.0)
    assert found["flare_response"] == flare
    assert found["response"] == response


def test_crp_flare_response_is_not_known_before_the_fall():
    assert features_of("crp_mg_per_l", [0, 0.7, 2], [10, 25, 8], landmark=1.0)["flare_response"] == 0


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 11), st.integers(0, 10_000))
def test_nothing_after_the_landmark_changes_a_feature(landmark, seed):
    cohort = with_visits(40)
    visits = cohort.visits
    patients = cohort.observed.index
    features = LandmarkFeatures().fit(visits, patients)
    before = features.transform(visits, patients, landmark)
    rng = np.random.default_rng(seed)
    later = visits["months"].to_numpy() > landmark
    moved = visits.copy()
    for column in SERIES:
        moved.loc[later, column] = rng.exponential(1e4, later.sum())
    moved.loc[later, "new_lesion"] = ~moved.loc[later, "new_lesion"]
    pd.testing.assert_frame_equal(features.transform(moved, patients, landmark), before)
    pd.testing.assert_frame_equal(features.transform(visits[~later], patients, landmark), before)


def test_the_tripwire_above_can_fail():
    cohort = with_visits(40)
    patients = cohort.observed.index
    features = LandmarkFeatures().fit(cohort.visits, patients)
    moved = cohort.visits.copy()
    moved.loc[moved["months"] == 1.4, "nlr"] *= 2
    assert not features.transform(moved, patients, 3.0).equals(
        features.transform(cohort.visits, patients, 3.0)
    )


def test_floors_come_from_training_patients_alone():
    cohort = with_visits(40)
    train, test = cohort.observed.index[:20], cohort.observed.index[20:]
    visits = cohort.visits.copy()
    visits.loc[visits["patient"].isin(test), "nlr"] = 1e-6
    assert LandmarkFeatures().fit(visits, train).floors == LandmarkFeatures().fit(cohort.visits, train).floors


def test_every_feature_is_declared_and_survives_json():
    cohort = with_visits(40)
    patients = cohort.observed.index
    features = LandmarkFeatures().fit(cohort.visits, patients)
    found = features.transform(cohort.visits, patients, 5.0)
    assert list(found) == [c.name for c in features.columns]
    again = LandmarkFeatures.from_dict(features.to_dict())
    assert again.columns == features.columns
    pd.testing.assert_frame_equal(again.transform(cohort.visits, patients, 5.0), found)


def test_a_series_learnt_from_must_be_there():
    cohort = with_visits(40)
    features = LandmarkFeatures().fit(cohort.visits, cohort.observed.index)
    with pytest.raises(InputError, match="'nlr' is missing"):
        features.transform(cohort.visits.drop(columns="nlr"), cohort.observed.index, 3.0)


def test_visits_without_a_measurement_are_refused():
    cohort = with_visits(40)
    with pytest.raises(InputError, match="no column holds a measurement"):
        LandmarkFeatures().fit(
            cohort.visits[["patient", "visit", "planned", "months"]], cohort.observed.index
        )


def test_negative_values_are_refused():
    with pytest.raises(InputError, match="1 negative values"):
        features_of("nlr", [0, 1], [4, -1], landmark=2.0)
