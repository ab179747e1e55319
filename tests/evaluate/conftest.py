"""Two small cohorts, predicted and judged once."""

import numpy as np
import pytest
from made_cohort import made_cohort

from pipeline.evaluate import cross_validate, external, fit_models, judge, score

from .small_study import ANALYSIS


@pytest.fixture(scope="session")
def train():
    return made_cohort(300, seed=1, name="train")


@pytest.fixture(scope="session")
def held_out():
    return made_cohort(300, seed=2, name="test")


@pytest.fixture(scope="session")
def out_of_fold(train):
    return cross_validate(train, ANALYSIS, np.random.default_rng(7))


@pytest.fixture(scope="session")
def models(train):
    return fit_models(train, ANALYSIS, np.random.default_rng(8))


@pytest.fixture(scope="session")
def outside(models, train, held_out):
    return external(models, train, held_out, ANALYSIS)


@pytest.fixture(scope="session")
def judgement(out_of_fold, outside):
    return judge([out_of_fold, outside], ANALYSIS, np.random.default_rng(9))


@pytest.fixture(scope="session")
def scores(judgement):
    return score(judgement)
