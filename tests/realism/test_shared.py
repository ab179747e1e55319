"""Columns two tables share, as numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipeline.realism import encoded, shared_columns
from pipeline.realism.shared import column_of
from pipeline.schema import InputError

from .made_patients import ALL, COLUMNS, patients


def test_the_columns_of_both_are_found_with_the_levels_of_both() -> None:
    other = (replace(COLUMNS[3], categories=("never", "ever")), COLUMNS[0])
    shared = shared_columns(COLUMNS, other)
    assert [c.name for c in shared] == ["age_years", "smoking"]
    assert shared[1].categories == ("never", "ever", "former", "current")


def test_another_kind_or_unit_is_refused_all_at_once() -> None:
    other = (replace(COLUMNS[0], unit="months"), replace(COLUMNS[2], kind="number"))
    with pytest.raises(InputError, match=r"age_years is in 'years'(.|\n)*male is a boolean"):
        shared_columns(COLUMNS, other)


def test_nothing_in_common_is_said() -> None:
    with pytest.raises(InputError, match="no column is shared"):
        shared_columns(COLUMNS[:1], COLUMNS[1:2])


def test_facts_levels_and_gaps_become_numbers() -> None:
    table = patients(4, np.random.default_rng(0))
    table["smoking"] = ["never", None, "current", "former"]
    table["best_response"] = ["PR", None, "PD", "SD"]
    table["male"] = pd.array([True, None, False, True], dtype="boolean")
    shown = encoded(table, ALL)
    assert shown["male"].tolist()[0] == 1.0
    assert np.isnan(shown["male"].iloc[1])
    assert np.isnan(shown["smoking=never"].iloc[1])
    assert shown["best_response=NE"].tolist() == [0.0, 1.0, 0.0, 0.0]  # nobody recorded it
    assert {column_of(f) for f in shown} == {c.name for c in ALL}


def test_the_number_of_decimals_a_file_prints_is_no_difference() -> None:
    table = patients(3, np.random.default_rng(0))
    printed = table.assign(os_months=[float(f"{v:.12g}") for v in table["os_months"]])
    assert not (printed["os_months"] == table["os_months"]).all()
    pd.testing.assert_frame_equal(encoded(printed, ALL), encoded(table, ALL), check_exact=True)
