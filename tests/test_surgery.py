"""Pathological response and ctDNA clearance: as often as published, and in agreement with each other."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline.schema import Cohort
from synthetic_data.cohort import population_of, simulate_cohort
from synthetic_data.cohort_spec import CohortSpec, plan_cohort
from synthetic_data.evidence import load_register
from synthetic_data.fidelity import fidelity
from synthetic_data.surgery import CLEARED, COMPLETE, LABELS, MAJOR, published_share

PATIENTS = 20_000


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    spec = CohortSpec(name="surgery", trial="CheckMate-77T", markers=("pdl1_tps",))
    return simulate_cohort(spec, PATIENTS, np.random.default_rng(0))


def test_outcomes_are_as_frequent_as_published(cohort: Cohort) -> None:
    wanted = {
        COMPLETE: {"nivo": 0.253, "placebo": 0.047},
        MAJOR: {"nivo": 0.354, "placebo": 0.121},
        CLEARED: {"nivo": 0.66, "placebo": 0.38},
    }
    for outcome, by_arm in wanted.items():
        for arm, rate in by_arm.items():
            drawn = cohort.observed.loc[cohort.observed["arm"] == arm, outcome]
            assert abs(drawn.mean() - rate) < 4 * np.sqrt(rate * (1 - rate) / len(drawn))


def test_a_complete_response_is_a_major_one_and_has_cleared(cohort: Cohort) -> None:
    complete = cohort.observed[cohort.observed[COMPLETE]]
    assert complete[MAJOR].all()
    assert complete[CLEARED].all()
    assert not cohort.observed[MAJOR].all()


def test_complete_responders_live_longer_without_an_event(cohort: Cohort) -> None:
    assert cohort.truth is not None
    events = cohort.truth.patients.loc[cohort.observed.index, "pfs_event_months"]
    treated = cohort.observed["arm"] == "nivo"
    found = cohort.observed[COMPLETE]
    assert events[treated & found].median() > 2 * events[treated & ~found].median()


def test_what_was_not_built_on_is_predicted(cohort: Cohort) -> None:
    """Complete response among those who cleared: published as 50 % and 12 %."""
    cleared = cohort.observed[cohort.observed[CLEARED]]
    shares = cleared.groupby("arm", observed=True)[COMPLETE].mean()
    assert shares["nivo"] == pytest.approx(0.5, abs=0.15)
    assert shares["placebo"] == pytest.approx(0.12, abs=0.04)


def test_outcomes_are_declared_held_against_their_figures_and_never_a_feature(cohort: Cohort) -> None:
    assert [cohort.column(name).role for name in LABELS] == ["outcome"] * 3
    spec = CohortSpec(name="surgery", trial="CheckMate-77T", markers=("pdl1_tps",))
    table = fidelity(cohort, plan_cohort(spec, load_register()))
    rows = table[table["endpoint"] == "surgery"]
    assert len(rows) == 6
    assert rows["within"].all()
    lower = cohort.observed.assign(**{COMPLETE: False})
    from dataclasses import replace

    missed = fidelity(replace(cohort, observed=lower), plan_cohort(spec, load_register()))
    assert not missed.loc[missed["kind"] == COMPLETE, "within"].any()  # the twin


def test_trials_without_an_operation_have_none() -> None:
    population = population_of(CohortSpec(name="oak", trial="OAK", markers=("pdl1_tps",)))
    assert population.surgery is None
    cohort = simulate_cohort(population, 50, np.random.default_rng(0))
    assert not set(LABELS) & set(cohort.observed)
    assert cohort.manifest["surgery"] == {}


def test_only_figures_of_all_patients_count() -> None:
    trial = load_register().trial("KEYNOTE-671")
    share = published_share(trial, COMPLETE, "pembro")
    assert share is not None
    assert share.rate == pytest.approx(0.181)  # not 0.203 of the node-negative
    assert published_share(trial, CLEARED, "pembro") is None


def test_the_same_generator_gives_the_same_outcomes(cohort: Cohort) -> None:
    spec = CohortSpec(name="surgery", trial="CheckMate-77T", markers=("pdl1_tps",))
    again = simulate_cohort(spec, PATIENTS, np.random.default_rng(0))
    pd.testing.assert_frame_equal(cohort.observed[list(LABELS)], again.observed[list(LABELS)])
