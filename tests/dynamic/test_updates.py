"""What moved a risk adds up to the model's own log hazard."""

import numpy as np
import pytest

from pipeline.dynamic import DynamicAnalysis, fit_dynamic, stack_landmarks
from pipeline.dynamic.updates import contributions_over_time, what_moved

from .joint_patients import joint_patients

ANALYSIS = DynamicAnalysis(
    endpoint="os", landmarks_months=(3, 6), models={"supermodel": {"penalties": [0.1]}}
)


@pytest.fixture(scope="module")
def explained():
    cohort = joint_patients(300, 9)
    fitted = fit_dynamic(cohort, ANALYSIS, np.random.default_rng(0))
    return cohort, fitted, contributions_over_time(fitted, fitted.models["supermodel"], cohort, ANALYSIS)


def test_contributions_sum_to_the_risk(explained):
    cohort, fitted, table = explained
    for landmark in (3, 6):
        at = table[table["landmark_months"] == landmark]
        total = at.groupby("patient")["contribution"].sum()
        rows = stack_landmarks(cohort, "os", (landmark,), 12.0, fitted.features).table
        risk = fitted.models["supermodel"].predict(rows, np.array([6.0])).risk
        np.testing.assert_allclose(total.loc[rows.index], risk, atol=1e-10)


def test_groups_are_series_and_the_tumour_moves_most(explained):
    table = explained[2]
    assert set(table["group"]) == {"Before treatment", "Time since start", "Target lesions"}
    moved = what_moved(table)
    assert (moved["landmark_months"] == 6).all()
    share = moved.groupby("group")["change"].apply(lambda c: c.abs().mean())
    assert share.idxmax() == "Target lesions"
    by_patient = moved.groupby("patient", sort=False)["change"]
    assert (by_patient.first().abs() >= by_patient.apply(lambda c: c.abs().max())).all()
