"""Importance, and its agreement with the truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline.explain import SURVIVAL, Attribution, agreement_with_truth, importance
from pipeline.explain.importance import rank_correlations
from pipeline.schema import Truth

from .made_explanation import attribution_of

# Importance


def test_importance_is_the_mean_absolute_contribution(explained):
    table = importance(explained["rsf"], np.random.default_rng(0))
    il6 = table[(table["name"] == "il6") & (table["horizon_months"] == 12)].iloc[0]
    grouped = explained["rsf"].grouped("column")
    at = grouped.sources["feature"].tolist().index("il6")
    assert il6["importance"] == pytest.approx(np.abs(grouped.contributions[:, at, 1]).mean())
    assert il6["low"] < il6["importance"] < il6["high"]
    assert table.groupby("horizon_months")["share"].sum().to_numpy() == pytest.approx(1)
    assert table.groupby("horizon_months").first()["name"].eq("il6").all()  # the strongest true effect


def test_importance_intervals_are_as_wide_as_theory_says():
    sizes = np.random.default_rng(5).exponential(size=(400, 1, 1))
    table = importance(attribution_of(sizes), np.random.default_rng(6), replicates=4000).iloc[0]
    half = 1.96 * sizes.std() / np.sqrt(400)
    # the error of a percentile from 4,000 replicates is about 3 % of the half-width
    assert table["high"] - table["low"] == pytest.approx(2 * half, rel=0.12)


def test_importance_repeats_with_its_seed_and_changes_with_it(explained):
    one, same, other = (importance(explained["cox"], np.random.default_rng(s)) for s in (1, 1, 2))
    pd.testing.assert_frame_equal(one, same)
    assert not one["low"].equals(other["low"])


# Agreement with the truth


def truth_of(attribution: Attribution, contributions: np.ndarray, columns=None) -> Truth:
    names = columns or attribution.sources["column"].tolist()
    table = pd.DataFrame(contributions, index=attribution.patients)
    table.columns = [f"os_contribution[{n}]" for n in names]
    return Truth(table.assign(arm="a"), pd.DataFrame(columns=["arm", "months", "os", "progression"]))


def test_a_perfect_explanation_agrees_perfectly():
    true = np.random.default_rng(7).normal(size=(50, 4)) * [1, 2, 3, 4]
    centred = true - true.mean(axis=0)
    found = agreement_with_truth(
        attribution_of(centred[:, :, None]), truth_of(attribution_of(centred[:, :, None]), true)
    )
    assert found.columns["rank_correlation"].to_numpy() == pytest.approx(1)
    assert found.patients["rank_correlation"].to_numpy() == pytest.approx(1)
    summary = found.summary.iloc[0]
    assert summary["importance_correlation"] == pytest.approx(1)
    assert summary["sign_agreement"] == pytest.approx(1)


def test_survival_contributions_are_turned_round_to_mean_harm():
    true = np.random.default_rng(8).normal(size=(50, 3))
    centred = true - true.mean(axis=0)
    helpful = attribution_of(-centred[:, :, None], scale=SURVIVAL)
    assert agreement_with_truth(helpful, truth_of(helpful, true)).summary["sign_agreement"].iloc[
        0
    ] == pytest.approx(1)
    harmful = attribution_of(centred[:, :, None], scale=SURVIVAL)
    wrong = agreement_with_truth(harmful, truth_of(harmful, true))
    assert wrong.summary["sign_agreement"].iloc[0] == pytest.approx(0)
    assert wrong.columns["rank_correlation"].to_numpy() == pytest.approx(-1)


def test_columns_the_truth_does_not_record_are_left_out():
    made = attribution_of(np.random.default_rng(9).normal(size=(20, 3, 1)))
    partial = truth_of(made, made.contributions[:, :2, 0], ["a", "b"])
    assert agreement_with_truth(made, partial).columns["column"].tolist() == ["a", "b"]
    with pytest.raises(ValueError, match=r"no contribution to 'pfs' of a, b, c"):
        agreement_with_truth(made, partial, "pfs")


def test_the_forest_finds_the_direction_of_true_effects(explained, patients):
    true = pd.DataFrame({"os_contribution[il6]": 0.5 * np.log(patients["il6"])})
    found = agreement_with_truth(explained["rsf"], Truth(true, pd.DataFrame()))
    assert (found.columns["rank_correlation"] > 0.8).all()


def test_rank_correlations_match_scipy_with_ties():
    from scipy.stats import spearmanr

    rng = np.random.default_rng(10)
    a, b = rng.integers(0, 5, (6, 30)).astype(float), rng.integers(0, 5, (6, 30)).astype(float)
    wanted = [spearmanr(x, y).statistic for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(rank_correlations(a, b), wanted, atol=1e-12)
    assert np.isnan(rank_correlations(np.ones((1, 4)), b[:1, :4])[0])
