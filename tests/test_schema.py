"""The shapes that cross borders: columns, cohorts, truth, predictions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline.schema import (
    ARM,
    OUTCOMES,
    Cohort,
    Column,
    InputError,
    Prediction,
    Truth,
    check_table,
    lookup,
    outcome,
)

AGE = Column("age_years", "baseline", "number", "Age", "years", "clinical", low=18, high=110)
SEX = Column("male", "baseline", "boolean", "Male", modality="clinical")
SMOKING = Column("smoking", "baseline", "category", "Smoking", categories=("never", "ever"))


def table(**changes: object) -> pd.DataFrame:
    columns = {
        "arm": ["a", "b", "a"],
        "age_years": [50.0, 60.0, np.nan],
        "male": [1.0, 0.0, np.nan],
        "smoking": ["never", "ever", None],
        "os_months": [3.0, 6.0, 9.0],
        "died": [True, False, True],
        "pfs_months": [2.0, 6.0, 4.0],
        "progressed_or_died": [True, False, True],
        "best_response": ["PR", "SD", "PD"],
    }
    return pd.DataFrame(columns | changes, index=pd.Index(["p1", "p2", "p3"], name="patient"))


COLUMNS = (ARM, AGE, SEX, SMOKING, *OUTCOMES)


def test_a_table_as_declared_passes_with_missing_baseline_values() -> None:
    check_table(table(), COLUMNS)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (table().drop(columns="male"), "column 'male' is missing"),
        (table(true_risk=[1, 2, 3]), "column 'true_risk' is not declared"),
        (table(age_years=[5.0, 60.0, 70.0]), r"column 'age_years' has 1 values outside \[18, 110\]"),
        (table(age_years=["x", "y", "z"]), "column 'age_years' must hold numbers"),
        (table(male=[2, 0, 1]), "column 'male' has 1 values that are neither true nor false"),
        (table(smoking=["often", "ever", "never"]), "column 'smoking' has unknown categories 'often'"),
        (table(os_months=[3.0, np.nan, 9.0]), "column 'os_months' is missing for 1 patients"),
        (table().rename_axis("id"), "the index must be named 'patient'"),
    ],
)
def test_each_fault_is_named(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_table(frame, COLUMNS)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        check_table(table(true_risk=[1, 2, 3], male=[2, 0, 1]).drop(columns="arm"), COLUMNS)
    assert len(str(caught.value).splitlines()) == 4


def test_a_patient_may_stand_in_one_row_only() -> None:
    doubled = pd.concat([table(), table().iloc[:1]])
    with pytest.raises(InputError, match="1 patients stand in more than one row"):
        check_table(doubled, COLUMNS)


def test_a_cohort_checks_itself_and_knows_its_endpoints() -> None:
    cohort = Cohort("c", table(), COLUMNS, simulated=False)
    assert cohort.endpoints() == ["os", "pfs"]
    assert cohort.names("baseline") == ["age_years", "male", "smoking"]
    assert len(cohort.take(pd.Index(["p2"]))) == 1
    with pytest.raises(InputError, match="no column 'nlr'"):
        cohort.column("nlr")


def test_outcomes_become_event_and_time() -> None:
    y = outcome(table(), "pfs")
    assert y["event"].tolist() == [True, False, True]
    assert y["time"].tolist() == [2.0, 6.0, 4.0]


def test_an_unknown_key_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="unknown model 'cocks'; known: cox, rsf"):
        lookup({"rsf": 1, "cox": 2}, "cocks", "model")


def truth(association: float = 1.0) -> Truth:
    patients = pd.DataFrame(
        {
            "arm": ["a", "b"],
            "os_log_hazard[a]": np.log([1.0, 2.0]),
            "os_log_hazard[b]": np.log([0.5, 1.0]),
            "progression_log_hazard[a]": np.log([1.0, 3.0]),
            "progression_log_hazard[b]": np.log([1.0, 1.0]),
        },
        index=pd.Index(["p1", "p2"], name="patient"),
    )
    knots = np.array([0.0, 10.0])
    hazards = pd.concat(
        pd.DataFrame({"arm": arm, "months": knots, "os": knots * os, "progression": knots * pfs})
        for arm, os, pfs in (("a", 0.05, 0.10), ("b", 0.04, 0.08))
    ).assign(association=association)
    return Truth(patients, hazards)


def test_true_survival_is_the_exponential_of_both_hazards() -> None:
    months = np.array([5.0, 20.0])
    np.testing.assert_allclose(truth().survival("os", months)[0], np.exp(-0.05 * months))
    np.testing.assert_allclose(truth().survival("os", months)[1], np.exp(-0.04 * months))
    np.testing.assert_allclose(truth().survival("pfs", months)[0], np.exp(-0.15 * months))
    np.testing.assert_allclose(truth().survival("pfs", months, arm="a")[1], np.exp(-(0.1 + 0.3) * months))


def test_association_brings_progression_free_survival_closer_to_survival() -> None:
    months = np.array([10.0])
    apart, close = truth().survival("pfs", months), truth(8.0).survival("pfs", months)
    alive = truth().survival("os", months)
    assert (apart < close).all()
    assert (close <= alive).all()
    np.testing.assert_allclose(close[0], np.exp(-((0.5**8 + 1.0) ** (1 / 8))))


def test_truth_answers_for_chosen_patients_in_their_order() -> None:
    months = np.array([5.0])
    both = truth().survival("os", months)
    np.testing.assert_allclose(truth().survival("os", months, pd.Index(["p2", "p1"])), both[::-1])


def test_a_prediction_has_one_curve_a_patient() -> None:
    with pytest.raises(ValueError, match=r"survival must have shape \(2, 3\)"):
        Prediction(np.zeros(2), np.arange(3.0), np.zeros((2, 2)))


def test_a_prediction_answers_at_its_own_horizons_only() -> None:
    prediction = Prediction(np.zeros(2), np.array([6.0, 12.0]), np.array([[0.9, 0.8], [0.7, 0.5]]))
    assert prediction.at(12.0).tolist() == [0.8, 0.5]
    assert len(prediction.take(np.array([1]))) == 1
    with pytest.raises(ValueError, match="no prediction at 9 months"):
        prediction.at(9.0)
