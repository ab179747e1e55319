"""Which columns and modalities matter, how that changes with the horizon, and whether it is true."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.figures.style import (
    AMOUNT,
    FAINT,
    INK,
    SOFT,
    grid,
    modality_colours,
    modality_handles,
    model_colours,
    new_figure,
    scale_factor,
    styled,
    wrapped,
)
from pipeline.models.labels import model_label

UNITS = {
    "survival": "percentage points",
    "cumulative_hazard": "cumulative hazard",
    "restricted_mean": "months",
}


@styled
def importance_bars(table: pd.DataFrame, ax: Axes, months: float | None = None, top: int = 15) -> Axes:
    """Draw mean absolute contributions with intervals, coloured by modality.

    Parameters
    ----------
    table : DataFrame
        From ``pipeline.explain.importance``, one model and level: `scale`, `label`, `modality`,
        `horizon_months`, `importance`, `low`, `high`.
    """
    rows = _one_horizon(table, months).sort_values("importance", ascending=False, kind="stable").head(top)
    scale = str(rows["scale"].iloc[0])
    factor, colours = scale_factor(scale), modality_colours()
    values = rows["importance"].to_numpy() * factor
    y = np.arange(len(rows))
    ax.barh(y, values, height=0.66, color=[colours.get(str(m), SOFT) for m in rows["modality"]], zorder=2)
    ax.hlines(y, rows["low"] * factor, rows["high"] * factor, color=INK, linewidth=1.1, zorder=3)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_yticks(y, [wrapped(str(t), 34) for t in rows["label"]])
    at = float(rows["horizon_months"].iloc[0])
    unit = UNITS.get(scale, "log relative hazard")
    when = "" if np.isnan(at) else f" at {at:g} months"
    ax.set_xlabel(f"Mean absolute contribution{when} ({unit})")
    ax.set_xlim(left=0)
    grid(ax, "x")
    return ax


def _one_horizon(table: pd.DataFrame, months: float | None) -> pd.DataFrame:
    if table["horizon_months"].isna().all():
        return table
    wanted = float(table["horizon_months"].iloc[0]) if months is None else months
    return table[np.isclose(table["horizon_months"], wanted)]


@styled
def importance_figure(
    columns: pd.DataFrame,
    modalities: pd.DataFrame,
    months: float | None = None,
    title: str = "",
    top: int = 15,
) -> Figure:
    """Draw the importance of columns and, beside it, of modalities, with a key to the colours."""
    shown = min(top, _one_horizon(columns, months)["label"].nunique())
    figure = new_figure(8.0, 1.5 + 0.3 * shown + 0.6 + 0.3 * modalities["label"].nunique())
    top_ax, below = figure.subplots(2, 1, height_ratios=[shown, modalities["label"].nunique() + 0.5])
    importance_bars(columns, top_ax, months, top)
    top_ax.set_title(title or "By column")
    top_ax.set_xlabel("")
    importance_bars(modalities, below, months)
    below.set_title("Summed within modality")
    used = set(_one_horizon(columns, months).head(top)["modality"])
    top_ax.legend(handles=modality_handles(used), loc="lower right", handlelength=1.0)
    return figure


@styled
def importance_over_time(table: pd.DataFrame, ax: Axes, top: int = 12) -> Axes:
    """Draw mean absolute contributions by horizon as a heat map with the figures written in.

    Parameters
    ----------
    table : DataFrame
        From ``pipeline.explain.importance``, one model and level, several horizons.
    """
    scale = str(table["scale"].iloc[0])
    at_all = table.fillna({"horizon_months": np.inf})  # a scale without time has one column, "all"
    wide = at_all.pivot_table(index="label", columns="horizon_months", values="importance", sort=True)
    order = wide.mean(axis=1).sort_values(ascending=False, kind="stable").index[:top]
    wide = wide.loc[order] * scale_factor(scale)
    values = wide.to_numpy()
    image = ax.imshow(values, aspect="auto", cmap=AMOUNT, vmin=0)
    strong = values.max() * 0.55
    for (i, j), value in np.ndenumerate(values):
        ax.text(j, i, f"{value:.2g}" if value < 1 else f"{value:.1f}", ha="center", va="center", fontsize=9,
                color="white" if value > strong else INK)  # fmt: skip
    ax.set_xticks(range(len(wide.columns)), ["all" if np.isinf(h) else f"{h:g}" for h in wide.columns])
    ax.set_yticks(range(len(wide)), [wrapped(str(t), 34) for t in wide.index])
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.set_xlabel("Horizon (months)")
    unit = UNITS.get(scale, "log relative hazard")
    bar = ax.figure.colorbar(image, ax=ax, aspect=30, pad=0.02)
    bar.set_label(f"Mean absolute contribution ({unit})")
    bar.outline.set_visible(False)
    return ax


@styled
def importance_over_time_figure(table: pd.DataFrame, title: str = "", top: int = 12) -> Figure:
    """Draw `importance_over_time` in a figure as tall as it has rows."""
    figure = new_figure(8.0, 1.2 + 0.34 * min(top, table["label"].nunique()))
    ax = importance_over_time(table, figure.subplots(), top)
    ax.set_title(title)
    return figure


@styled
def agreement(table: pd.DataFrame, ax: Axes, months: float | None = None, top: int = 15) -> Axes:
    """Draw each column's share of the true effects, and its share of every model's explanation.

    Parameters
    ----------
    table : DataFrame
        `columns` of ``pipeline.explain.Agreement``, of one model or several: `model`, `column`, `label`,
        `horizon_months`, `importance`, `true_importance`.
    """
    models = list(dict.fromkeys(table["model"]))
    shares = {}
    for model in models:
        rows = _one_horizon(table[table["model"] == model], months).set_index("label")
        shares[model] = rows["importance"] / rows["importance"].sum() * 100
    true = rows["true_importance"] / rows["true_importance"].sum() * 100
    leading = pd.concat([true, *shares.values()], axis=1).max(axis=1)
    shown = leading.sort_values(ascending=False, kind="stable").index[:top]
    order = true.loc[shown].sort_values(ascending=False, kind="stable").index
    y = np.arange(len(order))
    ax.barh(y, true.loc[order], height=0.66, color=FAINT, label="True effect", zorder=2)
    shifts, colours = (
        np.linspace(-0.14, 0.14, len(models)) if len(models) > 1 else [0.0],
        model_colours(models),
    )
    for model, shift in zip(models, shifts, strict=True):
        ax.plot(shares[model].reindex(order), y + shift, "o", color=colours[model], markersize=6,
                label=model_label(model), zorder=3)  # fmt: skip
    ax.set_ylim(len(order) - 0.5, -0.5)
    ax.set_yticks(y, [wrapped(str(t), 34) for t in order])
    ax.set_xlim(left=-0.3)
    ax.set_xlabel("Share of all columns (%): of the true effect, and of the explanation")
    ax.legend(loc="lower right")
    grid(ax, "x")
    return ax


@styled
def agreement_figure(table: pd.DataFrame, months: float | None = None, top: int = 15) -> Figure:
    """Draw `agreement` in a figure as tall as it has columns."""
    figure = new_figure(8.0, 1.2 + 0.34 * min(top, table["label"].nunique()))
    agreement(table, figure.subplots(), months, top).set_title("Explained and true importance")
    return figure
