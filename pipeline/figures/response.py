"""Classifiers of objective response: how well they tell responders apart, and whether probabilities hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from pipeline.figures.style import SOFT, grid, model_colours, new_figure, records, styled
from pipeline.models.labels import model_label

COLUMNS = 3
CHANCE = {"auc": 0.5, "scaled_brier": 0.0}
SCORE_LABELS = {"auc": "AUC", "scaled_brier": "Scaled Brier score"}


@styled
def response_figure(scores: pd.DataFrame, calibration: pd.DataFrame) -> Figure:
    """Draw AUC and scaled Brier score of every model, and below its observed against predicted responses.

    The external patients are drawn where there are some, else those of the cross-validation.

    Parameters
    ----------
    scores : DataFrame
        `model`, `data`, `metric`, `group`, `value`, `low`, `high`.
    calibration : DataFrame
        `model`, `data`, `predicted`, `observed`, `low`, `high`, `patients`: a row a group of patients.
    """
    data = "external" if (scores["data"] == "external").any() else "cross-validation"
    rows = scores[(scores["data"] == data) & (scores["group"] == "all")]
    groups = calibration[calibration["data"] == data]
    models = list(dict.fromkeys(groups["model"]))
    colours = model_colours(models)
    lines = -(-len(models) // COLUMNS)
    figure = new_figure(9.0, 1.2 + 0.3 * len(models) + 3.0 * lines)
    parts: Any = figure.subfigures(2, 1, height_ratios=[1.2 + 0.3 * len(models), 3.0 * lines])
    upper, lower = parts
    for ax, metric in zip(upper.subplots(1, len(CHANCE), sharey=True), CHANCE, strict=True):
        _intervals(ax, rows[rows["metric"] == metric], models, colours, metric)
    axes = lower.subplots(lines, COLUMNS, squeeze=False, sharex=True, sharey=True)
    top = min(1.0, 1.05 * float(max(groups["high"].max(), groups["predicted"].max())))
    for ax, model in zip(axes.ravel(), models, strict=False):
        _reliability(ax, groups[groups["model"] == model], colours[model], top)
        ax.set_title(model_label(model), fontsize=10)
    for ax in axes.ravel()[len(models) :]:
        ax.remove()
    for ax in axes.ravel()[max(len(models) - COLUMNS, 0) : len(models)]:  # nothing stands below
        ax.tick_params(labelbottom=True)
    lower.supxlabel("Predicted probability of response", fontsize=10)
    lower.supylabel("Patients with a response", fontsize=10)
    return figure


def _intervals(ax: Axes, rows: pd.DataFrame, models: list[str], colours: dict[str, str], metric: str) -> None:
    for row in records(rows):
        place = models.index(row["model"])
        colour = colours[row["model"]]
        ax.plot([row["low"], row["high"]], [place, place], color=colour, linewidth=1.6)
        ax.plot(row["value"], place, "D" if row["model"] == "oracle" else "o", color=colour, markersize=6)
    ax.axvline(CHANCE[metric], color=SOFT, linewidth=1, linestyle=(0, (1, 2)), zorder=0)
    ax.set_ylim(len(models) - 0.5, -0.5)
    ax.set_yticks(range(len(models)), [model_label(m) for m in models])
    ax.set_xlabel(f"{SCORE_LABELS[metric]} (dotted: chance)")
    ax.locator_params(axis="x", nbins=5)
    grid(ax, "x")


def _reliability(ax: Axes, rows: pd.DataFrame, colour: str, top: float) -> None:
    ax.plot([0, top], [0, top], color=SOFT, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    ax.vlines(rows["predicted"], rows["low"], rows["high"], color=colour, linewidth=1.2)
    ax.plot(rows["predicted"], rows["observed"], "o", color=colour, markersize=5, markerfacecolor="white",
            markeredgewidth=1.4)  # fmt: skip
    ax.set_xlim(0, top)
    ax.set_ylim(0, top)
    ticks = np.arange(0, top + 1e-9, 0.25 if top > 0.6 else 0.1)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_ticks(ticks)
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    grid(ax)
