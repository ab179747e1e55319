"""The search for hyper-parameters: better than its start, within its budget, the same for its seed."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

from pipeline.models.tuning import Budget, Span, search

SPACE = {"a": Span(0.01, 100, 1.0, log=True), "b": Span(1, 9, 2, whole=True)}


def far_from_ten_and_seven(settings):
    return (np.log10(settings["a"]) - 1) ** 2 + (settings["b"] - 7) ** 2 / 10


def found(seed=0, **budget):
    return search(far_from_ten_and_seven, SPACE, Budget(**budget), np.random.default_rng(seed), "tune")


def test_it_begins_at_the_starts_and_ends_near_the_minimum():
    result = found(trials=40)
    first = result.trials.iloc[0]
    assert (first["a"], first["b"]) == (1.0, 2)
    assert result.trials["loss"].min() == far_from_ten_and_seven(result.best) < 0.25 < first["loss"]
    assert isinstance(result.best["b"], int)
    assert not result.out_of_time


def test_the_same_seed_proposes_the_same_trials_and_another_others():
    one, same, other = (found(seed, trials=12).trials.drop(columns="seconds") for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one, same)
    assert not one["a"].equals(other["a"])


def test_no_trial_begins_after_the_seconds_and_the_bar_is_filled():
    told = []

    def slow(settings):
        time.sleep(0.02)
        return 0.0

    result = search(slow, SPACE, Budget(trials=500, seconds=0.05), np.random.default_rng(0), "tune x",
                    lambda *step: told.append(step))  # fmt: skip
    assert result.out_of_time
    assert 1 <= len(result.trials) <= 4
    assert told[0] == ("tune x", 1, 500)
    assert told[-1] == ("tune x", 500, 500)
