"""Findings about columns, none on a sound cohort, and their table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipeline.cohort_check import check_cohort, findings_table
from pipeline.schema import ARM, OUTCOMES, Column

from .sound_cohort import checks, marker, sound, with_column


@pytest.mark.parametrize("seed", range(5))
def test_a_sound_cohort_has_notes_only(seed):
    assert {f.severity for f in check_cohort(sound(seed=seed))} == {"note"}


def test_what_the_schema_refuses_is_one_fault():
    made = sound()
    made.observed.loc[3, "age_years"] = 400
    (finding,) = check_cohort(made)
    assert (finding.severity, finding.check) == ("fault", "declaration")
    assert "age_years" in finding.message


@pytest.mark.parametrize(
    ("values", "options", "check", "severity"),
    [
        (1.0, {}, "constant", "warning"),
        (np.nan, {}, "empty_column", "warning"),
        (np.where(np.arange(240) % 3 > 0, np.nan, np.arange(240.0)), {}, "missing", "warning"),
        (np.where(np.arange(240) % 9 > 0, np.arange(240.0), np.nan), {}, "missing", "note"),
        (np.where(np.arange(240) % 3 > 0, np.arange(240.0), 100.5), {}, "imputed", "warning"),
        (np.where(np.arange(240) % 3 > 0, np.arange(240.0), 240.0), {}, "limit", "note"),
        (np.where(np.arange(240) == 7, np.inf, np.arange(240.0)), {}, "infinite", "fault"),
        (np.arange(240.0) - 5, {"positive": True}, "negative", "fault"),
    ],
)
def test_faults_of_a_number_column(values, options, check, severity):
    made = with_column(sound(), marker(**options), values)
    assert (check, "marker") in checks(made, severity)


def test_a_score_of_few_values_is_not_taken_for_imputed():
    made = with_column(sound(), marker("ecog_ps"), np.arange(240) % 2)
    assert not {c for c in checks(made) if c[1] == "ecog_ps"}


def test_free_text_in_a_category():
    column = Column("comment", "baseline", "category", modality="clinical")
    assert ("many_levels", "comment") in checks(
        with_column(sound(), column, [f"t{i}" for i in range(240)]), "warning"
    )


def test_arms():
    made = sound()
    made.observed.loc[0:4, "arm"] = "rare"
    made.observed.loc[5, "arm"] = None
    found = checks(replace(made, control_arm="placebo"))
    assert {("small_arm", "arm"), ("arm_missing", "arm"), ("control_arm", "arm")} <= found


def test_identical_patients():
    made = sound()
    made.observed.iloc[7] = made.observed.iloc[3]
    assert ("identical_patients", "") in checks(made, "warning")


def test_a_cohort_without_baseline_columns():
    made = sound()
    bare = replace(
        made, observed=made.observed[["arm", *(c.name for c in OUTCOMES)]], columns=(ARM, *OUTCOMES)
    )
    assert ("no_baseline", "") in checks(bare, "fault")


def test_the_table_lists_faults_first():
    made = sound()
    made.observed["died"] = False
    table = findings_table(check_cohort(made))
    assert list(table) == ["severity", "check", "column", "count", "message", "remedy"]
    order = table["severity"].map({"fault": 0, "warning": 1, "note": 2})
    assert order.is_monotonic_increasing
    assert order.iloc[0] == 0
    assert list(findings_table([])) == list(table)


def test_the_check_changes_nothing():
    made = sound()
    before = made.observed.copy()
    check_cohort(made)
    pd.testing.assert_frame_equal(made.observed, before)
