"""Who responded, and what stands for those nobody evaluated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipeline.response import known_responses
from pipeline.schema import RESPONDED, Cohort, InputError

from .made_responses import made_responses


def with_best(values: list[str | None]) -> Cohort:
    cohort = made_responses(len(values), 1)
    return replace(cohort, observed=cohort.observed.assign(best_response=values))


VALUES = ["CR", "PR", "SD", "PD", "NE", None]


def test_never_evaluated_patients_count_as_without_response_as_in_printed_rates() -> None:
    known = known_responses(with_best(VALUES), "no_response")
    assert known.responded.tolist() == [True, True, False, False, False, False]
    assert known.never_evaluated == 2
    assert known.responded.mean() == pytest.approx(2 / 6)


def test_never_evaluated_patients_can_be_left_out() -> None:
    known = known_responses(with_best(VALUES), "left_out")
    assert known.responded.tolist() == [True, True, False, False]
    assert len(known.cohort) == 4
    assert known.never_evaluated == 2


def test_a_response_of_yes_or_no_is_read_too() -> None:
    cohort = made_responses(4, 1)
    values = pd.array([True, False, None, True], dtype="boolean")
    told = replace(
        cohort,
        observed=cohort.observed.drop(columns="best_response").assign(responded=values),
        columns=(*cohort.columns[:-1], RESPONDED),
    )
    assert known_responses(told, "no_response").responded.tolist() == [True, False, False, True]
    assert known_responses(told, "left_out").responded.tolist() == [True, False, True]


def test_a_cohort_that_does_not_tell_is_refused() -> None:
    cohort = made_responses(4, 1)
    silent = replace(
        cohort, observed=cohort.observed.drop(columns="best_response"), columns=cohort.columns[:-1]
    )
    with pytest.raises(InputError, match="'made' has neither best_response nor responded"):
        known_responses(silent, "no_response")
    assert np.isin("best_response", cohort.observed.columns)
