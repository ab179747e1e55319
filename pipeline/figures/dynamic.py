"""Prediction updated at every visit: scores over landmarks, and single patients' risk over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from pipeline.figures.style import (
    INK,
    SOFT,
    grid,
    model_colours,
    model_label,
    new_figure,
    styled,
)
from pipeline.metrics import METRICS


@styled
def landmark_scores_figure(scores: pd.DataFrame, metrics: Sequence[str], horizon_months: float) -> Figure:
    """Draw metrics of each model over the landmarks, with intervals and the number at risk.

    Parameters
    ----------
    scores : DataFrame
        `landmark_months`, `model`, `metric`, `horizon_months`, `value`, `low`, `high`, `patients`, `events`.
    metrics : sequence of str
        One panel each.
    horizon_months : float
        Of metrics that have one.
    """
    figure = new_figure(4.6 * len(metrics), 4.4)
    rows = scores[scores["horizon_months"].isna() | np.isclose(scores["horizon_months"], horizon_months)]
    models = list(dict.fromkeys(rows["model"]))
    colours = model_colours(models)
    landmarks = sorted(rows["landmark_months"].unique())
    width = 0.12 * min(np.diff(landmarks), default=1.0)
    for position, metric in enumerate(metrics, start=1):
        ax = figure.add_subplot(1, len(metrics), position)
        for number, model in enumerate(models):
            part = rows[(rows["metric"] == metric) & (rows["model"] == model)].sort_values("landmark_months")
            if part.empty:
                continue
            at = part["landmark_months"] + (number - (len(models) - 1) / 2) * width
            ax.errorbar(
                at, part["value"],
                yerr=[part["value"] - part["low"], part["high"] - part["value"]],
                color=colours[model], marker="o", markersize=5, capsize=2, label=model_label(model),
            )  # fmt: skip
        size = rows.drop_duplicates("landmark_months").set_index("landmark_months")["patients"]
        ax.set_xticks(landmarks, [f"{s:g}\n{int(size[s]):,}" for s in landmarks])
        ax.set_xlabel("Landmark (months), and patients at risk")
        horizon = rows.loc[rows["metric"] == metric, "horizon_months"]
        within = f", {horizon_months:g} months ahead" if horizon.notna().any() else ""
        ax.set_ylabel(f"{METRICS[metric].label}{within}")
        if metric in ("auc", "uno_c", "harrell_c"):
            ax.axhline(0.5, color=SOFT, linewidth=0.8, linestyle=":")
        grid(ax, "y")
        if position == 1:
            ax.legend(loc="best")
    return figure


@styled
def updated_risk_figure(
    risk: pd.DataFrame,
    visits: pd.DataFrame,
    outcome: Mapping[str, Any],
    series: tuple[str, str],
    horizon_months: float,
) -> Figure:
    """Draw one patient: the risk as it stood at each landmark, above what was measured.

    Parameters
    ----------
    risk : DataFrame
        `landmark_months`, `model`, `risk` of this patient.
    visits : DataFrame
        `months` and the column to draw, of this patient.
    outcome : mapping
        `months` and `event` of this patient, `label` of the endpoint.
    series : (str, str)
        Column of `visits`, and its label with unit.
    horizon_months : float
        How far ahead the risk looks.
    """
    figure = new_figure(7.0, 5.2)
    top, low = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    colours = model_colours(list(dict.fromkeys(risk["model"])))
    for model, part in risk.groupby("model", sort=False):
        top.plot(
            part["landmark_months"], part["risk"], marker="o", color=colours[str(model)],
            label=model_label(str(model)),
        )  # fmt: skip
    top.set_ylim(0, 1)
    top.yaxis.set_major_formatter(PercentFormatter(1.0))
    top.set_ylabel(f"Risk within {horizon_months:g} months")
    top.legend(loc="best")
    column, label = series
    known = visits.dropna(subset=[column])
    low.plot(known["months"], known[column], marker=".", color=INK)
    low.set_ylabel(label)
    low.set_ylim(bottom=0)
    low.set_xlabel("Months from the start of treatment")
    for ax in (top, low):
        ax.axvline(outcome["months"], color=SOFT, linestyle="-" if outcome["event"] else ":", linewidth=1.2)
        grid(ax, "y")
    said = outcome["label"] if outcome["event"] else "last seen without it"
    top.annotate(
        f" {said}", (outcome["months"], 0.97), ha="right", va="top", fontsize=8, color=SOFT, rotation=90
    )
    return figure
