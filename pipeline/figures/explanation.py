"""Why a model predicts what it predicts: swarms of patients, patients one by one, and single columns."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from pipeline.figures.style import (
    BETTER,
    FAINT,
    INK,
    LOW_TO_HIGH,
    SOFT,
    WORSE,
    grid,
    new_figure,
    records,
    scale_factor,
    styled,
    wrapped,
)
from pipeline.schema import Floats

AXES: Final = {
    "survival": "Change in event-free probability (percentage points)",
    "cumulative_hazard": "Change in cumulative hazard",
    "restricted_mean": "Change in restricted mean survival (months)",
    "log_hazard": "Change in log relative hazard",
}
MISSING: Final = "#b8bec5"


def _axis_words(scale: str, months: float | None) -> str:
    at = "" if months is None or np.isnan(months) else f" at {months:g} months"
    return AXES.get(scale, scale.replace("_", " ")) + at


def _directions(scale: str) -> tuple[str, str]:
    return ("worse", "better") if scale == "survival" else ("better", "worse")


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
    factor = scale_factor(scale)
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
        bar.set_label("Patient's value\n(grey: missing or no order)")
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
    factor = scale_factor(scale)
    rows = table.reset_index(drop=True)
    start, end = rows["start"].to_numpy() * factor, rows["end"].to_numpy() * factor
    span = float(max(start.max(), end.max()) - min(start.min(), end.min())) or 1.0
    sign = 1 if scale == "survival" else -1
    low, high = min(start.min(), end.min()), max(start.max(), end.max())
    for y, row in enumerate(records(rows)):
        if row["kind"] in {"base", "prediction"}:
            ax.plot(start[y], y, "D", color=INK, markersize=6, zorder=4)
            hazard = f"{start[y]:+.2f} (hazard × {np.exp(start[y]):.2f})"
            words = f"{start[y]:.0f}%" if scale == "survival" else hazard
            inwards = 9 if start[y] < (low + high) / 2 else -9
            _beside(ax, words, start[y], y, inwards, fontweight="bold")
        else:
            step = end[y] - start[y]
            colour = BETTER if sign * step > 0 else WORSE
            ax.barh(y, step, left=start[y], height=0.62, color=colour, zorder=3)
            words = f"{step:+.1f}" if scale == "survival" else f"{step:+.2f}"
            _beside(ax, words, max(start[y], end[y]), y, 4, color=colour)
        if y + 1 < len(rows):
            ax.plot([end[y], end[y]], [y, y + 1], color=SOFT, linewidth=0.8, zorder=2)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set_yticks(range(len(rows)), [_step_label(r) for r in records(rows)])
    ax.set_xlim(low - 0.06 * span, high + 0.14 * span)
    at = "" if months is None or np.isnan(months) else f" at {months:g} months"
    probability = f"Predicted event-free probability{at} (%)"
    ax.set_xlabel(probability if scale == "survival" else "Log relative hazard")
    ax.set_title(title)
    grid(ax, "x")
    return ax


def _beside(ax: Axes, words: str, x: float, y: float, points: float, **style: Any) -> None:
    side: dict[str, Any] = {"ha": "left" if points > 0 else "right", "va": "center", "fontsize": 9}
    ax.annotate(words.replace("-", "−"), (x, y), (points, 0), textcoords="offset points", **side, **style)


def _step_label(row: dict[str, object]) -> str:
    label = str(row["label"])
    if row["measured"]:
        return wrapped(f"{label}: {row['measured']}", 42)
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
def dependence(table: pd.DataFrame, ax: Axes, scale: str = "survival", months: float | None = None) -> Axes:
    """Draw one dot a patient: contribution against value, coloured by the column it interacts with most.

    Parameters
    ----------
    table : DataFrame
        From ``pipeline.explain.dependence``, one column: `label`, `value`, `log`, `contribution`, `partner`,
        `level`.
    """
    first, known = table.iloc[0], table["level"].notna().to_numpy()
    x, y = table["value"].to_numpy(), table["contribution"].to_numpy() * scale_factor(scale)
    ax.scatter(x[~known], y[~known], s=12, color=MISSING if first["partner"] else BETTER, linewidths=0)
    ax.scatter(x[known], y[known], s=12, color=LOW_TO_HIGH(table["level"].to_numpy()[known]), linewidths=0)
    if first["log"] and np.nanmin(x) > 0:
        ax.set_xscale("log")
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))  # a power of ten alone may be no tick, or one
        ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
        ax.xaxis.set_minor_formatter(NullFormatter())
    ax.axhline(0, color=SOFT, linewidth=0.9, zorder=1)
    ax.set_xlabel(wrapped(str(first["label"]), 60))
    ax.set_ylabel(_axis_words(scale, months).replace(" (", "\n("))
    if first["partner"]:
        bar = ax.figure.colorbar(ScalarMappable(cmap=LOW_TO_HIGH), ax=ax, ticks=[0, 1], pad=0.02)
        bar.ax.set_yticklabels(["low", "high"])
        bar.set_label(wrapped(str(first["partner"]), 30))
        bar.outline.set_visible(False)
    grid(ax, "y")
    return ax


@styled
def dependence_figure(table: pd.DataFrame, scale: str = "survival", months: float | None = None) -> Figure:
    """Draw `dependence` of each column of the table, one below the other."""
    columns = list(dict.fromkeys(table["column"]))
    figure = new_figure(8.0, 0.4 + 2.7 * len(columns))
    axes = np.ravel(figure.subplots(len(columns), 1))
    for ax, column in zip(axes, columns, strict=True):
        dependence(table[table["column"] == column], ax, scale, months)
    return figure
