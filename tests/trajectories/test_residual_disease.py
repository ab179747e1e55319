"""ctDNA after surgery: found before recurrence as often as published, and only where there is surgery."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd
import pytest

from pipeline.schema import Cohort, InputError
from synthetic_data.cohort import simulate_cohort
from synthetic_data.cohort_spec import CohortSpec
from synthetic_data.trajectories import VisitSpec
from synthetic_data.trajectories.residual_disease import FALSE_POSITIVE, residual_ctdna

from .drawn_visits import true_visits, visits_of

COLUMN = "mrd_molecules_per_ml"
QUARTERLY = tuple(4.5 + 3.0 * k for k in range(12))


@lru_cache
def resected() -> Cohort:
    visits = VisitSpec(months=QUARTERLY, assays=("tumour_size", "mrd"), missed_fraction=0, failed_fraction=0)
    spec = CohortSpec(name="c", trial="KEYNOTE-671", visits=visits, accrual_months=1, follow_up_months=72,
                      dropout_per_month=0)  # fmt: skip
    return simulate_cohort(spec, 6000, np.random.default_rng(1))


def found_before_recurrence() -> tuple[pd.Series, pd.Series, pd.DataFrame]:
    """Whether the first sample, and any up to recurrence, was positive; of recurrences within three years."""
    cohort = resected()
    assert cohort.truth is not None
    fate = cohort.truth.patients
    pfs = fate["pfs_event_months"].where(fate["pfs_event_months"] < fate["os_event_months"], np.inf)
    table = visits_of(cohort).query("planned and months > 4")
    end = table["patient"].map(pfs)
    table = table.assign(end=end, positive=table[COLUMN] > 0)
    recurs = table[(table["end"] > 4.6) & (table["end"] < 36)]
    before = recurs[recurs["months"] < recurs["end"]]
    first = before.groupby("patient", sort=False)["positive"].first()
    return first, before.groupby("patient", sort=False)["positive"].any(), table


def test_sensitivity_and_specificity_are_the_published_ones() -> None:
    first, ever, table = found_before_recurrence()
    assert first.mean() == pytest.approx(0.42, abs=0.04)
    assert ever.mean() == pytest.approx(0.76, abs=0.04)
    free = table[np.isinf(table["end"])]
    n = len(free)
    assert free["positive"].mean() == pytest.approx(FALSE_POSITIVE, abs=4 * np.sqrt(0.03 * 0.97 / n))


def test_nothing_is_measured_before_the_operation_and_nothing_is_left_in_who_does_not_recur() -> None:
    true = true_visits(resected())
    assert true.loc[true["months"] < 3.4, COLUMN].isna().all()
    assert true.loc[true["months"] > 3.6, COLUMN].notna().all()
    rng = np.random.default_rng(0)
    months = np.tile([4.0, 10.0, 20.0], (500, 1))
    course = residual_ctdna(months, np.full(500, 30.0), np.full(500, 30.0), 3.5, rng)
    assert (course == 0).all()
    grows = residual_ctdna(months, np.full(500, 22.0), np.full(500, 30.0), 3.5, rng)
    shed = grows[:, 0] > 0
    assert 0.6 < shed.mean() < 0.95
    assert (np.diff(grows[shed], axis=1) > 0).all()


def test_a_trial_without_an_operation_is_refused() -> None:
    visits = VisitSpec(months=(3.0,), assays=("tumour_size", "mrd", "dll3"))
    spec = CohortSpec(name="c", trial="KEYNOTE-189", visits=visits)
    with pytest.raises(InputError, match=r"mrd is of trials with an operation.*dll3: for trials with a DLL3"):
        simulate_cohort(spec, 20, np.random.default_rng(0))
