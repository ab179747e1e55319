"""Net benefit beside R, in closed form, and for the two strategies that need no model."""

import numpy as np
import pytest

from pipeline.metrics import net_benefit, resamples

from .judging import GOLDEN, judged_by_r, structured, two_groups


@pytest.mark.parametrize(("cohort", "want"), [("half_months", GOLDEN), ("heavy", GOLDEN["heavy"])])
def test_net_benefit_equals_r(cohort, want):
    y, prediction, horizon, _ = judged_by_r(cohort)
    got = net_benefit(y, 1 - prediction.at(horizon), horizon, GOLDEN["thresholds"], np.ones((1, len(y))))
    np.testing.assert_allclose(got[:, 0], want["net_benefit"], atol=1e-12)


def test_without_censoring_it_counts_true_and_false_positives():
    rng = np.random.default_rng(1)
    y = structured(rng.uniform(0, 24, 300), np.ones(300))
    risk = rng.random(300)
    acted, event = risk >= 0.3, y["time"] <= 12
    want = (acted & event).mean() - (acted & ~event).mean() * 0.3 / 0.7
    assert net_benefit(y, risk, 12.0, [0.3], np.ones((1, 300)))[0, 0] == pytest.approx(want, abs=1e-12)


def test_acting_on_everybody_and_on_nobody_in_closed_form():
    y, prediction = two_groups(40_000, (0.10, 0.03), np.random.default_rng(12))
    risk = 1 - (np.exp(-1.2) + np.exp(-0.36)) / 2
    everybody = net_benefit(y, np.ones(len(y)), 12.0, [0.25], np.ones((1, len(y))))[0, 0]
    assert everybody == pytest.approx(risk - (1 - risk) / 3, abs=0.02)
    assert net_benefit(y, np.zeros(len(y)), 12.0, [0.25], np.ones((1, len(y))))[0, 0] == 0
    model = net_benefit(y, 1 - prediction.at(12.0), 12.0, [0.5], np.ones((1, len(y))))[0, 0]
    high = 1 - np.exp(-1.2)  # only this half is acted on
    assert model == pytest.approx((high - (1 - high)) / 2, abs=0.02)


def test_resamples_at_once_equal_resamples_one_by_one(golden):
    y, prediction = golden
    weights = resamples(len(y), 3, np.random.default_rng(0))
    risk, thresholds = 1 - prediction.at(12.0), [0.2, 0.5]
    together = net_benefit(y, risk, 12.0, thresholds, weights)
    alone = [net_benefit(y, risk, 12.0, thresholds, row[None])[:, 0] for row in weights]
    np.testing.assert_allclose(together.T, alone, atol=1e-12)
