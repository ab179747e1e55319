"""Learners find a benefit that is there, predict it in its unit, and never meet the patients they judge."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from pipeline.benefit import LEARNERS, predict_benefit, randomised, true_benefit
from pipeline.schema import InputError

from .randomised_patients import CONTROL, QUESTION, STRONG, TREATED, drawn


@pytest.fixture(scope="module")
def taught():
    train, _, _ = drawn(1500, 1, *STRONG)
    test, _, _ = drawn(500, 2, *STRONG)
    return train, test


@pytest.mark.parametrize("quantity", ["survival", "rmst"])
@pytest.mark.parametrize("name", list(LEARNERS))
def test_learners_are_near_the_truth(taught, name, quantity):
    train, test = taught
    question = replace(QUESTION, quantity=quantity, options={"penalties": [0.01]})
    found = predict_benefit(name, train, test.observed, question, np.random.default_rng(0))
    true = true_benefit(test.truth, test.observed.index, question)
    assert abs(found.mean() - true.mean()) < 0.25 * true.std() + 0.05 * abs(true.mean())
    near = spearmanr(found, true).statistic
    # A Cox model with the arm as one more feature knows no interaction: it ranks by risk alone.
    assert near < 0.6 if name == "s_learner" else near > 0.85


def test_true_benefit_is_the_difference_of_the_true_curves(taught):
    _, test = taught
    months = QUESTION.months
    both = [test.truth.survival("os", months, test.observed.index, a) for a in (TREATED, CONTROL)]
    at = true_benefit(test.truth, test.observed.index, QUESTION)
    assert at == pytest.approx((both[0] - both[1])[:, -1])
    area = true_benefit(test.truth, test.observed.index, replace(QUESTION, quantity="rmst"))
    assert area == pytest.approx(np.trapezoid(np.column_stack([np.zeros(500), both[0] - both[1]]),
                                              np.concatenate([[0.0], months]), axis=1))  # fmt: skip


def test_what_cannot_be_asked_is_said(taught):
    train, test = taught
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match=r"two of its arms \(new, old\)"):
        predict_benefit("t_learner", train, test.observed, replace(QUESTION, treated="newer"), rng)
    with pytest.raises(InputError, match="two of its arms"):
        randomised(train, replace(QUESTION, treated=CONTROL))
    with pytest.raises(InputError, match="does not hold 'pfs'; it has os"):
        randomised(train, replace(QUESTION, endpoint="pfs"))
    with pytest.raises(InputError, match="unknown learner 'z_learner'"):
        predict_benefit("z_learner", train, test.observed, QUESTION, rng)
