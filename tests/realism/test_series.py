"""Changes of a measured quantity, week by week."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline.realism import change_table, relative_changes

TABLE = pd.DataFrame(
    [
        ("a", -5, 10.0), ("a", 3, 20.0), ("a", 44, 30.0), ("a", 84, 5.0),
        ("b", 0, 50.0), ("b", 40, 50.0), ("b", 200, 100.0),
        ("c", 0, 4.0), ("c", 42, 8.0), ("c", 85, 8.0),
        ("d", 0, 40.0), ("d", 42, 80.0),
    ],
    columns=["patient", "day", "value"],
)  # fmt: skip


def changes(**changed):
    options = {"weeks": [6, 12], "window_days": 10.5, "baseline_until_day": 7} | changed
    found = relative_changes(TABLE, **options)
    return {(r.patient, r.week): r.change for r in found.itertuples()}


def test_changes_are_relative_to_the_last_baseline_and_near_the_week() -> None:
    assert changes() == pytest.approx(
        {("a", 6): 0.5, ("a", 12): -0.75, ("b", 6): 0.0, ("c", 6): 1.0, ("c", 12): 1.0, ("d", 6): 1.0}
    )


def test_small_baselines_and_too_few_measurements_are_left_out() -> None:
    assert {p for p, _ in changes(smallest_baseline=5.0)} == {"a", "b", "d"}
    assert {p for p, _ in changes(measurements_at_least=2)} == {"a", "b", "c"}
    assert set(changes(window_days=1.5)) == {("a", 12), ("c", 6), ("c", 12), ("d", 6)}


def test_a_shift_of_all_changes_is_the_distance() -> None:
    rng = np.random.default_rng(1)
    drawn = [
        pd.DataFrame({"patient": np.arange(4_000), "week": 6.0, "change": rng.normal(shift, 0.3, 4_000)})
        for shift in (0.0, 0.1)
    ]
    (row,) = change_table(*drawn).to_dict("records")
    assert row["wasserstein"] == pytest.approx(0.1, abs=0.02)
    assert row["simulated_50%"] - row["real_50%"] == pytest.approx(0.1, abs=0.03)
    assert row["ks"] > 2 * row["ks_chance"]
    (same,) = change_table(drawn[0], drawn[0]).to_dict("records")
    assert same["ks"] == 0
