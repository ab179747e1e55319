"""Lower bounds hold on the truth at their rate, and would not without the weights."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.bench_conformal import coverage, patients
from pipeline.conformal import lower_bounds
from pipeline.schema import InputError
from pipeline.split import holdout


def test_coverage_holds_on_the_truth_and_not_without_weights():
    weighted, without = (np.mean([coverage((s, w))[0] for s in range(4)]) for w in (True, False))
    # Of 1,000 patients to calibrate on, four times: a standard deviation of about half a point.
    assert 0.88 < weighted < 0.92
    assert without < weighted - 0.01


def test_bounds_follow_the_patient_and_the_level():
    cohort, scale = patients(800, np.random.default_rng(1))
    low = lower_bounds(cohort, "os", 0.9, np.random.default_rng(0)).predict(cohort.observed)
    high = lower_bounds(cohort, "os", 0.7, np.random.default_rng(0)).predict(cohort.observed)
    assert (low >= 0).all()
    assert (low <= high).all()
    assert np.corrcoef(np.log(low), np.log(scale))[0, 1] > 0.6
    again = lower_bounds(cohort, "os", 0.9, np.random.default_rng(0)).predict(cohort.observed)
    assert (again == low).all()


def test_without_censoring_the_share_is_the_plain_one():
    cohort, _ = patients(400, np.random.default_rng(2))
    cohort = replace(cohort, observed=cohort.observed.assign(died=True))
    bounds = lower_bounds(cohort, "os", 0.8, np.random.default_rng(0))
    kept = holdout(cohort, "os", 0.5, np.random.default_rng(0).spawn(3)[0]).test
    held = cohort.observed.loc[kept]
    missed = (held["os_months"] < bounds.predict(held)).mean()
    assert 0.18 < missed <= 0.2


def test_what_cannot_be_bounded_is_said():
    cohort, _ = patients(60, np.random.default_rng(3))
    with pytest.raises(InputError, match=r"between 0.5 and 1"):
        lower_bounds(cohort, "os", 0.3, np.random.default_rng(0))
    with pytest.raises(InputError, match=r"too few for bounds at level 0.99"):
        lower_bounds(cohort, "os", 0.99, np.random.default_rng(0))
