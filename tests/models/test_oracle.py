"""The oracle: it reads the truth, of the right cohort, and cannot be saved."""

from dataclasses import replace

import numpy as np
import pytest
from made_cohort import CONTROL, HORIZONS, MONTHLY_HAZARD, TREATED, context_of, made_cohort

from pipeline.models import build_model, save_model
from pipeline.schema import InputError

from .fitting import MONTHS


def test_the_oracle_reads_the_arm_received(fitted, cohort):
    prediction = fitted["oracle"].predict(cohort.observed, np.array([12.0]))
    for arm in (TREATED, CONTROL):
        rows = (cohort.observed["arm"] == arm).to_numpy()
        log_hazard = cohort.truth.patients[f"os_log_hazard[{arm}]"].to_numpy()[rows]
        want = np.exp(-MONTHLY_HAZARD * 12 * np.exp(log_hazard))
        np.testing.assert_allclose(prediction.survival[rows, 0], want, rtol=1e-12)


def test_the_oracle_ranks_by_restricted_mean_survival(fitted, cohort):
    received = np.where(cohort.observed["arm"] == TREATED, -0.5, 0.0)
    rate = MONTHLY_HAZARD * np.exp(cohort.truth.patients[f"os_log_hazard[{CONTROL}]"].to_numpy() + received)
    mean = (1 - np.exp(-rate * HORIZONS[-1])) / rate
    np.testing.assert_allclose(-fitted["oracle"].predict(cohort.observed, MONTHS).risk, mean, rtol=1e-4)


def test_the_oracle_needs_the_truth(cohort):
    with pytest.raises(InputError, match="oracle needs the truth"):
        build_model("oracle", replace(context_of(cohort), truths=()))


def test_the_oracle_is_told_which_cohort_when_numbers_repeat(fitted, cohort):
    other = made_cohort(400, seed=99)
    both = fitted["oracle"].with_truths((cohort.truth, other.truth))
    with pytest.raises(InputError, match="2 of 2 truths"):
        both.predict(other.observed, MONTHS)
    there = fitted["oracle"].with_truths((other.truth,)).predict(other.observed, MONTHS)
    np.testing.assert_allclose(there.survival, other.truth.survival("os", MONTHS))


def test_the_oracle_cannot_be_saved(fitted, tmp_path):
    with pytest.raises(InputError, match="oracle cannot be saved"):
        save_model(fitted["oracle"], tmp_path / "oracle")
    assert not (tmp_path / "oracle").exists()
