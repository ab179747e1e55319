"""How far new patients are from those a model learnt from, column by column."""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pipeline.figures.style import INK, PALETTE, SOFT, grid, new_figure, records, styled, wrapped

COLOURS: Final = {"none": SOFT, "look": PALETTE[5], "do not use": PALETTE[1]}
SHOWN: Final = 20


@styled
def _distances(table: pd.DataFrame, ax: Axes, look: float, stop: float) -> Axes:
    """Draw the population stability index of each column, on a root scale, with its two limits."""
    y = np.arange(len(table))
    for i, row in enumerate(records(table)):
        ax.plot([0, np.sqrt(row["psi"])], [i, i], color=COLOURS[row["values"]], linewidth=1.6)
        ax.plot(np.sqrt(row["psi"]), i, "o", color=COLOURS[row["values"]], markersize=6)
        ax.plot(np.sqrt(row["psi_chance"]), i, "|", color=INK, markersize=9)
    for limit in (look, stop):
        ax.axvline(np.sqrt(limit), color=SOFT, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
    ax.set_yticks(y, [wrapped(str(t), 30) for t in table["label"]])
    ax.set_ylim(len(table) - 0.5, -0.5)
    top = max(float(table["psi"].max()), stop) * 1.15
    marks = [v for v in (0.01, 0.05, look, stop, 0.5, 1, 2, 4, 8) if v <= top]
    ax.set_xticks(np.sqrt(marks), [f"{v:g}" for v in marks])
    ax.set_xlim(0, np.sqrt(top))
    ax.set_xlabel("Population stability index")
    grid(ax, "x")
    return ax


@styled
def _gaps(table: pd.DataFrame, ax: Axes) -> Axes:
    """Draw the share of patients without each value, before and now."""
    for i, row in enumerate(records(table)):
        x = [100 * row["missing_old"], 100 * row["missing_new"]]
        ax.plot(x, [i, i], color=COLOURS[row["missing"]], linewidth=1.6)
        ax.plot(x[0], i, "o", markerfacecolor="white", markeredgecolor=SOFT, markersize=6)
        ax.plot(x[1], i, "o", color=COLOURS[row["missing"]], markersize=6)
    ax.set_yticks(np.arange(len(table)))
    ax.tick_params(labelleft=False)
    ax.set_ylim(len(table) - 0.5, -0.5)
    ax.set_xlim(-2, max(10.0, 105 * float(table[["missing_old", "missing_new"]].to_numpy().max()) + 2))
    ax.set_xlabel("Patients without the value (%)")
    grid(ax, "x")
    return ax


@styled
def drift_figure(shift: pd.DataFrame, findings: pd.DataFrame, look: float, stop: float) -> Figure:
    """Draw the columns that differ most: their values, and who has one.

    Parameters
    ----------
    shift, findings : DataFrame
        From `pipeline.drift.marker_shift`, and of `pipeline.drift.judge_drift`.
    look, stop : float
        Limits of the population stability index.
    """
    table = shift[shift["role"] != "arm"].copy()
    for what in ("values", "missing"):
        found = findings[findings["what"] == what].set_index("subject")["finding"]
        table[what] = table["column"].map(found).fillna("none")
    table["psi"] = table["psi"].fillna(0.0)
    table["psi_chance"] = table["psi_chance"].fillna(0.0)
    alarmed = (table["values"] != "none") | (table["missing"] != "none")
    change = (table["missing_new"] - table["missing_old"]).abs()
    order = np.lexsort((-np.maximum(table["psi"] / stop, change), ~alarmed))
    table = table.iloc[order].head(SHOWN)
    figure = new_figure(8.0, 1.6 + 0.3 * len(table))
    left, right = figure.subplots(1, 2, width_ratios=[1.25, 1])
    _distances(table, left, look, stop).set_title("Values")
    _gaps(table, right).set_title("Missing")
    point = partial(Line2D, [], [], linestyle="", marker="o", markersize=6)
    handles = [point(color=colour, label=name) for name, colour in COLOURS.items()]
    handles += [
        point(markerfacecolor="white", markeredgecolor=SOFT, label="in training"),
        Line2D([], [], color=INK, marker="|", linestyle="", markersize=9, label="by chance, 1 in 20"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure
