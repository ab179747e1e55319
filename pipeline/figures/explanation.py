"""Why a model predicts what it predicts: swarms, single patients, importance and its course in time."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pipeline.figures.style import (
    AMOUNT,
    BETTER,
    FAINT,
    INK,
    LOW_TO_HIGH,
    PALETTE,
    SOFT,
    WORSE,
    grid,
    model_label,
    new_figure,
    records,
    styled,
    wrapped,
)
from pipeline.schema import MODALITIES, Floats

MODALITY_LABELS: Final = {"ctdna": "ctDNA", "": "Other"}
AXES: Final = {
    "survival": "Change in event-free probability (percentage points)",
    "log_hazard": "Change in log relative hazard",
}
MISSING: Final = "#b8bec5"


def _factor(scale: str) -> float:
    return 100.0 if scale == "survival" else 1.0


def _axis_words(scale: str, months: float | None) -> str:
    at = "" if months is None or np.isnan(months) else f" at {months:g} months"
    return AXES.get(scale, scale.replace("_", " ")) + at


def _directions(scale: str) -> tuple[str, str]:
    return ("worse", "better") if scale == "survival" else ("better", "worse")


def modality_colours() -> dict[str, str]:
    """One colour a modality, the same in every figure."""
    extra = ("#8c6d31",)
    return dict(zip(MODALITIES, (*PALETTE, *extra), strict=False)) | {"": SOFT}


def modality_handles(used: Collection[str]) -> list[Line2D]:
    """Legend entries of the modalities in `used`, in the fixed order."""
    return [
        Line2D([], [], color=colour, linewidth=7, label=MODALITY_LABELS.get(name, name.capitalize()))
        for name, colour in modality_colours().items()
        if name in used
    ]


@styled
def beeswarm(
    table: pd.DataFrame,
    ax: Axes,
    scale: str = "survival",
    months: float | None = None,
    colour_bar: bool = True,
) -> Axes:
    """Draw one dot a patient and column: how far it moved the prediction, coloured by the value.

    Parameters
    ----------
    table : DataFrame
        From ``pipeline.explain.beeswarm_table``: `label`, `rank`, `contribution`, `level`.
    scale : {"survival", "log_hazard"}
    """
    factor = _factor(scale)
    labels = table.drop_duplicates("rank").sort_values("rank")["label"]
    reach = float(np.abs(table["contribution"]).max()) * factor or 1.0
    for rank in range(len(labels)):
        rows = table[table["rank"] == rank]
        x = rows["contribution"].to_numpy() * factor
        level = rows["level"].to_numpy()
        y = rank + swarm(x, reach)
        known = ~np.isnan(level)
        ax.scatter(x[~known], y[~known], s=9, color=MISSING, linewidths=0, zorder=2)
        colours = LOW_TO_HIGH(level[known])
        ax.scatter(x[known], y[known], s=9, color=colours, linewidths=0, zorder=3)
    ax.axvline(0, color=SOFT, linewidth=0.9, zorder=1)
    ax.set_ylim(len(labels) - 0.5, -0.5)
    ax.set_yticks(range(len(labels)), [wrapped(str(t), 34) for t in labels])
    left, right = _directions(scale)
    ax.set_xlabel(f"{_axis_words(scale, months)}\n← {left}    {right} →")
    ax.margins(x=0.04)
    grid(ax, "x")
    for line in range(len(labels)):
        ax.axhline(line, color=FAINT, linewidth=0.6, zorder=0)
    if colour_bar:
        key = ScalarMappable(cmap=LOW_TO_HIGH)
        bar = ax.figure.colorbar(key, ax=ax, ticks=[0, 1], aspect=40, pad=0.02, shrink=0.8)
        bar.ax.set_yticklabels(["low", "high"])
        bar.set_label("Patient's value (grey: missing or no order)", labelpad=-8)
        bar.outline.set_visible(False)
    return ax


def swarm(x: Floats, reach: float, width: float = 0.38, bins: int = 90) -> Floats:
    """Vertical offsets that spread dots at nearly the same place, always the same way.

    >>> swarm(np.array([0.0, 0.0, 0.0, 5.0]), 5.0).round(2).tolist()
    [0.0, 0.38, -0.38, 0.0]
    """
    slot = np.round(np.asarray(x) / reach * bins).astype(int)
    offset = np.zeros(len(slot))
    for value in np.unique(slot):
        rows = np.flatnonzero(slot == value)
        step = (np.arange(len(rows)) + 1) // 2
        offset[rows] = np.where(np.arange(len(rows)) % 2 == 1, step, -step)
    widest = np.abs(offset).max()
    scale = width / max(widest, 6.0) if len(slot) > 8 else width / max(widest, 1.0)
    return np.asarray(offset * scale + 0.0)


@styled
def beeswarm_figure(
    table: pd.DataFrame, scale: str = "survival", months: float | None = None, title: str = ""
) -> Figure:
    """Draw `beeswarm` in a figure as tall as it has columns."""
    figure = new_figure(8.0, 1.3 + 0.36 * table["rank"].nunique())
    ax = beeswarm(table, figure.subplots(), scale, months)
    ax.set_title(title)
    return figure


@styled
def waterfall(
    table: pd.DataFrame, ax: Axes, scale: str = "survival", months: float | None = None, title: str = ""
) -> Axes:
    """Draw how one patient's prediction departs from the average patient's, step by step.

    Parameters
    ----------
    table : DataFrame
        From ``pipeline.explain.waterfall_table``: `kind`, `label`, `measured`, `contribution`, `start`,
        `end`, from the base at the top to the prediction at the foot.
    """
    factor = _factor(scale)
    rows = table.reset_index(drop=True)
    start, end = rows["start"].to_numpy() * factor, rows["end"].to_numpy() * factor
    span = float(max(start.max(), end.max()) - min(start.min(), end.min())) or 1.0
    sign = 1 if scale == "survival" else -1
    for y, row in enumerate(records(rows)):
        if row["kind"] in {"base", "prediction"}:
            ax.plot(start[y], y, "D", color=INK, markersize=6, zorder=4)
            words = f"{start[y]:.0f}%" if scale == "survival" else f"{start[y]:+.2f}"
            _beside(ax, words, start[y], y, 9, fontweight="bold")
        else:
            step = end[y] - start[y]
            colour = BETTER if sign * step > 0 else WORSE
            ax.barh(y, step, left=start[y], height=0.62, color=colour, zorder=3)
            words = f"{step:+.1f}" if scale == "survival" else f"{step:+.2f}"
            _beside(ax, words.replace("-", "−"), max(start[y], end[y]), y, 4, color=colour)
        if y + 1 < len(rows):
            ax.plot([end[y], end[y]], [y, y + 1], color=SOFT, linewidth=0.8, zorder=2)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set_yticks(range(len(rows)), [_step_label(r) for r in records(rows)])
    low, high = min(start.min(), end.min()), max(start.max(), end.max())
    ax.set_xlim(low - 0.06 * span, high + 0.16 * span)
    at = "" if months is None or np.isnan(months) else f" at {months:g} months"
    probability = f"Predicted event-free probability{at} (%)"
    ax.set_xlabel(probability if scale == "survival" else "Log relative hazard")
    ax.set_title(title)
    grid(ax, "x")
    return ax


def _beside(ax: Axes, words: str, x: float, y: float, points: float, **style: Any) -> None:
    ax.annotate(words, (x, y), (points, 0), textcoords="offset points", va="center", fontsize=9, **style)


def _step_label(row: dict[str, object]) -> str:
    label = str(row["label"])
    if row["measured"]:
        together = f"{label}: {row['measured']}"
        return together if len(together) <= 40 else f"{wrapped(label, 40)}\n{row['measured']}"
    return wrapped(label, 40)


@styled
def waterfall_figure(
    table: pd.DataFrame, scale: str = "survival", months: float | None = None, title: str = ""
) -> Figure:
    """Draw `waterfall` with a key to its colours."""
    figure = new_figure(8.0, 1.5 + 0.36 * len(table))
    waterfall(table, figure.subplots(), scale, months, title)
    handles = [
        Line2D([], [], color=BETTER, linewidth=7, label="lowers the risk"),
        Line2D([], [], color=WORSE, linewidth=7, label="raises the risk"),
    ]
    figure.legend(handles=handles, loc="outside lower right", ncols=2, handlelength=1.2)
    return figure


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
    factor, colours = _factor(scale), modality_colours()
    values = rows["importance"].to_numpy() * factor
    y = np.arange(len(rows))
    ax.barh(y, values, height=0.66, color=[colours.get(str(m), SOFT) for m in rows["modality"]], zorder=2)
    ax.hlines(y, rows["low"] * factor, rows["high"] * factor, color=INK, linewidth=1.1, zorder=3)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_yticks(y, [wrapped(str(t), 34) for t in rows["label"]])
    at = float(rows["horizon_months"].iloc[0])
    unit = "percentage points" if scale == "survival" else "log relative hazard"
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
    wide = table.pivot_table(index="label", columns="horizon_months", values="importance", sort=True)
    order = wide.mean(axis=1).sort_values(ascending=False, kind="stable").index[:top]
    wide = wide.loc[order] * _factor(scale)
    values = wide.to_numpy()
    image = ax.imshow(values, aspect="auto", cmap=AMOUNT, vmin=0)
    strong = values.max() * 0.55
    for (i, j), value in np.ndenumerate(values):
        ax.text(j, i, f"{value:.2g}" if value < 1 else f"{value:.1f}", ha="center", va="center", fontsize=9,
                color="white" if value > strong else INK)  # fmt: skip
    ax.set_xticks(range(len(wide.columns)), [f"{h:g}" for h in wide.columns])
    ax.set_yticks(range(len(wide)), [wrapped(str(t), 34) for t in wide.index])
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.set_xlabel("Horizon (months)")
    unit = "percentage points" if scale == "survival" else "log relative hazard"
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
def agreement(table: pd.DataFrame, ax: Axes, months: float | None = None, named: int = 6) -> Axes:
    """Draw importance in the explanation against importance in the truth, the largest ones named.

    Parameters
    ----------
    table : DataFrame
        `columns` of ``pipeline.explain.Agreement`` of one model: `label`, `horizon_months`,
        `importance`, `true_importance`.
    """
    rows = _one_horizon(table, months)
    share = rows["importance"] / rows["importance"].sum() * 100
    true = rows["true_importance"] / rows["true_importance"].sum() * 100
    reach = float(max(share.max(), true.max())) * 1.08
    ax.plot([0, reach], [0, reach], color=SOFT, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    ax.scatter(true, share, s=26, color=PALETTE[0], zorder=3)
    order = np.argsort(-np.maximum(share.to_numpy(), true.to_numpy()), kind="stable")[:named]
    for i in order:
        right = true.iloc[i] < 0.6 * reach
        ax.annotate(str(rows["label"].iloc[i]), (true.iloc[i], share.iloc[i]), (6 if right else -6, 3),
                    textcoords="offset points", ha="left" if right else "right", fontsize=8.5)  # fmt: skip
    ax.set_xlim(-0.02 * reach, reach)
    ax.set_ylim(-0.02 * reach, reach)
    ax.set_xlabel("Share of the true effect (%)")
    ax.set_ylabel("Share of the explanation (%)")
    ax.set_title(model_label(str(rows["model"].iloc[0])))
    grid(ax)
    return ax


@styled
def agreement_figure(table: pd.DataFrame, months: float | None = None) -> Figure:
    """Draw `agreement` for each model side by side."""
    models = list(dict.fromkeys(table["model"]))
    figure = new_figure(8.0, 4.3 if len(models) > 1 else 5.5)
    for ax, model in zip(figure.subplots(1, len(models), squeeze=False)[0], models, strict=True):
        agreement(table[table["model"] == model], ax, months)
    return figure
