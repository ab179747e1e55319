"""Sums by bin and the best cut of one feature, beside numpy and every cut tried in turn."""

import numpy as np
import pytest

from pipeline.survival_forest.one_cause import LEAST_DUE, best_cut_of_one_cause, between, sum_one_cause


def summed(column, rows, score, due, count):
    sums, present = np.zeros(3 * 256), np.zeros(4, dtype=np.uint64)
    bins_here = np.empty(256, dtype=np.int64)
    seen = sum_one_cause(column, rows, 0, len(rows), score, due, count, sums, present, bins_here)
    assert not present.any()
    return sums.reshape(-1, 3), bins_here[:seen].tolist()


def node(size, count, missing, seed):
    rng = np.random.default_rng(seed)
    column = rng.integers(0, count, 3 * size).astype(np.uint8)
    column[rng.random(len(column)) < missing] = count
    rows = rng.permutation(3 * size)[:size].astype(np.uint32)
    due = rng.exponential(size=size).astype(np.float32)
    return column, rows, (rng.random(size) < 0.6).astype(np.float32) - due, due


@pytest.mark.parametrize("size", [12, 200])  # few patients are noted one by one, many by looking at every bin
@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_sums_are_those_of_each_bin(size, missing):
    column, rows, score, due = node(size, 20, missing, 1)
    sums, here = summed(column, rows, score, due, 20)
    bins = column[rows]
    assert here == sorted(set(bins.tolist()))
    for k, values in enumerate((score, due, np.ones(size))):
        expected = np.bincount(bins, values.astype(float), minlength=256)
        np.testing.assert_allclose(sums[:, k], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("missing_left", [True, False])
def test_the_best_cut_is_that_of_every_cut_tried(seed, missing_left):
    size, count, fewest = 60, 15, 5
    column, rows, score, due = node(size, count, 0.2, seed)
    happened = float(due.sum())  # scores add up to nothing in a node
    score -= score.mean()
    sums, here = summed(column, rows, score, due, count)
    bins, known = column[rows], [b for b in here if b < count]
    tried = []
    for k, b in enumerate(known):
        left = (bins <= b) | ((bins == count) & missing_left)
        e = float(due[left].sum(dtype=float))
        if min(left.sum(), size - left.sum()) >= fewest and e * (happened - e) > LEAST_DUE * happened:
            gain = float(score[left].sum(dtype=float)) ** 2 * happened / (e * (happened - e))
            tried.append((gain, k, float(left.sum())))
    best = max(tried)
    bins_here = np.array(here, dtype=np.int64)
    args = (sums.ravel(), bins_here, len(known), count, missing_left, happened, size, fewest)
    gain, k, in_left = best_cut_of_one_cause(*args, 0.0)
    assert (k, in_left) == best[1:]
    assert gain == pytest.approx(best[0], rel=1e-9)
    assert best_cut_of_one_cause(*args, gain)[1] == -1  # none is better than the best


def test_a_cut_lies_midway_through_empty_bins_and_past_the_last_value_at_the_end():
    here = np.array([2, 7, 9], dtype=np.int64)
    assert [between(here, k, 3, 12) for k in range(3)] == [4, 7, 11]
