"""Columns filled in after the start: what nobody could have who left early, gaps that follow outcomes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.cohort_check.findings import Finding
from pipeline.schema import ENDPOINTS, Cohort, Column, Endpoint

FEWEST: Final = 10  # patients on either side, below which nothing is said
IMMORTAL_RATIO: Final = 0.35  # early rate ratio over late rate ratio
IMMORTAL_Z: Final = -2.24  # at most one column in eighty that was known at baseline falls below
MISSING_Z: Final = 4.0


def timing_findings(cohort: Cohort) -> Iterator[Finding]:
    """Yield baseline columns that look as if they were filled in later, or in knowledge of the outcome."""
    for column in cohort.columns:
        if column.role != "baseline":
            continue
        values = cohort.observed[column.name]
        missing = values.isna().to_numpy()
        had = _exposures(values, column)
        for name in cohort.endpoints():
            endpoint = ENDPOINTS[name]
            months = cohort.observed[endpoint.months].to_numpy(dtype=float)
            event = cohort.observed[endpoint.event].to_numpy(dtype=bool)
            found = [f for who in had if (f := _immortal(column, endpoint, months, event, who)) is not None]
            if (gap := _follows_outcome(column, endpoint, months, event, missing)) is not None:
                found.append(gap)
            if found:
                yield from found
                break


def _exposures(values: pd.Series[Any], column: Column) -> list[NDArray[np.bool_]]:
    """Return who "has" what a column tells: a fact that is true, or a value at all."""
    known = values.notna().to_numpy()
    if column.kind == "boolean":
        return [values.fillna(False).to_numpy(dtype=bool)]
    return [known] if not known.all() else []


def _immortal(
    column: Column, endpoint: Endpoint, months: NDArray[Any], event: NDArray[np.bool_], who: NDArray[np.bool_]
) -> Finding | None:
    """Compare the rate ratio of having it before and after the first quarter of events.

    Whoever acquires something during follow-up could not have had the event before, so that the rate of
    those who have it is near zero early on and like that of the others later. Rates are events per person
    month, half an event added; the z-value is that of the difference of log rate ratios (Poisson).
    """
    if min(who.sum(), (~who).sum()) < FEWEST or event.sum() < 4 * FEWEST:
        return None
    cut = float(np.quantile(months[event], 0.25))
    logs, variance = [], 0.0
    for early in (True, False):
        spent = np.minimum(months, cut) if early else np.maximum(months - cut, 0.0)
        counted = event & ((months <= cut) == early)
        ratio = 0.0
        for side, sign in ((who, 1), (~who, -1)):
            events = counted[side].sum() + 0.5
            ratio += sign * math.log(events / max(float(spent[side].sum()), 1e-9))
            variance += 1 / events
        logs.append(ratio)
    difference = logs[0] - logs[1]
    if difference > math.log(IMMORTAL_RATIO) or difference / math.sqrt(variance) > IMMORTAL_Z:
        return None
    first = int((event & (months <= cut) & who).sum())
    return Finding(
        "warning", "immortal_time", column.name, int(who.sum()),
        f"{int(who.sum())} patients have it, of whom {first} had an event ({endpoint.label.lower()}) in the "
        f"first {cut:.1f} months, when {int((event & (months <= cut) & ~who).sum())} of the others had: it "
        "seems to be acquired during follow-up",
        "leave the column out, or use it from a landmark on",
    )  # fmt: skip


def _follows_outcome(
    column: Column,
    endpoint: Endpoint,
    months: NDArray[Any],
    event: NDArray[np.bool_],
    missing: NDArray[np.bool_],
) -> Finding | None:
    """Compare event rates (per person month) of those with and without a value."""
    if min(missing.sum(), (~missing).sum()) < FEWEST:
        return None
    events = [event[side].sum() + 0.5 for side in (missing, ~missing)]
    rates = [
        e / max(float(months[side].sum()), 1e-9) for e, side in zip(events, (missing, ~missing), strict=True)
    ]
    z = math.log(rates[0] / rates[1]) / math.sqrt(sum(1 / e for e in events))
    if abs(z) < MISSING_Z:
        return None
    return Finding(
        "warning", "informative_missing", column.name, int(missing.sum()),
        f"patients without a value have {rates[0] / rates[1]:.2g} times the event rate of the others "
        f"({endpoint.label.lower()}): missing depends on the outcome",
        "find out why it is missing; do not impute it as if at random",
    )  # fmt: skip
