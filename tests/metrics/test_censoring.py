"""Weights for censoring: R's curve, and what the weights undo."""

import numpy as np
import pytest

from pipeline.metrics.censoring import Censoring

from .judging import GOLDEN, flat, two_groups, value


def test_the_censoring_curve_equals_r(golden):
    y, prediction = golden
    got = Censoring.of(y, np.ones((1, len(y)))).at(prediction.months)[0]
    np.testing.assert_allclose(got, GOLDEN["censoring_at"], atol=1e-12)


def test_uno_c_does_not_feel_the_censoring_and_harrell_c_does():
    rates = (0.15, 0.02)
    little, much = (
        two_groups(30_000, rates, np.random.default_rng(3), follow_up) for follow_up in (1e6, 22.0)
    )
    moved = {n: abs(value(n, *little) - value(n, *much)) for n in ("harrell_c", "uno_c")}
    # The standard error of a difference is about 0.003.
    assert moved["uno_c"] < 0.009
    assert moved["harrell_c"] > 0.015


def test_weights_undo_the_censoring_and_doing_without_them_does_not():
    y, _ = two_groups(40_000, (0.10, 0.03), np.random.default_rng(12))
    risk = 1 - (np.exp(-0.10 * 12) + np.exp(-0.03 * 12)) / 2
    assert value("brier", y, flat(len(y), 1.0)) == pytest.approx(risk, abs=0.015)
    seen = (y["time"] > 12) | y["event"]  # complete cases, unweighted
    assert abs(np.mean(y["time"][seen] <= 12) - risk) > 0.015
