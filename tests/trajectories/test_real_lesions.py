"""Simulated sums beside real lesions of an open table, where it is at hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthetic_data.trajectories import (
    VisitSpec,
)

from .drawn_visits import DAY, drawn, visits_of

LESIONS = Path(__file__).resolve().parents[3] / "shared" / "realdata" / "laleh2022_lesion_size_long.csv"


def real_changes(weeks: int) -> pd.Series:
    """Relative change of one target lesion near a week, lung cancer studies, baseline of 10 mm or more."""
    table = pd.read_csv(LESIONS, dtype={"patient": str})
    table = table[table["study"].isin(["Study1", "Study2", "Study3"])]
    key = table["study_arm"] + " " + table["patient"]
    size = table["long_diam_mm"].where(table["long_diam_raw"] != "TOO SMALL TO MEASURE", 2.5)
    table = pd.DataFrame({"key": key, "day": table["day"], "mm": size}).dropna()
    base = table[table["day"] <= 7].sort_values("day").groupby("key")["mm"].last()
    later = table[table["day"] > 7]
    return changes(later, base[base >= 10], weeks)


def simulated_changes(weeks: int) -> pd.Series:
    """The same of simulated sums in POPLAR, one visit after progression, two scans or more as in the file."""
    spec = VisitSpec(every_weeks=6, until_months=12, after_progression_months=1.5)
    table = visits_of(drawn(3000, trial="POPLAR", visits=spec)).rename(
        columns={"patient": "key", "target_lesions_mm": "mm"}
    )
    table = table.assign(day=table["months"] / DAY).dropna(subset=["mm"])
    base = table[table["months"] == 0].set_index("key")["mm"]
    later = table[table["months"] > 0]
    later = later[later["key"].map(later.groupby("key").size()) >= 2]
    return changes(later, base, weeks)


def changes(later: pd.DataFrame, base: pd.Series, weeks: int) -> pd.Series:
    near = later.assign(change=later["mm"] / later["key"].map(base) - 1, off=(later["day"] - 7 * weeks).abs())
    near = near[(near["off"] <= 10.5) & near["change"].notna()].sort_values("off")
    return near.groupby("key")["change"].first()


needs_lesions = pytest.mark.skipif(not LESIONS.is_file(), reason="the open lesion table is not here")
PARTS = [0.1, 0.25, 0.5, 0.75, 0.9]


@needs_lesions
@pytest.mark.parametrize("weeks", [6, 12, 18, 24])
def test_sums_change_about_as_real_lesions_do(weeks: int) -> None:
    # One lesion scatters more than a sum of two or three, so the tolerance is wide at the edges.
    real, made = real_changes(weeks), simulated_changes(weeks)
    gap = np.abs(real.quantile(PARTS).to_numpy() - made.quantile(PARTS).to_numpy())
    assert (gap <= [0.12, 0.12, 0.12, 0.12, 0.2]).all(), (weeks, gap)
    assert 0.6 < made.std() / real.std() < 1.15


@needs_lesions
def test_the_comparison_with_real_lesions_can_fail() -> None:
    gap = np.abs(
        real_changes(6).quantile(PARTS).to_numpy() - simulated_changes(24).quantile(PARTS).to_numpy()
    )
    assert gap.max() > 0.25
