"""The sentinel: shuffled outcomes teach nothing, real ones do."""

import numpy as np

from pipeline.evaluate import shuffled_control

from .small_study import ANALYSIS


def test_shuffled_outcomes_teach_nothing(train):
    assert 0.47 <= shuffled_control(train, ANALYSIS, np.random.default_rng(3)) <= 0.53


def test_real_outcomes_would_fail_the_sentinel(scores):
    found = scores.query("model == 'cox' and metric == 'harrell_c' and group == 'all'")["value"]
    assert (found > 0.53).all()
