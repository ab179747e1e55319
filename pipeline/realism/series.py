"""How a measured quantity changes from its baseline, in real and simulated patients, week by week."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
from scipy.stats import ks_2samp, wasserstein_distance

PARTS = (0.1, 0.25, 0.5, 0.75, 0.9)


def relative_changes(
    table: pd.DataFrame,
    weeks: Sequence[float],
    window_days: float,
    baseline_until_day: float,
    smallest_baseline: float = 0.0,
    measurements_at_least: int = 1,
) -> pd.DataFrame:
    """Return each patient's change relative to baseline near each week.

    Parameters
    ----------
    table : DataFrame
        `patient`, `day` (from treatment start), `value`.
    weeks : sequence of float
    window_days : float
        How far the measurement nearest to a week may be from it.
    baseline_until_day : float
        The last measurement up to that day is the baseline.
    smallest_baseline : float
        Patients with a smaller one are left out.
    measurements_at_least : int
        After baseline; patients with fewer are left out.

    Returns
    -------
    DataFrame
        `patient`, `week`, `change` (0 is none, -1 is gone).
    """
    early = table["day"] <= baseline_until_day
    base = table[early].sort_values("day", kind="stable").groupby("patient")["value"].last()
    base = base[base >= max(smallest_baseline, 1e-12)]
    later = table[~early & table["patient"].isin(base.index)]
    counts = later.groupby("patient").size()
    later = later[later["patient"].map(counts) >= measurements_at_least]
    parts = []
    for week in weeks:
        off = (later["day"] - 7 * week).abs()
        near = later.assign(off=off)[off <= window_days].sort_values("off", kind="stable")
        first = near.groupby("patient", sort=True)["value"].first()
        change = first / base.reindex(first.index) - 1
        parts.append(pd.DataFrame({"patient": first.index, "week": float(week), "change": change.to_numpy()}))
    return pd.concat(parts, ignore_index=True)


def change_table(real: pd.DataFrame, simulated: pd.DataFrame) -> pd.DataFrame:
    """Set changes side by side: a row a week, with quantiles, spread and distances.

    `ks` and `ks_chance` as in `margin_table`; `wasserstein` is the mean distance of the quantile functions,
    in parts of the baseline.
    """
    rows = []
    for week in sorted(set(real["week"]) & set(simulated["week"])):
        a, b = (t.loc[t["week"] == week, "change"].to_numpy() for t in (real, simulated))
        if not len(a) or not len(b):
            continue
        row: dict[str, float] = {"week": week, "patients_real": len(a), "patients_simulated": len(b)}
        for side, values in (("real", a), ("simulated", b)):
            quantiles = pd.Series(values).quantile(list(PARTS))
            row |= {f"{side}_{part:.0%}": float(q) for part, q in quantiles.items()}
            row[f"{side}_sd"] = float(values.std())
        row["ks"] = float(ks_2samp(a, b).statistic)
        row["ks_chance"] = 1.358 * math.sqrt(1 / len(a) + 1 / len(b))
        row["wasserstein"] = float(wasserstein_distance(a, b))
        rows.append(row)
    return pd.DataFrame(rows)
