"""Cohorts with visits, drawn once for all tests of this folder."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd

from pipeline.schema import Cohort
from synthetic_data.cohort import simulate_cohort
from synthetic_data.cohort_spec import CohortSpec
from synthetic_data.trajectories import (
    VisitSpec,
)

DAY = 1 / 30.4375
SIX_WEEKLY = VisitSpec(every_weeks=6, until_months=36)


@lru_cache(maxsize=8)
def drawn(
    n: int = 1500, seed: int = 1, trial: str = "KEYNOTE-189", visits: VisitSpec | None = SIX_WEEKLY
) -> Cohort:
    spec = CohortSpec(name="c", trial=trial, visits=visits)
    return simulate_cohort(spec, n, np.random.default_rng(seed))


def visits_of(cohort: Cohort) -> pd.DataFrame:
    assert cohort.visits is not None
    return cohort.visits


def true_visits(cohort: Cohort) -> pd.DataFrame:
    assert cohort.truth is not None
    assert cohort.truth.visits is not None
    return cohort.truth.visits
