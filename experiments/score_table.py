"""Scores and fidelity as tables for the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from pipeline.metrics.probability import PROBABILITY_METRICS
from pipeline.models.published_scores import SCORES

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.artifacts import RunView

TITLES = {
    "cross-validation": "Cross-validation (out of fold, training cohort)",
    "external": "External test (patients no fitting saw)",
}
METRIC_LETTERS, ESTIMATE_LETTERS = 42, 24  # what a score's name and one of its cells take up on a line
NARROW_LETTERS = 15  # what a cell takes up in two lines
FIDELITY_DIGITS = {"median": 1, "landmark": 3, "hazard_ratio": 2, "objective_response": 3}


def score_tables(view: RunView, data: str, width: int) -> list[Table]:
    """Return the overall scores on one set of patients in as many tables as the width asks for."""
    scores = view.table("scores")
    models = list(dict.fromkeys(scores.loc[scores["data"] == data, "model"]))
    fit = max((width - METRIC_LETTERS) // NARROW_LETTERS, 4)
    if len(models) <= fit:
        return [score_table(view, data, width)]
    published = [m for m in models if m in SCORES]
    parts = [[m for m in models if m not in SCORES]]
    parts += [published[k : k + fit] for k in range(0, len(published), fit)]
    return [score_table(view, data, width, part) for part in parts if part]


def score_table(view: RunView, data: str, width: int, models: Sequence[str] | None = None) -> Table:
    """Return the overall scores on one set of patients, a row a metric, the oracle last.

    Of scores by horizon, the horizon nearest to the explained one is shown; the report has all of them.
    """
    scores, analysis = view.table("scores"), view.facts["analysis"]
    wanted = analysis["explanation"]["horizon_months"]
    near = min(analysis["horizons_months"], key=lambda horizon: abs(horizon - wanted))
    rows = scores[(scores["data"] == data) & (scores["group"] == "all")]
    rows = rows[rows["horizon_months"].isna() | (rows["horizon_months"] == near)]
    shown = [m for m in dict.fromkeys(rows["model"]) if models is None or m in models]
    models = sorted(shown, key=lambda m: m == "oracle")
    about: dict[str, Any] = view.facts["metrics"]
    first = rows.iloc[0]
    roomy = width >= METRIC_LETTERS + ESTIMATE_LETTERS * len(models)
    size = f"{int(first['patients']):,} patients, {int(first['events']):,} events"
    table = Table(
        title=f"{TITLES.get(data, data)}: {size}",
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0) if roomy else 0,
        show_edge=False,
    )
    table.add_column("score")
    for model in models:
        table.add_column(model, justify="right", style="dim" if model == "oracle" else None, no_wrap=True)
    between = " " if roomy else "\n"
    for _, part in rows.groupby(["metric", "horizon_months"], sort=False, dropna=False):
        metric, months = str(part["metric"].iloc[0]), float(part["horizon_months"].iloc[0])
        by_model = part.set_index("model")
        label = about.get(metric, {}).get("label", metric)
        at = "" if math.isnan(months) else f", {months:g} months"
        table.add_row(f"{label}{at}", *(_cell(by_model, model, between) for model in models))
    return table


def response_table(view: RunView, data: str) -> Table:
    """Return the scores of classifiers of response on one set of patients, a row a model, the oracle last."""
    scores = view.table("response_scores")
    rows = scores[(scores["data"] == data) & (scores["group"] == "all")]
    first = rows.iloc[0]
    size = f"{int(first['patients']):,} patients, {int(first['events']):,} responders"
    title = f"Objective response, {TITLES.get(data, data)[:1].lower()}{TITLES.get(data, data)[1:]}: {size}"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("model")
    metrics = list(dict.fromkeys(rows["metric"]))
    for metric in metrics:
        table.add_column(PROBABILITY_METRICS[metric].label, justify="right", no_wrap=True)
    for model in sorted(dict.fromkeys(rows["model"]), key=lambda m: m == "oracle"):
        by_metric = rows[rows["model"] == model].set_index("metric")
        style = "dim" if model == "oracle" else None
        table.add_row(model, *(_cell(by_metric, metric, " ") for metric in metrics), style=style)
    return table


def _cell(by_model: pd.DataFrame, model: str, between: str) -> str:
    if model not in by_model.index:
        return "–"
    value, low, high = (float(by_model[name].loc[model]) for name in ("value", "low", "high"))
    return f"{value:.3f}{between}({low:.3f}, {high:.3f})" if math.isfinite(low) else f"{value:.3f}"


def fidelity_table(table: pd.DataFrame, name: str) -> Table:
    """Return published figures beside what a drawn cohort shows."""
    title = f"{name}: published and reproduced"
    shown = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for heading in ("arm", "endpoint", "figure"):
        shown.add_column(heading)
    for heading in ("published", "interval", "reproduced", "within"):
        shown.add_column(heading, justify="right")
    if "z" in table:
        shown.add_column("z", justify="right")
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
            *([f"{row['z']:.1f}"] if "z" in row else []),
        )
    return shown


def _missing(value: float | None) -> bool:
    return value is None or math.isnan(value)
