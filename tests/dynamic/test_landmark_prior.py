"""The prior of a landmark supermodel: learnt from drawn cohorts whose rows are not independent."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.dynamic import DynamicAnalysis
from pipeline.dynamic.design import LandmarkDesign
from pipeline.dynamic.landmark_prior import (
    LANDMARK_KIND,
    LANDMARK_PENALTY,
    landmark_prior,
    read_landmark_prior,
    stack_drawn,
)
from pipeline.features import FeatureBuilder
from pipeline.models.coefficient_prior import CoefficientPrior, Sample, read_prior
from pipeline.models.partial_likelihood import RiskSets, ridge_fit
from pipeline.schema import InputError

from .joint_patients import joint_patients
from .priors import kept, learnt

ANALYSIS = DynamicAnalysis(endpoint="os", landmarks_months=(1.5, 3, 6), window_months=12)
COHORTS = [joint_patients(250, 200 + k) for k in range(6)]


@pytest.fixture(scope="module")
def prior():
    return learnt(COHORTS, ANALYSIS)


def test_its_mean_is_what_all_its_cohorts_together_say(prior):
    everybody = stack_drawn([joint_patients(3000, 900)], ANALYSIS)[0]
    x = prior.centred(everybody.table)
    whole = ridge_fit(
        RiskSets.of(x, everybody.y["time"], everybody.y["event"]), LANDMARK_PENALTY * len(x),
        np.zeros(x.shape[1]),
    )  # fmt: skip
    told = np.corrcoef(x @ prior.mean, x @ whole)[0, 1]
    assert told > 0.9
    at = np.searchsorted(prior.months, 6.0)
    assert 0.05 < prior.hazard[at] < 1.0
    assert np.linalg.eigvalsh(prior.covariance).min() > 0


def test_errors_of_estimation_are_clustered_by_patient():
    stacks = stack_drawn(COHORTS, ANALYSIS)
    columns = stacks[0].columns_used(serial=False)  # the same in all rows of a patient
    features = FeatureBuilder(columns, stacks[0].control_arm)
    features.fit(pd.concat([s.table for s in stacks]))
    form = LandmarkDesign.of(stacks[0], features, interactions=False)
    clustered, independent = (
        CoefficientPrior.learnt(
            form, [Sample(s.table, s.y, s.patient if together else None) for s in stacks], "os", ""
        )
        for together in (True, False)
    )
    np.testing.assert_array_equal(clustered.mean, independent.mean)
    # rows repeat each other, so more of the spread is laid to estimation and less is left open
    assert np.trace(clustered.covariance) < 0.9 * np.trace(independent.covariance)


def test_it_survives_its_file_and_is_not_taken_for_a_baseline_one(prior, tmp_path):
    path = Path(kept(prior))
    again, form = read_landmark_prior(path)
    np.testing.assert_array_equal(again.mean, prior.mean)
    np.testing.assert_array_equal(again.covariance, prior.covariance)
    assert again.kind == LANDMARK_KIND
    assert form.landmarks_months == (1.5, 3.0, 6.0)
    with pytest.raises(InputError, match=r"a prior of landmark features, and baseline ones are wanted"):
        read_prior(path)
    with pytest.raises(InputError, match="no such file"):
        read_landmark_prior(tmp_path / "none.json")
    baseline = CoefficientPrior.of(COHORTS, "os", COHORTS[0].columns[:3], "")
    with pytest.raises(InputError, match=r"a prior of baseline features, .* with --study"):
        read_landmark_prior(Path(kept(baseline)))


def test_cohorts_without_visits_or_too_few_make_none():
    with pytest.raises(InputError, match="has no serial measurements"):
        stack_drawn([replace(COHORTS[0], visits=None)], ANALYSIS)
    stacks = stack_drawn(COHORTS[:2], ANALYSIS)
    with pytest.raises(InputError, match="at least 5 drawn cohorts"):
        landmark_prior(stacks, stacks[0].columns, "")
