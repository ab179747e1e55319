"""Tables for single patients and for swarms: contributions beside the values as measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pipeline.explain.attribution import Attribution
from pipeline.schema import Column, Floats

ROLES = {1: ("middle risk",), 2: ("low risk", "high risk"), 3: ("low risk", "middle risk", "high risk")}


def choose_patients(risk: Floats, count: int = 3) -> pd.DataFrame:
    """Choose `count` patients spread evenly from low to high risk, the same ones every time.

    The ends are the 5th and 95th percentile rather than the extremes, which are often outliers. Ties
    keep the order of the rows.

    Returns
    -------
    DataFrame
        `position` (row among those given, never an identifier), `role`, `percentile` of risk.
    """
    n = len(risk)
    count = min(count, n)
    order = np.argsort(risk, kind="stable")
    wanted = np.array([50.0]) if count == 1 else np.linspace(5, 95, count)
    ranks = np.rint(wanted / 100 * (n - 1)).astype(int)
    if len(np.unique(ranks)) < count:  # few patients: spread over all of them
        ranks = np.linspace(0, n - 1, count).astype(int)
    roles = ROLES.get(count, tuple(f"risk percentile {p:.0f}" for p in wanted))
    return pd.DataFrame({"position": order[ranks], "role": list(roles)[:count], "percentile": wanted})


def waterfall_table(
    attribution: Attribution, position: int, months: float | None = None, top: int = 10
) -> pd.DataFrame:
    """How one patient's prediction comes about, column by column.

    Returns
    -------
    DataFrame
        From the base at the top to the prediction at the foot: `kind` (base, column, rest,
        prediction), `label`, `measured` (value with unit, as text), `contribution`, `start`, `end`.
        The `top` largest contributions stand alone in falling order; the rest is one row.
    """
    parts = attribution.grouped("column")
    k = parts.position(months)
    contributions, base = parts.contributions[position, :, k], float(parts.base[k])
    order = np.argsort(-np.abs(contributions), kind="stable")
    shown, others = order[:top], order[top:]
    labels, declared = parts.labels, {c.name: c for c in parts.columns}
    rows = [_row("base", "Average patient", 0.0, base)]
    total = base
    for j in shown:
        name = parts.sources["feature"].iloc[j]
        column = declared.get(name)
        known = name in parts.observed
        label = column.label or name if column else labels[j]
        value = measured(parts.observed[name].iloc[position], column) if known else ""
        rows.append(_row("column", label, float(contributions[j]), total, value))
        total += contributions[j]
    if len(others):
        rest = float(contributions[others].sum())
        rows.append(_row("rest", f"{len(others)} others", rest, total))
        total += rest
    rows.append(_row("prediction", "This patient", 0.0, total))
    table = pd.DataFrame(rows)
    return table.assign(end=table["start"] + table["contribution"])


def _row(kind: str, label: str, contribution: float, start: float, value: str = "") -> dict[str, Any]:
    return {"kind": kind, "label": label, "measured": value, "contribution": contribution, "start": start}


def measured(value: Any, column: Column | None) -> str:
    """Write a value as a clinician would.

    >>> measured(12.3456, Column("il6", "baseline", "number", "Interleukin-6", "pg/mL"))
    '12.3 pg/mL'
    """
    if pd.isna(value):
        return "not measured"
    if column is not None and column.kind == "boolean":
        return "yes" if value else "no"
    if isinstance(value, str) or (column is not None and column.kind == "category"):
        return str(value).replace("_", " ")
    number = float(value)
    text = f"{number:,.0f}" if number == 0 or abs(number) >= 100 else f"{number:.3g}"
    text = text.replace("-", "−")
    unit = column.unit if column is not None else ""
    return f"{text}{'' if unit == '%' else ' '}{unit}".strip() if unit else text


def beeswarm_table(attribution: Attribution, months: float | None = None, top: int = 12) -> pd.DataFrame:
    """Contributions of the `top` most important columns, one row a patient and column.

    Returns
    -------
    DataFrame
        `label`, `rank` (0 is most important), `position` of the patient, `contribution`, `level`
        (where the patient's value lies among the explained patients, 0 lowest to 1 highest; NaN where
        it is missing or has no order), `importance`.
    """
    parts = attribution.grouped("column")
    contributions = parts.contributions[:, :, parts.position(months)]
    sizes = np.abs(contributions).mean(axis=0)
    order = np.argsort(-sizes, kind="stable")[:top]
    labels, declared = parts.labels, {c.name: c for c in parts.columns}
    tables = []
    for rank, j in enumerate(order):
        name = parts.sources["feature"].iloc[j]
        level, suffix = np.full(len(parts), np.nan), ""
        if name in parts.observed:
            level, suffix = value_levels(parts.observed[name], declared.get(name))
        tables.append(pd.DataFrame({
            "label": labels[j] + suffix,
            "rank": rank,
            "position": np.arange(len(parts)),
            "contribution": contributions[:, j],
            "level": level,
            "importance": sizes[j],
        }))  # fmt: skip
    return pd.concat(tables, ignore_index=True)


def value_levels(values: pd.Series[Any], column: Column | None) -> tuple[Floats, str]:
    """Return each value's place from 0 (lowest) to 1 (highest), and what "high" means if unclear.

    Numbers are placed by rank, so that a skewed marker uses the whole range; of two categories the
    second one of the declaration, or of the alphabet, is high; three or more have no order.
    """
    if column is None or column.kind != "category":
        ranks = pd.to_numeric(values, errors="coerce").astype(float).rank(method="average")
        low, high = ranks.min(), ranks.max()
        spread = high - low
        if not spread > 0:
            return np.asarray(np.where(ranks.isna(), np.nan, 0.5)), ""
        return np.asarray((ranks - low) / spread, dtype=float), ""
    present = values.dropna().astype(str)
    found = set(present)
    categories = [c for c in column.categories if c in found] or sorted(found)
    if len(categories) != 2:
        return np.full(len(values), np.nan), ""
    codes = values.astype(object).map(lambda v: np.nan if pd.isna(v) else float(str(v) == categories[1]))
    return np.asarray(codes, dtype=float), f" = {categories[1].replace('_', ' ')}"
