"""Ablation: what carries information is missed when it is taken away, what does not is not."""

from dataclasses import replace

import numpy as np
import pytest
from made_cohort import made_cohort

from pipeline.config import Analysis, Bootstrap, CrossValidation
from pipeline.evaluate import ablation
from pipeline.schema import InputError
from pipeline.transport import align

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


def test_without_other_patients_every_one_is_predicted_by_models_of_the_other_folds():
    cohort = made_cohort(300, 5)
    asked = ANALYSIS.model_copy(update={"cross_validation": CrossValidation(folds=3, repeats=2)})
    table = ablation(cohort, None, asked, "cox", np.random.default_rng(1)).set_index(["use", "modalities"])
    inside = ablation(cohort, cohort, asked, "cox", np.random.default_rng(1)).set_index(["use", "modalities"])
    assert len(table) == 13
    blind = table.loc[("trained on", "tumour")]
    assert blind["difference_high"] < 0
    everything = ("trained on", "blood + clinical + tumour")
    assert table.loc[everything, "value"] < inside.loc[everything, "value"]  # the latter saw its patients
