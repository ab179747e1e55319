"""How well models rank and discriminate over time, the oracle's ceiling beside each."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pipeline.figures.style import (
    INK,
    SOFT,
    grid,
    model_colours,
    new_figure,
    records,
    styled,
)
from pipeline.metrics import METRICS
from pipeline.models.labels import model_label

ORACLE: Final = "oracle"
DIRECTIONS: Final = {
    "higher": "higher is better", "lower": "lower is better", "one": "best at 1", "zero": "best at 0",
}  # fmt: skip
TARGETS: Final = {"one": 1.0, "zero": 0.0}
SLOPES: Final = (-2.0, 4.0)  # further off a slope says only that it is not known; it would flatten the others


@styled
def metric_forest(
    scores: pd.DataFrame, ax: Axes, metric: str, horizon_months: float | None = None, legend: bool = False
) -> Axes:
    """Draw one metric of every model with its interval, and the oracle as a line to measure against.

    Parameters
    ----------
    scores : DataFrame
        Scores table: `model`, `data` ("cross-validation" or "external"), `metric`, `horizon_months`
        (NaN when none), `group`, `value`, `low`, `high`. Only group "all" is drawn. A slope's interval that
        leaves `SLOPES` ends there in an arrow.
    """
    about, cut = METRICS[metric], False
    edges = SLOPES if about.better == "one" else (-np.inf, np.inf)
    rows = scores[(scores["metric"] == metric) & (scores["group"] == "all")]
    if rows["horizon_months"].notna().any():
        wanted = horizon_months if horizon_months is not None else float(rows["horizon_months"].median())
        known = rows["horizon_months"].dropna().unique()
        nearest = float(known[np.argmin(np.abs(known - wanted))])
        rows = rows[np.isclose(rows["horizon_months"], nearest)]
    else:
        nearest = float("nan")
    models = [m for m in dict.fromkeys(scores["model"]) if m != ORACLE]
    models += [ORACLE] if (scores["model"] == ORACLE).any() else []
    colours, kinds = model_colours(models), list(dict.fromkeys(rows["data"]))
    shifts = np.linspace(-0.16, 0.16, len(kinds)) if len(kinds) > 1 else np.zeros(1)
    for kind, shift in zip(kinds, shifts, strict=True):
        for row in records(rows[rows["data"] == kind]):
            y, model = models.index(row["model"]) + shift, row["model"]
            face = colours[model] if kind == kinds[-1] else "white"
            ends = np.clip([row["low"], row["high"]], *edges)
            ax.plot(ends, [y, y], color=colours[model], linewidth=1.6, zorder=3)
            for end, whole, arrow in zip(ends, (row["low"], row["high"]), "<>", strict=True):
                if end != whole and np.isfinite(whole):
                    ax.plot(end, y, arrow, color=colours[model], markersize=6, zorder=3)
                    cut = True
            if not edges[0] <= row["value"] <= edges[1]:
                continue
            ax.plot(row["value"], y, "D" if model == ORACLE else "o", markersize=6, markerfacecolor=face,
                    markeredgecolor=colours[model], markeredgewidth=1.5, zorder=4)  # fmt: skip
    ceiling = rows[(rows["model"] == ORACLE) & (rows["data"] == (kinds[-1] if kinds else ""))]
    if len(ceiling) and about.better not in TARGETS:  # what has a best value has no ceiling
        ax.axvline(float(ceiling["value"].iloc[0]), color=INK, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    reference = TARGETS.get(about.better, 0.0 if metric == "scaled_brier" else about.chance)
    if reference is not None:  # the best value, or what a model that knows nothing scores
        ax.axvline(reference, color=SOFT, linewidth=1, linestyle=(0, (1, 2)), zorder=0)
    ax.set_ylim(len(models) - 0.5, -0.5)
    ax.set_yticks(range(len(models)), [model_label(m) for m in models])
    at = "" if np.isnan(nearest) else f" at {nearest:g} months"
    ax.set_title(about.label + at, fontsize=10)
    ax.set_xlabel(DIRECTIONS[about.better] + ("; arrows lead off" if cut else ""), color=SOFT, fontsize=9)
    ax.margins(x=0.12)
    ax.locator_params(axis="x", nbins=4)
    grid(ax, "x")
    if legend:
        ax.legend(handles=_data_handles(kinds), loc="best")
    return ax


def _data_handles(kinds: Sequence[str]) -> list[Line2D]:
    words = {"cross-validation": "Cross-validation", "external": "External draw"}
    faces = ["white"] * (len(kinds) - 1) + [SOFT]
    point = partial(Line2D, [], [], color=SOFT, marker="o", markersize=6)
    return [
        point(markerfacecolor=face, label=words.get(kind, kind))
        for kind, face in zip(kinds, faces, strict=True)
    ]


@styled
def metric_forest_figure(
    scores: pd.DataFrame, horizon_months: float | None = None, metrics: Sequence[str] | None = None
) -> Figure:
    """Draw `metric_forest` for each metric of the table, two panels a row."""
    names = [m for m in (metrics or dict.fromkeys(scores["metric"])) if (scores["metric"] == m).any()]
    if not names:
        raise ValueError("the scores table holds none of the metrics asked for")
    models = scores["model"].nunique()
    columns = min(2, len(names))
    lines = -(-len(names) // columns)
    figure = new_figure(8.0, 0.9 + lines * (0.75 + 0.34 * models))
    axes = figure.subplots(lines, columns, squeeze=False, sharey=True)
    for ax, metric in zip(axes.ravel(), names, strict=False):
        metric_forest(scores, ax, metric, horizon_months)
        ax.tick_params(labelleft=ax.get_subplotspec().is_first_col())
    for ax in axes.ravel()[len(names) :]:
        ax.remove()
    kinds = list(dict.fromkeys(scores.loc[scores["group"] == "all", "data"]))
    handles = _data_handles(kinds)
    if (scores["model"] == ORACLE).any():
        dashes = (0, (4, 3))
        handles.append(Line2D([], [], color=INK, linewidth=1, linestyle=dashes, label="Ceiling: oracle"))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure


@styled
def roc(table: pd.DataFrame, ax: Axes, horizon_months: float, areas: pd.DataFrame | None = None) -> Axes:
    """Draw the ROC curve of every model at one horizon, its area in the legend when known.

    Parameters
    ----------
    table : DataFrame
        `model`, `horizon_months`, `false_positive_rate`, `true_positive_rate`.
    areas : DataFrame, optional
        Scores of metric "auc" on the same data: `model`, `horizon_months`, `value`.
    """
    rows = table[np.isclose(table["horizon_months"], horizon_months)]
    models = list(dict.fromkeys(rows["model"]))
    colours = model_colours(models)
    ax.plot([0, 1], [0, 1], color=SOFT, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
    for model in models:
        curve = rows[rows["model"] == model].sort_values(["false_positive_rate", "true_positive_rate"])
        area = ""
        if areas is not None:
            found = areas[(areas["model"] == model) & np.isclose(areas["horizon_months"], horizon_months)]
            area = f" {found['value'].iloc[0]:.2f}" if len(found) else ""
        dashes, label = "--" if model == ORACLE else "-", f"{model_label(model)}{area}"
        ax.plot(curve["false_positive_rate"], curve["true_positive_rate"], color=colours[model],
                linewidth=1.5, linestyle=dashes, label=label)  # fmt: skip
    ax.set_xlim(-0.01, 1.01)
    ax.set_ylim(-0.01, 1.01)
    ax.set_aspect("equal")
    ax.set_xticks([0, 0.5, 1])
    ax.set_yticks([0, 0.5, 1])
    ax.set_xlabel("False positive rate")
    ax.set_ylabel("True positive rate")
    ax.set_title(f"{horizon_months:g} months")
    grid(ax)
    ax.legend(loc="lower right", fontsize=8, handlelength=1.4, title="AUC" if areas is not None else None,
              title_fontsize=8)  # fmt: skip
    return ax


@styled
def auc_over_time(scores: pd.DataFrame, ax: Axes, legend: bool = True) -> Axes:
    """Draw the area under the ROC curve over the horizons, with intervals.

    Parameters
    ----------
    scores : DataFrame
        Scores of metric "auc" on one set of patients: `model`, `horizon_months`, `value`, `low`, `high`.
    """
    models = list(dict.fromkeys(scores["model"]))
    colours = model_colours(models)
    horizons = np.sort(scores["horizon_months"].unique())
    step = float(np.diff(horizons).min()) if len(horizons) > 1 else 1.0
    shifts = (np.arange(len(models)) - (len(models) - 1) / 2) * 0.06 * step
    for model, shift in zip(models, shifts, strict=True):
        rows = scores[scores["model"] == model].sort_values("horizon_months")
        x = rows["horizon_months"] + shift
        ax.vlines(x, rows["low"], rows["high"], color=colours[model], linewidth=1.4)
        ax.plot(x, rows["value"], "--D" if model == ORACLE else "-o", color=colours[model], markersize=5,
                linewidth=1.3, label=model_label(model))  # fmt: skip
    ax.axhline(0.5, color=SOFT, linewidth=0.9, linestyle=(0, (4, 3)), zorder=0)
    ax.set_xticks(horizons, [f"{h:g}" for h in horizons])
    ax.set_xlabel("Horizon (months)")
    ax.set_ylabel("AUC")
    ax.margins(x=0.06)
    grid(ax, "y")
    if legend:
        ax.legend(loc="best", ncols=2)
    return ax


@styled
def roc_figure(table: pd.DataFrame, scores: pd.DataFrame | None = None) -> Figure:
    """Draw ROC curves at up to four horizons, and below them the area over all horizons.

    Parameters
    ----------
    table : DataFrame
        See `roc`.
    scores : DataFrame, optional
        Scores table of the same patients; its rows of metric "auc" and group "all" are used.
    """
    horizons = sorted(table["horizon_months"].unique())
    if not horizons:
        raise ValueError("the ROC table is empty")
    chosen = np.unique(np.linspace(0, len(horizons) - 1, min(len(horizons), 4)).astype(int))
    shown = [horizons[i] for i in chosen]
    areas = None
    if scores is not None:
        areas = scores[(scores["metric"] == "auc") & (scores["group"] == "all")]
        areas = areas if len(areas) else None
    columns = 2 if len(shown) > 1 else 1
    lines = -(-len(shown) // columns)
    figure = new_figure(8.0, 4.05 * lines + (2.6 if areas is not None else 0))
    pattern = [[f"roc{min(columns * i + j, len(shown) - 1)}" for j in range(columns)] for i in range(lines)]
    heights = [4.05] * lines
    if areas is not None:
        pattern.append(["auc"] * columns)
        heights.append(2.6)
    axes: dict[str, Axes] = figure.subplot_mosaic(pattern, height_ratios=heights)
    for i, horizon in enumerate(shown):
        roc(table, axes[f"roc{i}"], horizon, areas)
    if areas is not None:
        auc_over_time(areas, axes["auc"], legend=False)  # its colours are named above
    return figure
