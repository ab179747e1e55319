"""Codes of a node as a set of bits, and the block its branch is grown on."""

import numpy as np
import pytest

from pipeline.survival_forest import SurvivalForest, growing
from pipeline.survival_forest.codes_present import copy_block, insert, listed


@pytest.mark.parametrize("codes", [[], [0], [255], [63, 64, 127, 128, 191, 192], range(256), [7, 7, 7]])
def test_codes_are_listed_once_in_order_and_the_set_is_empty_afterwards(codes):
    present, found = np.zeros(4, dtype=np.uint64), np.empty(256, dtype=np.int64)
    for code in codes:
        insert(present, code)
    count = listed(present, found)
    assert found[:count].tolist() == sorted(set(codes))
    assert listed(present, found) == 0


def test_a_block_holds_the_bins_of_its_rows_and_rows_point_into_it():
    by_patient = np.arange(40, dtype=np.uint8).reshape(10, 4)
    rows = np.array([9, 1, 4, 6, 8], dtype=np.uint32)
    block = np.zeros((4, 3), dtype=np.uint8)
    copy_block(by_patient, rows, 1, 4, block)
    assert rows.tolist() == [9, 0, 1, 2, 8]
    assert np.array_equal(block.T, by_patient[[1, 4, 6]])


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_a_forest_grown_in_blocks_is_the_forest_grown_without(missing, monkeypatch):
    # 262,144 bytes hold 13,107 patients of 20 features: these need blocks
    rng = np.random.default_rng(3)
    x = rng.normal(size=(16_000, 20)).astype(np.float32)
    x[rng.random(x.shape) < missing] = np.nan
    y = np.empty(len(x), dtype=[("event", bool), ("time", float)])
    y["event"], y["time"] = rng.random(len(x)) < 0.7, rng.exponential(np.exp(np.nan_to_num(x[:, 0])))
    settings = {"n_estimators": 2, "min_samples_leaf": 15, "random_state": 1}
    in_blocks = SurvivalForest(**settings).fit(x, y)
    monkeypatch.setattr(growing, "BLOCK_BYTES", x.size)
    whole = SurvivalForest(**settings).fit(x, y)
    assert np.array_equal(in_blocks.predict(x[:2_000]), whole.predict(x[:2_000]))
