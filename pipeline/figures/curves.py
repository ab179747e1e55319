"""Kaplan-Meier tables behind the survival figures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pipeline.schema import ENDPOINTS, Floats, lookup, outcome


def kaplan_meier_curves(
    frame: pd.DataFrame,
    endpoint: str,
    by: str = "arm",
    arms: Sequence[str] | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Kaplan-Meier curve of every group, with log(-log) Greenwood intervals.

    Events come before censorings at the same time. Patients without a group are left out.

    Parameters
    ----------
    frame : DataFrame
        A cohort table; without column `by` all patients are one group.
    endpoint : str
        Key of ``pipeline.schema.ENDPOINTS``.
    arms : sequence of str, optional
        Groups in the order wanted; alphabetical when left out.

    Returns
    -------
    DataFrame
        `arm`, `months` (each distinct follow-up time, from 0), `survival`, `low`, `high`, `at_risk`
        (just before), `events`, `censored`. Intervals are NaN where survival is 0 or 1, as a
        log(-log) interval has no value there.
    """
    lookup(ENDPOINTS, endpoint, "endpoint")
    everyone = pd.Series("All patients", frame.index)
    groups = frame[by].astype(str).where(frame[by].notna()) if by in frame else everyone
    wanted = list(arms) if arms is not None else sorted(groups.dropna().unique())
    tables = []
    for name in wanted:
        rows = (groups == name).to_numpy()
        if rows.any():
            y = outcome(frame[rows], endpoint)
            tables.append(_curve(y["time"], y["event"], level).assign(arm=name))
    if not tables:
        raise ValueError(f"no patient belongs to any of the groups {', '.join(wanted) or '(none)'}")
    columns = ["arm", "months", "survival", "low", "high", "at_risk", "events", "censored"]
    return pd.concat(tables, ignore_index=True)[columns]


def _curve(months: Floats, event: np.ndarray, level: float) -> pd.DataFrame:
    from scipy.special import ndtri

    times = np.unique(np.concatenate([[0.0], months]))
    position = np.searchsorted(times, months)
    events = np.bincount(position, weights=event, minlength=len(times))
    leaving = np.bincount(position, minlength=len(times)).astype(float)
    at_risk = len(months) - np.concatenate([[0.0], np.cumsum(leaving)[:-1]])
    survival = np.cumprod(1 - events / at_risk)
    inside = (survival > 0) & (survival < 1)
    spare = np.maximum(at_risk * (at_risk - events), np.finfo(float).tiny)
    greenwood = np.cumsum(np.where(at_risk > events, events / spare, 0.0))
    log_survival = np.log(np.where(inside, survival, 0.5))
    half = ndtri(0.5 + level / 2) * np.sqrt(greenwood) / np.abs(log_survival)
    return pd.DataFrame({
        "months": times,
        "survival": survival,
        "low": np.where(inside, np.exp(log_survival * np.exp(half)), np.nan),
        "high": np.where(inside, np.exp(log_survival * np.exp(-half)), np.nan),
        "at_risk": at_risk.astype(int),
        "events": events.astype(int),
        "censored": (leaving - events).astype(int),
    })  # fmt: skip


def medians(curves: pd.DataFrame) -> pd.DataFrame:
    """Median and its interval of each arm: where the curve and its limits first fall to one half.

    Returns `arm`, `patients`, `events`, `median`, `low`, `high`; NaN where not reached. The interval
    is that of Brookmeyer and Crowley (Biometrics 1982, doi:10.2307/2530286).
    """
    rows = []
    for arm, curve in curves.groupby("arm", sort=False):
        months = curve["months"].to_numpy()
        rows.append({
            "arm": arm,
            "patients": int(curve["at_risk"].iloc[0]),
            "events": int(curve["events"].sum()),
            "median": _first(months, curve["survival"].to_numpy() <= 0.5),
            "low": _first(months, curve["low"].to_numpy() <= 0.5),
            "high": _first(months, curve["high"].to_numpy() <= 0.5),
        })  # fmt: skip
    return pd.DataFrame(rows)


def _first(months: Floats, reached: np.ndarray) -> float:
    return float(months[np.argmax(reached)]) if reached.any() else float("nan")


def numbers_at_risk(curves: pd.DataFrame, months: Sequence[float]) -> pd.DataFrame:
    """Patients still followed just before each of `months`: one row an arm, one column a month."""
    rows = {}
    for arm, curve in curves.groupby("arm", sort=False):
        times, at_risk = curve["months"].to_numpy(), curve["at_risk"].to_numpy()
        position = np.searchsorted(times, np.asarray(months, dtype=float), side="left")
        rows[arm] = [int(at_risk[i]) if i < len(at_risk) else 0 for i in position]
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(months))
