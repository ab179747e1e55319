"""Differences between models are paired, and their p-values are those of the same resamples."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.evaluate import differences, gap_to_oracle, judge
from pipeline.evaluate.differences import bootstrap_p, holm
from pipeline.schema import InputError

from .small_study import ANALYSIS


def test_a_model_differs_from_itself_by_nothing(out_of_fold):
    twins = replace(out_of_fold, models=dict.fromkeys(("cox", "twin"), out_of_fold.models["cox"]))
    found = differences(judge([twins], ANALYSIS, np.random.default_rng(0)), "cox")
    assert set(found["model"]) == {"twin"}
    assert (found[["value", "low", "high", "better"]] == 0).all().all()
    assert (found[["p", "p_holm"]] == 1).all().all()


def test_differences_are_paired_and_turn_around(judgement, scores):
    one, two = differences(judgement, "pdl1"), differences(judgement, "cox")
    keys = ["data", "metric", "horizon_months", "group"]
    a = one[one["model"] == "cox"].set_index(keys).sort_index()
    b = two[two["model"] == "pdl1"].set_index(keys).sort_index()
    np.testing.assert_allclose(a["value"], -b["value"], atol=1e-12)
    np.testing.assert_allclose(a["low"], -b["high"], atol=1e-12)
    row = a.loc[("external", "brier", 12.0, "all")]
    value = scores.set_index(["model", *keys]).sort_index()["value"]
    want = (
        value[("cox", "external", "brier", 12.0, "all")] - value[("pdl1", "external", "brier", 12.0, "all")]
    )
    assert row["value"] == pytest.approx(want, abs=1e-12)
    assert row["better"] > 0.9  # lower is better, and Cox knows more


def test_pairing_narrows_the_interval(judgement, scores):
    paired = differences(judgement, "oracle").query("model == 'cox' and metric == 'ibs' and group == 'all'")
    single = scores.query("model == 'cox' and metric == 'ibs' and group == 'all'")
    assert (paired["high"] - paired["low"]).max() < 0.7 * (single["high"] - single["low"]).min()


def test_a_reference_that_was_not_judged_is_refused(judgement):
    with pytest.raises(InputError, match="model 'lasso' was not judged; there are cox, oracle, pdl1, rsf"):
        differences(judgement, "lasso")


def test_the_gap_to_the_oracle_is_positive_where_the_oracle_is_better(judgement, scores):
    gaps = gap_to_oracle(judgement).query("group == 'all' and data == 'external' and model == 'pdl1'")
    gaps = gaps.set_index("metric")
    assert gaps.loc["harrell_c", "gap"] > 0.05
    assert gaps.loc["ibs", "gap"] > 0  # though a lower score is the better one
    assert (gaps["low"] <= gaps["gap"]).mean() > 0.9


def test_without_an_oracle_there_is_no_gap(out_of_fold):
    alone = replace(out_of_fold, models={"cox": out_of_fold.models["cox"]})
    assert gap_to_oracle(judge([alone], ANALYSIS, np.random.default_rng(0))).empty


def test_p_is_small_where_the_interval_leaves_zero_out(judgement):
    found = differences(judgement, "pdl1").query("metric in ('harrell_c', 'brier', 'ibs')")
    away = (found["low"] > 0) | (found["high"] < 0)
    # Percentiles of 40 resamples lie between two of them, so the two may part by one step of p.
    assert (found["p"][away] <= 0.05 + 2 / 41).all()
    assert (found["p"][~away] >= 0.05 - 2 / 41).all()
    assert away.any()
    assert (~away).any()


def test_holm_counts_the_models_compared_and_not_the_oracle(judgement):
    found = differences(judgement, "pdl1")
    keys = ["data", "metric", "horizon_months", "group"]
    for _, family in found.groupby(keys, dropna=False):
        learnt = family[family["model"] != "oracle"]
        assert set(learnt["model"]) == {"cox", "rsf"}
        np.testing.assert_allclose(learnt["p_holm"], holm(learnt["p"].to_numpy()))
        assert family.loc[family["model"] == "oracle", "p_holm"].isna().all()


def test_holm_equals_r():
    golden = json.loads((Path(__file__).parents[1] / "golden" / "metrics.json").read_text())
    np.testing.assert_allclose(holm(np.array(golden["p"])), golden["p_holm"], atol=1e-12)


def test_p_of_no_difference_is_uniform_and_of_a_difference_small():
    rng = np.random.default_rng(0)
    estimate = rng.normal(size=(2000, 1))
    p = bootstrap_p(estimate + rng.normal(size=(2000, 199)))
    # The share below 0.1 has a standard error of 0.0067; four of these.
    assert abs((p <= 0.1).mean() - 0.1) < 0.027
    assert (bootstrap_p(estimate + 4 + rng.normal(size=(2000, 199))) <= 0.1).mean() > 0.9
