"""Serial measurements of a file: split from the patients, set right and faults named."""

import pandas as pd
import pytest

from pipeline.real_cohort import CohortMap, read_cohort
from pipeline.schema import InputError

MAP = {
    "kind": "file",
    "name": "serial",
    "citation": "made for a test",
    "patient": "id",
    "outcomes": {"os_months": {"column": "os"}, "died": {"column": "died", "event_value": 1}},
    "columns": {"age_years": {"column": "age", "kind": "number", "label": "Age", "modality": "clinical"}},
    "visits": {
        "months": {"column": "day", "unit": "days"},
        "columns": {"ctdna_allele_fraction": {"column": "vaf", "recode": {"ND": 0}, "divide": 100}},
    },
}
ROWS = [
    ("a", 60, 10.0, 1, -20, "4"), ("a", 60, 10.0, 1, -3, "2"), ("a", 60, 10.0, 1, 60, "ND"),
    ("b", 71, 6.0, 0, 0, "1"), ("b", 71, 6.0, 0, 300, "8"), ("b", 71, 6.0, 0, "", "3"),
    ("c", 55, 9.0, 1, 30, "NA"),
]  # fmt: skip
HEADER = ["id", "age", "os", "died", "day", "vaf"]


def written(folder, rows=ROWS, header=HEADER, name="serial.csv"):
    path = folder / name
    pd.DataFrame(rows, columns=header).to_csv(path, index=False)
    return path


def test_a_long_table_becomes_patients_and_visits(tmp_path):
    cohort = read_cohort(CohortMap.model_validate(MAP), written(tmp_path))
    assert list(cohort.observed.index) == ["a", "b", "c"]
    visits = cohort.visits
    assert list(visits["patient"]) == ["a", "a", "b", "c"]
    assert list(visits["visit"]) == [0, 1, 0, 0]
    assert visits["months"].tolist() == pytest.approx([0, 60 / 30.4375, 0, 30 / 30.4375])
    assert visits["ctdna_allele_fraction"].tolist()[:3] == pytest.approx([0.02, 0.0, 0.01])
    assert visits["ctdna_allele_fraction"].isna().tolist() == [False, False, False, True]


def test_what_was_left_out_is_said(tmp_path):
    warnings = read_cohort(CohortMap.model_validate(MAP), written(tmp_path)).manifest["warnings"]
    said = [w for w in warnings if w.startswith("visits:")]
    assert said == [
        "visits: 1 row without a time left out",
        "visits: 1 row before a patient's last one before treatment left out",
        "visits: 1 row after the end of follow-up left out",
    ]
    assert not [w for w in warnings if w.startswith("not mapped")]


def test_visits_may_stand_in_another_file(tmp_path):
    patients = written(tmp_path, [("a", 60, 10.0, 1), ("b", 71, 6.0, 0)], HEADER[:4], "patients.csv")
    written(tmp_path, [("a", 0, "1"), ("b", 30, "2"), ("x", 5, "3")], ["who", "day", "vaf"], "draws.csv")
    spec = MAP | {"visits": MAP["visits"] | {"file": "draws.csv", "patient": "who"}}
    cohort = read_cohort(CohortMap.model_validate(spec), patients)
    assert list(cohort.visits["patient"]) == ["a", "b"]
    assert "visits: 1 row of patients who are not in the cohort left out" in cohort.manifest["warnings"]


def test_every_fault_is_named(tmp_path):
    rows = [*ROWS, ("c", 56, 9.0, 1, 30, "-1"), ("c", 55, 9.0, 1, 45, "many")]
    with pytest.raises(InputError) as error:
        read_cohort(CohortMap.model_validate(MAP), written(tmp_path, rows))
    said = str(error.value)
    assert "column 'age' (age_years): differs between the rows of 1 patient, first c" in said
    assert "column 'vaf' (visits.ctdna_allele_fraction): 1 negative value; none can be" in said
    assert "1 text in a number column" in said
    assert "column 'day' (visits.months): 2 rows of one patient at one time; keep one" in said


def test_a_missing_column_of_visits_is_named(tmp_path):
    spec = MAP | {"visits": MAP["visits"] | {"months": {"column": "week"}}}
    with pytest.raises(InputError, match=r"the table of visits .* has no column 'week'; it has id, age"):
        read_cohort(CohortMap.model_validate(spec), written(tmp_path))


def test_a_file_of_visits_lies_beside_the_data():
    with pytest.raises(ValueError, match=r"visits\.file"):
        CohortMap.model_validate(MAP | {"visits": MAP["visits"] | {"file": "../elsewhere.csv"}})
