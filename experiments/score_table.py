"""Scores and fidelity as tables for the terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from rich.table import Table

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.artifacts import RunView

TITLES = {
    "cross-validation": "Cross-validation (out of fold, training cohort)",
    "external": "External test (patients no fitting saw)",
}
FIDELITY_DIGITS = {"median": 1, "landmark": 3, "hazard_ratio": 2, "objective_response": 3}


def score_table(view: RunView, data: str) -> Table:
    """Return the overall scores on one set of patients, a row a metric, the oracle last."""
    scores = view.table("scores")
    rows = scores[(scores["data"] == data) & (scores["group"] == "all")]
    models = sorted(dict.fromkeys(rows["model"]), key=lambda m: m == "oracle")
    about: dict[str, Any] = view.facts["metrics"]
    first = rows.iloc[0]
    table = Table(
        title=f"{TITLES.get(data, data)}: {int(first['patients']):,} patients, {int(first['events']):,} events",
        title_justify="left",
    )
    table.add_column("metric")
    for model in models:
        table.add_column(model, justify="right", style="dim" if model == "oracle" else None)
    for (metric, months), part in rows.groupby(["metric", "horizon_months"], sort=False, dropna=False):
        by_model = part.set_index("model")
        label = about.get(metric, {}).get("label", metric)
        at = "" if math.isnan(months) else f" at {months:g} months"
        table.add_row(f"{label}{at}", *(_cell(by_model, model) for model in models))
    return table


def _cell(by_model: pd.DataFrame, model: str) -> str:
    if model not in by_model.index or not math.isfinite(by_model.loc[model, "value"]):
        return "–"
    row = by_model.loc[model]
    shown = f"{row['value']:.3f}"
    return f"{shown} ({row['low']:.3f} to {row['high']:.3f})" if math.isfinite(row["low"]) else shown


def fidelity_table(table: pd.DataFrame, name: str) -> Table:
    """Return published figures beside what a drawn cohort shows."""
    shown = Table(title=f"{name}: published and reproduced", title_justify="left")
    for heading in ("arm", "endpoint", "figure"):
        shown.add_column(heading)
    for heading in ("published", "interval", "reproduced", "within"):
        shown.add_column(heading, justify="right")
    for row in table.to_dict("records"):
        digits = FIDELITY_DIGITS.get(row["kind"], 3)
        at = f" at {row['months']:g} months" if row["kind"] == "landmark" else ""
        limits = [row["low"], row["high"]]
        interval = "" if any(_missing(v) for v in limits) else " to ".join(f"{v:.{digits}f}" for v in limits)
        shown.add_row(
            str(row["arm"]),
            str(row["endpoint"]).upper() if row["endpoint"] in ("os", "pfs") else str(row["endpoint"]),
            f"{row['kind'].replace('_', ' ')}{at}",
            f"{row['published']:.{digits}f}",
            interval,
            f"{row['reproduced']:.{digits}f}",
            "yes" if row["within"] else "no",
        )
    return shown


def _missing(value: float | None) -> bool:
    return value is None or math.isnan(value)
