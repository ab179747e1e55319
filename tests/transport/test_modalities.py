"""Ablation: what carries information is missed when it is taken away, what does not is not."""

from dataclasses import replace

import numpy as np
import pytest
from made_cohort import made_cohort

from pipeline.config import Analysis, Bootstrap
from pipeline.schema import InputError
from pipeline.transport import ablation, align

ANALYSIS = Analysis(
    models={"cox": {}}, metrics=("harrell_c",), horizons_months=(6.0, 12.0), tau_months=12.0,
    bootstrap=Bootstrap(replicates=60), published="none",
)  # fmt: skip


def test_taking_the_strongest_modality_away_costs_and_the_differences_are_paired():
    train, test = align(made_cohort(800, 1), made_cohort(500, 2), np.random.default_rng(0))
    table = ablation(train, test, ANALYSIS, "cox", np.random.default_rng(1))
    assert len(table) == 1 + 2 * 6  # three modalities: all, and six smaller combinations twice
    at = table.set_index(["use", "modalities"])
    assert np.isnan(at.loc[("trained on", "blood + clinical + tumour"), "difference"])
    for use in ("trained on", "known at test"):
        row = at.loc[(use, "clinical + tumour")]  # without blood, the strongest
        assert row["difference_high"] < 0
        assert row["difference_high"] - row["difference_low"] < row["high"] - row["low"] + 0.05


def test_one_modality_is_no_ablation():
    train, test = align(made_cohort(80, 1), made_cohort(80, 2), np.random.default_rng(0))
    one = tuple(replace(c, modality="blood") if c.role == "baseline" else c for c in train.columns)
    with pytest.raises(InputError, match="of 'blood' only; an ablation needs two"):
        ablation(replace(train, columns=one), test, ANALYSIS, "cox", np.random.default_rng(1))
