"""What makes a table of adverse events impossible."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from made_cohort import made_cohort

from pipeline.adverse_events import EVENT_COLUMNS, event_faults
from pipeline.schema import Cohort, InputError

FOLLOW_UP = pd.Series([10.0, 5.0], index=pd.Index(["a", "b"], name="patient"))


def table(**changes: object) -> pd.DataFrame:
    row = {
        "patient": "a", "event": "rash", "organ": "skin", "immune_mediated": True, "grade": 2,
        "onset_months": 1.0, "duration_months": 2.0, "resolved": True,
    }  # fmt: skip
    return pd.DataFrame([row | changes])


def test_a_possible_event_is_no_fault() -> None:
    assert not event_faults(table(), FOLLOW_UP)
    assert not event_faults(table(onset_months=10.0, duration_months=0.0), FOLLOW_UP)
    assert not event_faults(table().iloc[:0], FOLLOW_UP)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"patient": "c"}, "1 events of unknown patients"),
        ({"grade": 6}, "a grade other than 1 to 5"),
        ({"grade": 0}, "a grade other than 1 to 5"),
        ({"onset_months": 10.5, "duration_months": 0.0}, "onset outside the patient's follow-up"),
        ({"onset_months": 0.0}, "onset outside the patient's follow-up"),
        ({"onset_months": float("nan")}, "onset outside the patient's follow-up"),
        ({"duration_months": 9.5}, "past the follow-up"),
        ({"duration_months": -0.5}, "a duration below 0"),
        ({"patient": "b", "onset_months": 6.0, "duration_months": 0.0}, "onset outside"),
    ],
)
def test_each_fault_is_named(changes: dict[str, object], message: str) -> None:
    assert any(message in fault for fault in event_faults(table(**changes), FOLLOW_UP))


def test_every_missing_column_is_named() -> None:
    assert len(event_faults(table().drop(columns=["grade", "organ"]), FOLLOW_UP)) == 2
    assert len(event_faults(pd.DataFrame({"patient": []}), FOLLOW_UP)) == len(EVENT_COLUMNS) - 1


def test_a_cohort_refuses_impossible_events_all_faults_at_once() -> None:
    cohort: Cohort = made_cohort(20, 1)
    known = cohort.observed.index[0]
    good = table(patient=known, onset_months=0.01, duration_months=0.0)
    assert replace(cohort, events=good).events is not None
    with pytest.raises(InputError, match=r"made is not a valid cohort") as caught:
        replace(cohort, events=table(patient=known, onset_months=999.0, grade=9))
    assert "grade" in str(caught.value)
    assert "onset" in str(caught.value)
