"""Importance and its intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline.explain import importance

from .made_explanation import attribution_of


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
