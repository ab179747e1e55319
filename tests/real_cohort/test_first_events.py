"""First adverse events of a file: onset, organ and grade as recorded, and faults named."""

import numpy as np
import pandas as pd
import pytest

from pipeline.real_cohort import CohortMap, read_cohort
from pipeline.schema import InputError

MAP = {
    "kind": "file",
    "name": "events",
    "citation": "made for a test",
    "patient": "id",
    "outcomes": {"os_months": {"column": "os"}, "died": {"column": "died", "event_value": 1}},
    "columns": {"age_years": {"column": "age", "kind": "number", "label": "Age", "modality": "clinical"}},
    "adverse_events": {
        "onset": {"column": "day", "unit": "days"},
        "organ": "where",
        "organs": {"Lung": "lung"},
        "grade": "worst",
    },
}
ROWS = [
    ("a", 60, 10.0, 1, 30, "Lung", 2), ("b", 71, 6.0, 0, "", "", ""), ("c", 55, 9.0, 1, 0, "Gut", ""),
    ("d", 66, 3.0, 1, 400, "Lung", 3),
]  # fmt: skip


def written(folder, rows=ROWS):
    path = folder / "events.csv"
    pd.DataFrame(rows, columns=["id", "age", "os", "died", "day", "where", "worst"]).to_csv(path, index=False)
    return path


def test_events_are_read_and_set_right(tmp_path):
    cohort = read_cohort(CohortMap.model_validate(MAP), written(tmp_path))
    events = cohort.events
    assert list(events["patient"]) == ["a", "c"]
    assert events["onset_months"].tolist() == pytest.approx([30 / 30.4375, 0.5 / 30.4375])
    assert list(events["organ"]) == ["lung", "unspecified"]
    assert events["grade"].iloc[0] == 2
    assert np.isnan(events["grade"].iloc[1])
    said = [w for w in cohort.manifest["warnings"] if w.startswith("adverse_events")]
    assert said == [
        "adverse_events: 1 event after the end of follow-up left out",
        "adverse_events: 1 event on or before the first day set to half a day",
    ]
    assert not [w for w in cohort.manifest["warnings"] if w.startswith("not mapped")]


def test_a_grade_beyond_five_is_a_fault(tmp_path):
    rows = [("a", 60, 10.0, 1, 30, "Lung", 7), *ROWS[1:]]
    with pytest.raises(InputError, match=r"'worst' .*1 value other than 1 to 5"):
        read_cohort(CohortMap.model_validate(MAP), written(tmp_path, rows))


def test_a_misspelt_key_is_named():
    with pytest.raises(ValueError, match="organz"):
        CohortMap.model_validate(MAP | {"adverse_events": MAP["adverse_events"] | {"organz": {}}})
