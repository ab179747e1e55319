"""Rank correlations side by side."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pipeline.realism import correlation_summary, correlation_table

from .made_patients import COLUMNS, patients


def test_the_correlation_of_normal_scores_comes_back() -> None:
    rng = np.random.default_rng(1)
    table = correlation_table(patients(20_000, rng), patients(20_000, rng), COLUMNS)
    pair = table[(table["first"] == "age_years") & (table["second"] == "nlr")].iloc[0]
    spearman = 6 / math.pi * math.asin(0.5 / 2)  # of a bivariate normal with correlation 0.5
    assert pair["real"] == pytest.approx(spearman, abs=4 / math.sqrt(20_000))
    assert pair["simulated"] == pytest.approx(spearman, abs=4 / math.sqrt(20_000))


def test_levels_of_one_category_are_no_pair_and_rare_facts_are_left_out() -> None:
    rng = np.random.default_rng(2)
    real, simulated = patients(200, rng), patients(200, rng)
    real["male"] = np.arange(200) < 5
    table = correlation_table(real, simulated, COLUMNS)
    assert not (table["first"].str.startswith("smoking") & table["second"].str.startswith("smoking")).any()
    assert "male" not in {*table["first"], *table["second"]}


def test_samples_of_one_population_differ_by_chance_and_others_by_more() -> None:
    rng = np.random.default_rng(3)
    same, other = [], []
    for _ in range(30):
        real = patients(300, rng)
        same.append(correlation_summary(correlation_table(real, patients(300, rng), COLUMNS)))
        mixed = patients(300, rng)
        mixed["nlr"] = rng.permutation(mixed["nlr"].to_numpy())
        other.append(correlation_summary(correlation_table(real, mixed, COLUMNS)))
    assert np.mean([s["mean_square_z"] for s in same]) == pytest.approx(1.0, abs=0.25)
    assert np.mean([s["inside"] for s in same]) > 0.9
    assert np.mean([s["mean_square_z"] for s in other]) > 2.0
    assert correlation_summary(correlation_table(real.head(10), real.head(10), COLUMNS)) == {"pairs": 0}
