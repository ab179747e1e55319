"""Cox coefficients of one column: as R's, and as put into made patients."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.realism import cox_coefficients
from pipeline.realism.coefficients import one_coefficient

from .made_patients import COLUMNS, patients

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "one_coefficient.json").read_text())


@pytest.mark.parametrize("column", ["age", "ecog"])
@pytest.mark.parametrize(("times", "name"), [("time", "days"), ("month", "months")])
def test_coefficient_and_error_are_those_of_r(column: str, times: str, name: str) -> None:
    got = one_coefficient(
        np.array(GOLDEN[column], dtype=float), np.array(GOLDEN[times], dtype=float), np.array(GOLDEN["dead"])
    )
    wanted = GOLDEN[f"{column}_by_{name}"]
    assert got == pytest.approx((wanted["coef"], wanted["se"]), rel=1e-8)


def test_a_logarithm_per_standard_deviation_comes_back_in_each_arm() -> None:
    rng = np.random.default_rng(2)
    table = cox_coefficients(patients(8_000, rng), patients(8_000, rng), COLUMNS, "os")
    rows = table[table["feature"] == "nlr"].set_index("arm")
    assert list(rows.index) == ["a", "b"]
    for _, row in rows.iterrows():
        # log NLR has SD 0.6 and a log hazard ratio of 0.5 a unit
        assert row["real"] == pytest.approx(0.3, abs=4 * row["real_error"])
        assert row["simulated"] == pytest.approx(0.3, abs=4 * row["simulated_error"])
        assert row["real_error"] < 0.03


def test_equal_effects_differ_by_chance_and_unequal_ones_by_more() -> None:
    rng = np.random.default_rng(3)
    same = cox_coefficients(patients(3_000, rng), patients(3_000, rng), COLUMNS, "os")
    other = cox_coefficients(patients(3_000, rng), patients(3_000, rng, log_ratio=-0.5), COLUMNS, "os")
    assert (same["z"] ** 2).mean() < 2.0
    assert other.loc[other["feature"] == "nlr", "z"].max() < -8


def test_a_fact_that_few_with_an_event_have_is_left_out() -> None:
    rng = np.random.default_rng(4)
    real, simulated = patients(200, rng), patients(200, rng)
    real["male"] = np.arange(200) < 6
    table = cox_coefficients(real, simulated, COLUMNS, "os")
    assert "male" not in set(table["feature"])
    assert "age_years" in set(table["feature"])
