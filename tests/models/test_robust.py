"""The clustered variance beside R's survival."""

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.models.partial_likelihood import RiskSets, ridge_fit
from pipeline.models.robust import clustered_covariance, score_residuals

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "clustered_cox.json").read_text())


@pytest.fixture
def data():
    x, months = np.array(GOLDEN["x"], float), np.array(GOLDEN["time"], float)
    return x, months, np.array(GOLDEN["event"]) == 1, np.array(GOLDEN["patient"])


def test_residuals_equal_r(data):
    x, months, event, _ = data
    found = score_residuals(x, months, event, np.array(GOLDEN["coefficients"]))
    np.testing.assert_allclose(found, GOLDEN["score_residuals"], atol=1e-7)


def test_covariance_equals_r_and_differs_from_that_of_independent_rows(data):
    x, months, event, patient = data
    sets = RiskSets.of(x, months, event)
    beta = ridge_fit(sets, 0.0, np.zeros(2))
    np.testing.assert_allclose(beta, GOLDEN["coefficients"], atol=1e-7)
    information = sets.information(beta)
    np.testing.assert_allclose(information, GOLDEN["information"], rtol=1e-6)
    residuals = score_residuals(x, months, event, beta)
    found = clustered_covariance(residuals, information, patient)
    np.testing.assert_allclose(found, GOLDEN["covariance"], rtol=1e-5)
    alone = clustered_covariance(residuals, information, np.arange(len(x)))
    assert not np.allclose(alone, GOLDEN["covariance"], rtol=0.02)
