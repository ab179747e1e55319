"""Any legal spec gives a legal cohort: times in order, responses, margins; no truth in a feature frame."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from pipeline.features import FeatureBuilder
from pipeline.schema import Cohort, InputError
from synthetic_data.cohort import simulate_cohort
from synthetic_data.cohort_spec import CohortSpec, plan_cohort
from synthetic_data.evidence import load_register
from synthetic_data.population import Population, prepare
from synthetic_data.response import FIRST_ASSESSMENT_MONTHS

N = 1_500
TRIALS = ("KEYNOTE-189", "PACIFIC", "IMpower133", "CheckMate-057", "CANOPY-1", "OAK", "CheckMate-227")
SPECS = st.builds(
    CohortSpec,
    name=st.just("any"),
    trial=st.sampled_from(TRIALS),
    markers=st.sampled_from([("sex", "nlr"), ("pdl1_tps", "sex"), ("pdl1_tps", "nlr", "sex", "liver_mets")]),
    accrual_months=st.floats(1.0, 30.0),
    follow_up_months=st.floats(6.0, 60.0),
    dropout_per_month=st.floats(0.0, 0.05),
    unmeasured_log_hazard_sd=st.floats(0.0, 0.8),
    defects=st.booleans(),
)
SEEDS = st.integers(0, 2**32 - 1)


def drawn(spec: CohortSpec, seed: int) -> tuple[Population, Cohort, pd.DataFrame]:
    population = prepare(plan_cohort(spec), load_register())
    cohort = simulate_cohort(population, N, np.random.default_rng(seed))
    assert cohort.truth is not None
    return population, cohort, cohort.truth.patients


@settings(max_examples=6, deadline=None)
@given(SPECS, SEEDS)
def test_any_legal_spec_gives_ordered_times_and_responses_that_agree(spec: CohortSpec, seed: int) -> None:
    _, cohort, truth = drawn(spec, seed)
    seen = cohort.observed
    assert (truth["pfs_event_months"] <= truth["os_event_months"]).all()
    assert (seen["pfs_months"] <= seen["os_months"]).all()
    assert (seen["os_months"] >= 0).all()
    own = truth.loc[seen.index]
    responded = seen["best_response"].isin(["CR", "PR"])
    assert (own.loc[responded, "pfs_event_months"] > FIRST_ASSESSMENT_MONTHS).all()
    assert (own.loc[seen["best_response"] == "PD", "pfs_event_months"] < 2 * FIRST_ASSESSMENT_MONTHS).all()
    assert (own.loc[~responded, "response_probability"] < 1).all()
    assert not responded[own["response_probability"] == 0].any()
    early = (own["os_event_months"] <= FIRST_ASSESSMENT_MONTHS) & ~responded
    assert (seen.loc[early, "best_response"] == "NE").all()


@settings(max_examples=6, deadline=None)
@given(SPECS, SEEDS)
def test_any_legal_spec_has_its_margins_and_its_published_survival(spec: CohortSpec, seed: int) -> None:
    population, _, truth = drawn(spec, seed)
    draw = population.markers.draw(N, np.random.default_rng(seed))
    for name, margin in draw.margins.items():
        scores = draw.scores[margin.simulation.column].to_numpy()
        assert kstest(scores, "norm").pvalue > 1e-7, name
        if margin.constant is None:
            np.testing.assert_array_equal(draw.numbers(name), margin.numbers(scores))
    for figure in (f for f in population.plan.curves.figures if f.built_on):
        months = truth.loc[truth["arm"] == figure.arm, f"{figure.endpoint}_event_months"]
        chance = 5 * math.sqrt(figure.survival * (1 - figure.survival) / len(months))
        assert abs((months > figure.months).mean() - figure.survival) < chance + 0.02, figure


def test_margins_of_another_setting_are_told_apart() -> None:
    """The twin: scores shifted by a quarter of a standard deviation fail the same test."""
    scores = np.random.default_rng(0).standard_normal(N) + 0.25
    assert kstest(scores, "norm").pvalue < 1e-7


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    spec = CohortSpec(name="any", trial="KEYNOTE-189", markers=("pdl1_tps", "nlr", "sex"))
    return drawn(spec, 3)[1]


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_no_column_of_the_truth_can_stand_in_a_table_or_a_feature_frame(
    cohort: Cohort, data: st.DataObject
) -> None:
    assert cohort.truth is not None
    name = data.draw(st.sampled_from([c for c in cohort.truth.patients if c != "arm"]))
    leaking = cohort.observed.assign(**{name: cohort.truth.patients[name]})
    with pytest.raises(InputError, match="is not declared"):
        Cohort(cohort.name, leaking, cohort.columns, True)
    builder = FeatureBuilder(cohort.columns).fit(leaking)
    plain = FeatureBuilder(cohort.columns).fit(cohort.observed)
    pd.testing.assert_frame_equal(builder.transform(leaking), plain.transform(cohort.observed))
    assert name not in set(builder.sources["column"])
