"""One small cohort and every model fitted on it."""

import numpy as np
import pytest
from made_cohort import context_of, made_cohort

from pipeline.models import MODELS, build_model
from pipeline.schema import outcome

from .fitting import OPTIONS
from .fitting_scores import with_score_inputs


@pytest.fixture(scope="session")
def cohort():
    return with_score_inputs(made_cohort(400, seed=1))


@pytest.fixture(scope="session")
def fitted(cohort):
    y = outcome(cohort.observed, "os")
    return {
        name: build_model(name, context_of(cohort), OPTIONS.get(name)).fit(
            cohort.observed, y, np.random.default_rng(3)
        )
        for name in MODELS
    }
