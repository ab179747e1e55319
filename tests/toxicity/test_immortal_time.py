"""Adverse events and survival: the immortal-time trap is found, and closed, where the truth is known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter

from pipeline.schema import InputError
from pipeline.toxicity import METHODS, contrast, onsets_of
from tests.made_cohort import made_cohort


def with_events(patients, seed, log_ratio=0.0):
    """Events at a constant rate until death; from its onset on, an event multiplies the hazard of death."""
    cohort = made_cohort(patients, seed)
    rng = np.random.default_rng(seed + 1)
    onset = rng.exponential(10, patients)
    target = rng.exponential(size=patients)  # cumulative hazard at death
    before = 0.06 * onset
    died_at = np.where(target < before, target / 0.06, onset + (target - before) / (0.06 * np.exp(log_ratio)))
    left_at = rng.uniform(8, 36, patients)
    months = np.minimum(died_at, left_at)
    observed = cohort.observed.assign(os_months=months, died=died_at <= left_at)
    had = onset < months
    events = pd.DataFrame(
        {"patient": observed.index[had], "event": "pneumonitis", "organ": "lung", "immune_mediated": True,
         "grade": 2, "onset_months": onset[had], "duration_months": 0.0, "resolved": True}
    )  # fmt: skip
    return replace(cohort, observed=observed, events=events, truth=None)


@pytest.mark.parametrize("truth", [0.0, 0.7])
def test_time_dependent_recovers_the_truth_and_ever_v_never_does_not(truth):
    onsets = onsets_of(with_events(3000, 3, truth), "os")
    found, error = contrast(onsets, "time_dependent")
    assert abs(found - truth) < 3 * error
    naive, naive_error = contrast(onsets, "ever_v_never")
    assert naive < truth - 4 * naive_error


def test_landmark_is_right_where_nothing_acts():
    found, error = contrast(onsets_of(with_events(3000, 4), "os"), "landmark", 6.0)
    assert abs(found) < 3 * error


def test_without_time_dependence_it_is_lifelines_cox():
    cohort = with_events(400, 5)
    onsets = onsets_of(cohort, "os")
    had = np.isfinite(onsets.onset_months).astype(float)
    table = pd.DataFrame({"had": had, "arm": onsets.covariates[:, 0], "t": onsets.months, "e": onsets.event})
    expected = CoxPHFitter().fit(table, "t", "e")
    found, error = contrast(onsets, "ever_v_never")
    assert found == pytest.approx(expected.params_["had"], abs=1e-4)
    assert error == pytest.approx(expected.standard_errors_["had"], abs=1e-4)


def test_progression_is_a_second_factor_only_for_overall_survival():
    onsets = onsets_of(with_events(400, 6), "os")
    assert not np.isfinite(onsets.progression_months).any()  # the made cohort has no progression
    assert set(METHODS) == {"ever_v_never", "landmark", "time_dependent", "time_dependent_progression"}


def test_what_cannot_be_asked_is_said():
    cohort = with_events(100, 7)
    with pytest.raises(InputError, match="no adverse event 'colitis'; it has pneumonitis"):
        onsets_of(cohort, "os", ["colitis"])
    with pytest.raises(InputError, match="holds no adverse events"):
        onsets_of(replace(cohort, events=None), "os")
    with pytest.raises(InputError, match="nobody had such"):
        onsets_of(replace(cohort, events=cohort.events.iloc[:0]), "os")
    with pytest.raises(InputError, match="method"):
        contrast(onsets_of(cohort, "os"), "guess")


def test_patients_of_one_arm_need_no_covariate():
    cohort = with_events(400, 7)
    one = cohort.take(cohort.observed.index[cohort.observed["arm"] == "pembrolizumab"])
    onsets = onsets_of(one, "os")
    assert onsets.covariates.shape == (len(one), 0)
    found, error = contrast(onsets, "time_dependent")
    assert abs(found) < 3 * error
