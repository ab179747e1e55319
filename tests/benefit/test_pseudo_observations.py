"""Pseudo-observations: the outcome itself without censoring, the jackknife of Kaplan-Meier with it."""

import sys

import numpy as np
import pytest
from lifelines import KaplanMeierFitter
from lifelines.utils import restricted_mean_survival_time

from pipeline.benefit import pseudo_observations


def outcomes(patients, seed, censored=True):
    rng = np.random.default_rng(seed)
    died, left = rng.exponential(12, patients), rng.uniform(4, 30, patients)
    y = np.empty(patients, dtype=[("event", bool), ("time", float)])
    y["time"] = np.ceil(np.minimum(died, left) if censored else died)  # tied months
    y["event"] = died <= left if censored else True
    return y


def test_without_censoring_they_are_the_outcomes():
    y = outcomes(60, 1, censored=False)
    assert pseudo_observations(y, 10.5, "survival") == pytest.approx((y["time"] > 10.5).astype(float))
    assert pseudo_observations(y, 10.5, "rmst") == pytest.approx(np.minimum(y["time"], 10.5))


@pytest.mark.parametrize("quantity", ["survival", "rmst"])
def test_with_censoring_they_are_the_jackknife_of_lifelines(quantity):
    y = outcomes(40, 2)

    def estimate(rows):
        km = KaplanMeierFitter().fit(y["time"][rows], y["event"][rows])
        return km.predict(10.5) if quantity == "survival" else restricted_mean_survival_time(km, t=10.5)

    everybody = np.arange(40)
    whole = estimate(everybody)
    expected = [40 * whole - 39 * estimate(np.delete(everybody, k)) for k in everybody]
    found = pseudo_observations(y, 10.5, quantity)
    assert found == pytest.approx(np.array(expected), abs=1e-6)


def test_blocks_do_not_matter(monkeypatch):
    y = outcomes(50, 3)
    whole = pseudo_observations(y, 9, "rmst")
    monkeypatch.setattr(sys.modules["pipeline.benefit.pseudo_observations"], "BLOCK", 7)
    assert pseudo_observations(y, 9, "rmst") == pytest.approx(whole, abs=1e-12)


def test_one_patient_has_none():
    with pytest.raises(ValueError, match="at least 2"):
        pseudo_observations(outcomes(1, 4), 9, "survival")
