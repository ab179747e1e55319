"""Margins side by side: distances against closed forms, and what chance leaves."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from pipeline.realism import margin_table

from .made_patients import COLUMNS, patients


def margins(shift: float, n: int = 40_000):
    rng = np.random.default_rng(3)
    return margin_table(patients(n, rng), patients(n, rng, age=62.0 + shift), COLUMNS).set_index("feature")


def test_a_shift_of_a_normal_has_the_closed_distances() -> None:
    table = margins(3.0)
    # sup |F(x) - F(x - 3)| of a normal of SD 9 is 2 Phi(3 / 18) - 1; the mean distance of quantiles is 3
    assert table.loc["age_years", "ks"] == pytest.approx(2 * norm.cdf(3 / 18) - 1, abs=0.02)
    assert table.loc["age_years", "wasserstein"] == pytest.approx(3.0, abs=0.15)
    assert table.loc["age_years", "ks"] > 5 * table.loc["age_years", "ks_chance"]
    assert table.loc["nlr", "ks"] < 0.02  # the twin: it was not shifted


def test_one_distribution_is_beyond_chance_in_one_of_twenty() -> None:
    rng = np.random.default_rng(4)
    beyond = [
        margin_table(patients(150, rng), patients(150, rng), COLUMNS).set_index("feature") for _ in range(120)
    ]
    share = np.mean([(t.loc["nlr", "ks"] > t.loc["nlr", "ks_chance"]) for t in beyond])
    facts = np.mean([(t.loc["male", "ks"] > t.loc["male", "ks_chance"]) for t in beyond])
    error = np.sqrt(0.05 * 0.95 / 120)
    assert share <= 0.05 + 3 * error
    assert facts == pytest.approx(0.05, abs=3.5 * error)


def test_shares_and_gaps_are_told_apart() -> None:
    rng = np.random.default_rng(5)
    real, simulated = patients(4_000, rng), patients(4_000, rng)
    real.loc[real.index[:1_000], "nlr"] = np.nan
    table = margin_table(real, simulated, COLUMNS).set_index("feature")
    assert table.loc["nlr", "missing_real"] == 0.25
    assert table.loc["nlr", "missing_simulated"] == 0
    assert table.loc["nlr", "patients_real"] == 3_000
    assert table.loc["male", "real"] == pytest.approx(0.6, abs=0.03)
    assert table.loc["nlr", "scale"] == "log"
    assert table.loc["smoking=former", "label"] == "Smoking: former"
