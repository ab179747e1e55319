"""Whether drawn patients show the figures they were built on: z-scores, misses and counts."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any, Final

import numpy as np
import pandas as pd

from pipeline.schema import Floats
from synthetic_data.fidelity import MEDIAN_TOLERANCE, RATE_TOLERANCE

KINDS: Final = ("median", "landmark", "hazard_ratio", "objective_response")
FALSE_ALARMS: Final = 0.01  # chance that any figure of a verification is called missed by the draw alone
Z95: Final = NormalDist().inv_cdf(0.975)


def judged(table: pd.DataFrame, figures: int | None = None) -> pd.DataFrame:
    """Judge every figure of a fidelity table.

    Parameters
    ----------
    table : DataFrame
        From `synthetic_data.fidelity.fidelity`; of several trials too.
    figures : int, optional
        How many figures built on are judged in all, when `table` is a part of them.

    Returns
    -------
    DataFrame
        With `z`, the gap in standard errors of the published figure (its interval taken as a 95 % one)
        and of the draw together; and `within` judged anew for figures built on: medians within 2 % or
        half of their interval, rates within half a point, hazard ratios inside their interval, each
        with what the chance of a draw explains when all the figures are looked at (FALSE_ALARMS,
        Bonferroni). What the population curves give must be within too, which no chance excuses.
        Figures of a kind not in KINDS keep the judgement they come with. Assumed response rates, which
        nobody published, are left out.
    """
    out = table[table["built_on"] | (table["kind"] != "objective_response")].copy()
    for name in ("published", "low", "high", "expected"):
        out[name] = pd.to_numeric(out[name])
    out["z"] = out["gap"] / np.hypot(_published_error(out), out["standard_error"])
    ratio = out["kind"] == "hazard_ratio"
    count = int(out["built_on"].sum()) if figures is None else figures
    chance = NormalDist().inv_cdf(1 - FALSE_ALARMS / (2 * max(count, 1))) * out["standard_error"]
    off = _expected_gap(out).abs()
    met = (out["gap"].abs() <= tolerance(out) + chance) & (off <= tolerance(out))
    low, high = out["low"].fillna(0.0), out["high"].fillna(np.inf)
    drawn = (out["reproduced"] * np.exp(chance) >= low) & (out["reproduced"] * np.exp(-chance) <= high)
    in_limit = (out["expected"] >= low) & (out["expected"] <= high)
    anew = out["built_on"] & out["kind"].isin(KINDS)
    out["within"] = np.where(anew, np.where(ratio, drawn & in_limit, met), out["within"]).astype(bool)
    return out


def tolerance(table: pd.DataFrame) -> Floats:
    """Return by how much each figure may be missed, in the unit of its gap; shape (rows,)."""
    quarter = (table["high"] - table["low"]) / 4 / table["published"]  # half of the interval, to each side
    medians = np.fmax(MEDIAN_TOLERANCE, quarter.to_numpy(dtype=float))
    return np.where(table["kind"] == "median", medians, RATE_TOLERANCE)


def _expected_gap(table: pd.DataFrame) -> pd.Series[float]:
    """Return how far the population curves are from medians (relative) and rates."""
    off = table["expected"] - table["published"]
    return off.where(table["kind"] != "median", off / table["published"])


def _published_error(table: pd.DataFrame) -> Floats:
    """Return the published figure's standard error in the unit of its gap; 0 where it has no interval."""
    low, high = (table[name].to_numpy(dtype=float) for name in ("low", "high"))
    width = (high - low) / np.where(table["kind"] == "median", table["published"], 1.0)
    ratio = ((table["kind"] == "hazard_ratio") & (low > 0)).to_numpy()
    width[ratio] = np.log(high[ratio] / low[ratio])
    return np.asarray(np.nan_to_num(width / (2 * Z95)))


def missed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the figures of a judged table that were built on and are not met."""
    return table[table["built_on"] & ~table["within"]]


def summary(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Count the figures of a judged table: a row a kind and whether it was built on.

    `exact` counts what the population curves give, without the chance of a draw: figures built on
    inside the tolerance. Of hazard ratios, and of figures not built on, it counts those inside their
    published interval; figures without an interval are not in its `of`.
    """
    rows = []
    groups = dict(list(table.groupby(["kind", "built_on"])))
    kinds = dict.fromkeys([*KINDS, *table["kind"]])
    for kind, built in ((k, b) for b in (True, False) for k in kinds if (k, b) in groups):
        part = groups[kind, built]
        limits = part["low"].notna() & part["high"].notna()
        if kind == "hazard_ratio" or not built:
            exact = limits & (part["expected"] >= part["low"]) & (part["expected"] <= part["high"])
            of = int(limits.sum())
        else:
            exact = _expected_gap(part).abs() <= tolerance(part)
            of = len(part)
        rows.append(
            {
                "kind": kind,
                "built_on": built,
                "figures": len(part),
                "met": int(part["within"].sum()),
                "exact": int(exact.sum()),
                "of": of,
                "rms_z": math.sqrt(float((part["z"] ** 2).mean())),
            }
        )
    return rows
