"""Features as bins."""

import numpy as np
import pytest

from pipeline.survival_forest.binning import FeatureBins


def column(*values):
    return np.array(values, dtype=np.float32)[:, None]


def test_cuts_lie_midway_and_missing_has_the_last_code():
    x = column(1.0, 3.0, np.nan, 1.0, 7.0)
    bins = FeatureBins.of(x, 10, 1)
    assert bins.edges[0].tolist() == [2.0, 5.0]
    assert bins.transform(x, 1)[0].tolist() == [0, 1, 3, 0, 2]


def test_many_values_fall_into_bins_of_equal_size():
    x = np.random.default_rng(0).lognormal(size=(10_000, 2)).astype(np.float32)
    bins = FeatureBins.of(x, 64, 2)
    counts = np.bincount(bins.transform(x, 2)[1], minlength=64)
    assert bins.counts.tolist() == [64, 64]
    assert counts.min() >= 150
    assert counts.max() <= 162


@pytest.mark.parametrize("values", [(np.nan, np.nan), (4.0, 4.0)])
def test_nothing_to_cut(values):
    bins = FeatureBins.of(column(*values), 10, 1)
    assert bins.counts.tolist() == [1]


def test_neighbouring_floats_are_told_apart():
    low = np.float32(1.0)
    x = column(low, np.nextafter(low, np.float32(2)), low)
    assert FeatureBins.of(x, 10, 1).transform(x, 1)[0].tolist() == [0, 1, 0]


@pytest.mark.parametrize("most", [2, 17, 255])
def test_a_threshold_parts_values_as_the_bins_do(most):
    rng = np.random.default_rng(1)
    x = np.round(rng.normal(size=(3000, 1)), 2).astype(np.float32)
    bins = FeatureBins.of(x, most, 1)
    codes = bins.transform(x, 1)[0]
    assert codes.max() < most
    for cut in range(len(bins.edges[0])):
        threshold = bins.thresholds(np.array([0], dtype=np.int32), np.array([cut], dtype=np.int32))[0]
        np.testing.assert_array_equal(x[:, 0] <= threshold, codes <= cut)
