"""What each column does to an outcome within an arm: univariable Cox coefficients, real and simulated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from pipeline.realism.shared import column_of, encoded
from pipeline.schema import ENDPOINTS, Column, Floats

FEWEST_EVENTS: Final = 10  # of the patients with a value, and on either side of a fact


def cox_coefficients(
    real: pd.DataFrame, simulated: pd.DataFrame, columns: Sequence[Column], endpoint: str
) -> pd.DataFrame:
    """Fit one Cox model a column, arm and table.

    Numbers are per standard deviation of the real patients' values (of their logarithm when positive), facts
    for yes over no. Ties by Efron's method. Patients without the value are left out.

    Returns
    -------
    DataFrame
        `arm`, `endpoint`, `feature`, `events_real`, `real`, `real_error`, `simulated`, `simulated_error` (log
        hazard ratios and their standard errors) and `z`, their difference over the error of both.
    """
    e = ENDPOINTS[endpoint]
    known = {c.name: c for c in columns}
    numbers = [encoded(frame, columns) for frame in (real, simulated)]
    arms = [a for a in real["arm"].dropna().astype(str).unique() if (simulated["arm"] == a).any()]
    rows = []
    for arm in sorted(arms):
        for feature in map(str, numbers[0]):
            column = known[column_of(feature)]
            centre, scale = 0.0, 1.0
            fits = []
            for frame, values in zip((real, simulated), numbers, strict=True):
                x = values[feature]
                log = column.kind == "number" and column.positive
                x = np.log(x.where(x > 0)) if log else x
                kept = (frame["arm"].astype(str) == arm) & x.notna()
                if frame is real and column.kind == "number":
                    centre, scale = float(x.mean()), float(x.std()) or 1.0
                months, event = frame.loc[kept, e.months], frame.loc[kept, e.event].astype(bool)
                fits.append(_fit((x[kept] - centre) / scale, months, event, column.kind == "number"))
            if any(fit is None for fit in fits):
                continue
            (a, a_error, events), (b, b_error, _) = (fit for fit in fits if fit is not None)
            rows.append(
                {
                    "arm": arm, "endpoint": endpoint, "feature": feature, "events_real": events,
                    "real": a, "real_error": a_error, "simulated": b, "simulated_error": b_error,
                    "z": (b - a) / math.hypot(a_error, b_error),
                }
            )  # fmt: skip
    names = ["arm", "endpoint", "feature", "events_real", "real", "real_error", "simulated",
             "simulated_error", "z"]  # fmt: skip
    return pd.DataFrame(rows, columns=names)


def _fit(
    x: pd.Series[float], months: pd.Series[float], event: pd.Series[bool], number: bool
) -> tuple[float, float, int] | None:
    events = int(event.sum())
    sides = [events] if number else [int(event[x == side].sum()) for side in (0.0, 1.0)]
    if min(sides) < FEWEST_EVENTS:
        return None
    values, times = (np.asarray(s, dtype=float) for s in (x, months))
    coefficient, error = one_coefficient(values, times, np.asarray(event, dtype=bool))
    return coefficient, error, events


def one_coefficient(x: Floats, months: Floats, event: np.ndarray) -> tuple[float, float]:
    """Cox coefficient of one covariate and its standard error, ties by Efron's method; shape (n,) each.

    Newton's method on the partial likelihood; as R's coxph to eight digits (tests/golden/one_coefficient.R).
    """
    order = np.argsort(-months, kind="stable")
    x, event, times = x[order] - x.mean(), event[order], months[order]
    last = np.append(np.flatnonzero(np.diff(times) != 0), len(times) - 1)  # end of each tied group
    first = np.concatenate([[0], last[:-1] + 1])
    deaths = np.add.reduceat(event.astype(int), first)
    group = np.repeat(np.arange(len(deaths)), deaths)
    turn = np.arange(len(group)) - np.repeat(np.cumsum(deaths) - deaths, deaths)
    gone = turn / deaths[group]
    beta = 0.0
    information = 1.0
    for _ in range(50):
        weight = np.exp(beta * x)
        powers = [weight, weight * x, weight * x * x]
        risk = [np.cumsum(p)[last][group] for p in powers]
        tied = [np.add.reduceat(np.where(event, p, 0.0), first)[group] for p in powers]
        s0, s1, s2 = (r - gone * t for r, t in zip(risk, tied, strict=True))
        score = float(x[event].sum() - (s1 / s0).sum())
        information = float((s2 / s0 - (s1 / s0) ** 2).sum())
        step = score / information
        beta += float(np.clip(step, -2.0, 2.0))
        if abs(step) < 1e-10:
            break
    return beta, 1 / math.sqrt(information)
