"""Prediction updated at every visit: scores over landmarks, and single patients' risk over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from pipeline.figures.style import (
    INK,
    PALETTE,
    SOFT,
    grid,
    model_colours,
    new_figure,
    styled,
)
from pipeline.metrics import METRICS
from pipeline.models.labels import model_label

GROUPS_SHOWN: Final = 5  # of what moved a risk; the rest is one
OTHER_GROUPS: Final = "All else"


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
    changes: pd.DataFrame | None = None,
) -> Figure:
    """Draw one patient: the risk as it stood at each landmark, above what was measured and what moved it.

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
    changes : DataFrame, optional
        `landmark_months`, `group`, `change`: what moved the log hazard since the landmark before.
    """
    if changes is None or changes.empty:
        figure = new_figure(7.0, 5.2)
        top, low = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    else:
        figure = new_figure(8.6, 7.2)
        top, low, last = figure.subplots(3, 1, sharex=True, height_ratios=(3, 2, 2.4))
        _changes(last, changes)
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
    figure.axes[-1].set_xlabel("Months from the start of treatment")
    for ax in figure.axes:
        ax.axvline(outcome["months"], color=SOFT, linestyle="-" if outcome["event"] else ":", linewidth=1.2)
        grid(ax, "y")
    said = outcome["label"] if outcome["event"] else "last seen without it"
    top.annotate(
        f" {said}", (outcome["months"], 0.97), ha="right", va="top", fontsize=8, color=SOFT, rotation=90
    )
    return figure


def _changes(ax: Axes, changes: pd.DataFrame) -> None:
    """Stack what raised the log hazard upwards and what lowered it downwards, a bar a landmark."""
    size = changes.assign(size=changes["change"].abs()).groupby("group", sort=False)["size"].max()
    shown = size.sort_values(ascending=False, kind="stable").index[:GROUPS_SHOWN].tolist()
    groups = changes["group"].where(changes["group"].isin(shown), OTHER_GROUPS)
    table = changes.assign(group=groups).pivot_table(
        index="landmark_months", columns="group", values="change", aggfunc="sum"
    )
    table = table.reindex(columns=[*shown, OTHER_GROUPS]).fillna(0.0)
    at = table.index.to_numpy(dtype=float)
    width = 0.3 * min(np.diff(at), default=1.5)
    up, down = np.zeros(len(at)), np.zeros(len(at))
    for name, colour in zip(table.columns, (*PALETTE[: len(shown)], SOFT), strict=True):
        change = table[name].to_numpy(dtype=float)
        ax.bar(at, change, width, bottom=np.where(change > 0, up, down), color=colour, label=str(name))
        up, down = up + np.maximum(change, 0.0), down + np.minimum(change, 0.0)
    ax.axhline(0, color=INK, linewidth=0.8)
    ax.set_ylabel("Moved log hazard")
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), title="since the landmark before")
