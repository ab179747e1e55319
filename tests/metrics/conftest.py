"""The predictions that the tests of several metrics share."""

import numpy as np
import pytest
from made_cohort import context_of, made_cohort

from pipeline.models import build_model, null_prediction
from pipeline.schema import Prediction, outcome

from .judging import MONTHS, judged_by_r, structured


@pytest.fixture(scope="session")
def golden():
    y, prediction, *_ = judged_by_r("half_months")
    return y, prediction


@pytest.fixture(scope="session")
def judged():
    """Outcome, the oracle's prediction and the null curve of 500 patients."""
    cohort = made_cohort(500, seed=5)
    y = outcome(cohort.observed, "os")
    prediction = build_model("oracle", context_of(cohort)).predict(cohort.observed, MONTHS)
    return y, prediction, null_prediction(y["time"], y["event"], len(y), MONTHS)


@pytest.fixture(scope="session")
def untied():
    """Continuous times: where no censoring falls on an event, libraries agree on the weights."""
    rng = np.random.default_rng(8)
    risk = rng.normal(size=250)
    died, censored = rng.exponential(np.exp(-risk) * 12), rng.uniform(6, 30, 250)
    y = structured(np.minimum(died, censored), died <= censored)
    months = np.arange(1.0, 19.0)
    return y, Prediction(risk, months, np.exp(-np.outer(np.exp(0.7 * risk), 0.06 * months)))
