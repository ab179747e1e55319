"""Baseline columns that know more about the outcome than anything known at baseline can."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.cohort_check.findings import Finding
from pipeline.schema import ENDPOINTS, Cohort, Column, Endpoint

# The best single marker of advanced lung cancer orders about 0.70 of pairs correctly.
SUSPICIOUS_C: Final = 0.90
CERTAIN_C: Final = 0.98
FEWEST: Final = 20  # patients with a value, and events among them, below which C is chance
MOST: Final = 1_000  # evenly spaced rows looked at: C to within 0.01 tells 0.9 from 0.8
AFTER_BASELINE: Final = re.compile(
    r"(^|[_.])(os|pfs|dfs|death|dead|died|vital|surviv\w*|progress\w*|relapse\w*|response|recist|bcor"
    r"|irae|follow_?up|last_visit|end_date|discontinu\w*)([_.]|$)",
    re.IGNORECASE,
)


def leakage_findings(cohort: Cohort) -> Iterator[Finding]:
    """Yield baseline columns that foresee an outcome: by rank, by being missing, or by name."""
    rows = np.unique(np.linspace(0, len(cohort) - 1, min(len(cohort), MOST)).astype(int))
    frame = cohort.observed.iloc[rows]
    for column in cohort.columns:
        if column.role != "baseline":
            continue
        if AFTER_BASELINE.search(column.name):
            yield Finding(
                "warning", "named_like_an_outcome", column.name, len(cohort),
                "the name is that of something known only later",
                "make sure that it was known at baseline",
            )  # fmt: skip
        for name in cohort.endpoints():
            if (finding := _foresees(frame, column, ENDPOINTS[name])) is not None:
                yield finding
                break


def _foresees(frame: pd.DataFrame, column: Column, endpoint: Endpoint) -> Finding | None:
    event = frame[endpoint.event].to_numpy(dtype=bool)
    months = frame[endpoint.months].to_numpy(dtype=float)
    present = frame[column.name].notna().to_numpy()
    if event[present].sum() >= FEWEST:
        scores = _scores(frame.loc[present, column.name], column, months[present], event[present])
        c = concordance(months[present], event[present], scores)
        c = max(c, 1 - c)
        if c >= SUSPICIOUS_C:
            return Finding(
                "fault" if c >= CERTAIN_C else "warning", "leakage", column.name, int(present.sum()),
                f"alone it orders {c:.0%} of patient pairs by {endpoint.label.lower()} correctly; nothing "
                "known at baseline does",
                "leave the column out unless it was known before treatment",
            )  # fmt: skip
    if min(present.sum(), (~present).sum()) >= FEWEST:
        gap = float(event[~present].mean() - event[present].mean())
        if abs(gap) > 0.5:
            return Finding(
                "warning", "informative_missing", column.name, int((~present).sum()),
                f"{event[~present].mean():.0%} of patients without a value have an event "
                f"({endpoint.label.lower()}), {event[present].mean():.0%} of those with one: it seems to be "
                "filled in depending on the outcome",
                "leave the column out unless it was known before treatment",
            )  # fmt: skip
    return None


def _scores(
    values: pd.Series[Any], column: Column, months: NDArray[Any], event: NDArray[Any]
) -> NDArray[np.float64]:
    if column.kind != "category":
        return values.to_numpy(dtype=float)
    table = pd.DataFrame({"level": values.astype(str).to_numpy(), "months": months, "event": event})
    sums = table.groupby("level")[["months", "event"]].sum()
    rate = sums["event"] / sums["months"].clip(lower=1e-9)
    return table["level"].map(rate).to_numpy(dtype=float)


def concordance(months: NDArray[Any], event: NDArray[Any], risk: NDArray[Any]) -> float:
    """Return Harrell's C of `risk` (higher is worse); ties in risk count one half.

    Harrell et al., JAMA 1982;247:2543-2546. A pair counts when the earlier time is an event; of equal
    times, an event comes before a censoring and two events do not count.
    """
    correct = pairs = 0.0
    for i in np.flatnonzero(event):
        outlived = (months > months[i]) | ((months == months[i]) & ~event)
        others = risk[outlived]
        pairs += len(others)
        correct += np.count_nonzero(others < risk[i]) + 0.5 * np.count_nonzero(others == risk[i])
    return correct / pairs if pairs else 0.5
