"""The target of an engager: lost before progression in those who escape so, kept in the others."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd
import pytest

from pipeline.schema import Cohort
from synthetic_data.cohort import simulate_cohort
from synthetic_data.cohort_spec import CohortSpec
from synthetic_data.trajectories import ASSAYS, VisitSpec
from synthetic_data.trajectories.target_antigen import (
    ESCAPES,
    LOST,
    NO_ENGAGER,
    NO_ESCAPE,
    RETAINED,
    SHIFTED,
)

from .drawn_visits import drawn, true_visits, visits_of

THREE_WEEKLY = VisitSpec(every_weeks=3, until_months=12, assays=(*ASSAYS, "dll3", "neuroendocrine"))


@lru_cache
def engaged() -> Cohort:
    return simulate_cohort(
        CohortSpec(name="c", trial="DeLLphi-304", visits=THREE_WEEKLY), 4000, np.random.default_rng(1)
    )


def truth(cohort: Cohort) -> pd.DataFrame:
    assert cohort.truth is not None
    return cohort.truth.patients


def test_who_progresses_on_an_engager_escapes_as_often_as_stated() -> None:
    fate = truth(engaged())
    engager = fate["arm"] == "tarlatamab"
    progresses = fate["pfs_event_months"] < fate["os_event_months"]
    assert (fate.loc[~engager, "target_escape"] == NO_ENGAGER).all()
    assert (fate.loc[engager & ~progresses, "target_escape"] == NO_ESCAPE).all()
    share = fate.loc[engager & progresses, "target_escape"].value_counts(normalize=True)
    n = int((engager & progresses).sum())
    for name, expected in ESCAPES.items():
        assert share[name] == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / n))
    falls = fate["target_escape"].isin([LOST, SHIFTED])
    assert (fate["escape_months"].notna() == falls).all()
    assert (fate.loc[falls, "escape_months"] < fate.loc[falls, "pfs_event_months"]).all()


def test_each_signal_falls_where_it_should_and_stays_elsewhere() -> None:
    cohort = engaged()
    true, fate = true_visits(cohort), truth(cohort)
    start = true[true["months"] == 0].set_index("patient")
    late = true[true["months"] > true["patient"].map(fate["pfs_event_months"])].groupby("patient").first()
    escape = fate.loc[late.index, "target_escape"]
    for column, falls in (("dll3_percent", [LOST, SHIFTED]), ("neuroendocrine_percent", [SHIFTED])):
        ratio = late[column] / start.loc[late.index, column]
        gone = escape.isin(falls)
        assert ratio[gone].median() < 0.5, column
        np.testing.assert_allclose(ratio[~gone], 1.0)
    assert {RETAINED, NO_ENGAGER} <= set(escape)
    seen = visits_of(cohort)
    assert seen["dll3_percent"].dropna().between(0, 100).all()


def test_special_assays_leave_everything_else_as_it_was() -> None:
    plain = simulate_cohort(
        CohortSpec(name="c", trial="DeLLphi-304", visits=THREE_WEEKLY.model_copy(update={"assays": ASSAYS})),
        4000, np.random.default_rng(1),
    )  # fmt: skip
    cohort = engaged()
    pd.testing.assert_frame_equal(plain.observed, cohort.observed)
    pd.testing.assert_frame_equal(visits_of(plain), visits_of(cohort)[list(visits_of(plain))])
    assert "dll3_percent" not in visits_of(drawn())
    assert "target_escape" not in truth(drawn())
