"""Published against reproduced figures on one diagonal, intervals as bars."""

from __future__ import annotations

import math
from functools import partial
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from pipeline.figures.style import FAINT, INK, PALETTE, SOFT, WORSE, grid, new_figure, readable, styled
from pipeline.figures.survival import KINDS

ON_LOG_SCALE: Final = ("median", "hazard_ratio")


@styled
def diagonal(table: pd.DataFrame, ax: Axes, kind: str) -> Axes:
    """Draw reproduced over published figures of one kind.

    Parameters
    ----------
    table : DataFrame
        `kind` (a key of KINDS), `published`, `low`, `high` (NaN when not published), `reproduced`,
        `built_on`, `within`; rates are probabilities.
    """
    rows = table[table["kind"] == kind]
    factor = 100.0 if kind in {"landmark", "objective_response"} else 1.0
    names = ("published", "low", "high", "reproduced")
    published, low, high, reproduced = (pd.to_numeric(rows[n]).to_numpy() * factor for n in names)
    built, within = (rows[n].to_numpy(dtype=bool) for n in ("built_on", "within"))
    ax.hlines(reproduced, low, high, color=FAINT, linewidth=2, zorder=1)
    missed = built & ~within
    for shown, fill, edge, size in (
        (built & within, PALETTE[0], PALETTE[0], 22),
        (~built, "white", PALETTE[0], 22),
        (missed, WORSE, WORSE, 40),  # on top and larger: one among hundreds must be seen
    ):
        ax.scatter(published[shown], reproduced[shown], s=size, color=fill, edgecolors=edge,
                   linewidths=1.0, zorder=4 if shown is missed else 3)  # fmt: skip
    if kind in ON_LOG_SCALE:
        limits = np.concatenate([low[low > 0], high])
        shown_to = np.concatenate([published, reproduced, limits[np.isfinite(limits)]])
        reach = (float(shown_to.min()) / 1.1, float(shown_to.max()) * 1.1)
        ax.set(xscale="log", yscale="log")
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(FixedLocator(_ticks(*reach)))
            axis.set_minor_locator(NullLocator())
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    else:
        reach = (0.0, 100.0)
    ax.plot(reach, reach, color=SOFT, linewidth=1, zorder=2)
    ax.set(xlim=reach, ylim=reach, aspect="equal", xlabel="Published", ylabel="Reproduced", title=KINDS[kind])
    grid(ax)
    return ax


def _ticks(low: float, high: float) -> list[float]:
    """Return a few round numbers between `low` and `high`, evenly far apart by factors."""
    for steps in ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0)):
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        inside = [s * 10.0**d for d in decades for s in steps if low <= s * 10.0**d <= high]
        if len(inside) >= 4:
            return inside
    return [float(t) for t in MaxNLocator(5).tick_values(low, high)]


@styled
def digitised_figure(curves: pd.DataFrame, gaps: pd.DataFrame, title: str, fewest: int = 20) -> Figure:
    """Draw survival curves over digitised ones, one panel an arm, four a row.

    Parameters
    ----------
    curves : DataFrame
        `trial`, `arm`, `months`, `digitised`, `drawn`, `plain` (probabilities), `at_risk`.
    gaps : DataFrame
        `trial`, `arm`, `largest` (the largest gap where `fewest` are at risk), `month`.
    title : str
    fewest : int
        Patients at risk below which the panel is shaded.
    """
    lines = -(-len(gaps) // 4)
    figure = new_figure(10.0, 1.0 + 2.4 * lines)
    axes = figure.subplots(lines, 4, squeeze=False, sharey=True).ravel()
    for ax, row in zip(axes, gaps.to_dict("records"), strict=False):
        part = curves[(curves["trial"] == row["trial"]) & (curves["arm"] == row["arm"])]
        few = part.loc[part["at_risk"] < fewest, "months"]
        if len(few):
            ax.axvspan(float(few.min()), float(part["months"].max()), color=FAINT, alpha=0.5, linewidth=0)
        ax.step(part["months"], 100 * part["digitised"], where="post", color=INK, linewidth=1.2)
        ax.plot(part["months"], 100 * part["drawn"], color=PALETTE[0], linewidth=1.8)
        ax.plot(part["months"], 100 * part["plain"], color=PALETTE[1], linewidth=1.0, linestyle=":")
        ax.set_title(f"{row['trial']}\n{readable(row['arm'])}, gap {row['largest']:+.3f}", fontsize=8)
        ax.set(ylim=(0, 100), xlabel="Months")
        ax.tick_params(labelsize=7)
        grid(ax)
    for ax in axes[len(gaps) :]:
        ax.set_visible(False)
    for ax in axes[::4]:
        ax.set_ylabel("Overall survival (%)")
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=11, color=INK)
    handles = [
        Line2D([], [], color=INK, linewidth=1.2, label="Digitised"),
        Line2D([], [], color=PALETTE[0], label="Drawn, without its own trial's shape"),
        Line2D([], [], color=PALETTE[1], linestyle=":", label="Plain interpolation"),
        Line2D([], [], color=FAINT, linewidth=6, label=f"Fewer than {fewest} at risk"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure


@styled
def verification_figure(table: pd.DataFrame, title: str = "Published and reproduced") -> Figure:
    """Draw `diagonal` for each kind of figure that `table` holds, two panels a row."""
    kinds = [k for k in KINDS if (table["kind"] == k).any()]
    if not kinds:
        raise ValueError(f"no row of kind {', '.join(KINDS)}; nothing to compare")
    lines = (len(kinds) + 1) // 2
    figure = new_figure(8.0, 0.9 + 3.9 * lines)
    axes = figure.subplots(lines, 2, squeeze=False).ravel()
    for kind, ax in zip(kinds, axes, strict=False):
        diagonal(table, ax, kind)
    for ax in axes[len(kinds) :]:
        ax.set_visible(False)
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=11, color=INK)
    dot = partial(Line2D, [], [], linestyle="", marker="o", markersize=5)
    handles = [
        dot(color=PALETTE[0], label="Built on it"),
        dot(markerfacecolor="white", markeredgecolor=PALETTE[0], label="Not built on it"),
        dot(color=WORSE, label="Built on it and missed"),
        Line2D([], [], color=FAINT, linewidth=3, label="Published interval"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure


@styled
def replicates_figure(table: pd.DataFrame, title: str) -> Figure:
    """Draw published hazard ratios over those of a trial drawn again and again, one line a ratio.

    Parameters
    ----------
    table : DataFrame
        `comparison`, `endpoint`, `months`, `published`, `low`, `high`, `drawn_median`, `drawn_low`,
        `drawn_high` (the central 95 % of the drawn ones), `inside`.
    title : str
    """
    figure = new_figure(8.0, 1.5 + 0.55 * len(table))
    ax = figure.subplots()
    rows = np.arange(len(table))[::-1]
    ax.hlines(rows, table["drawn_low"], table["drawn_high"], color=PALETTE[4], linewidth=9, zorder=1)
    ax.scatter(table["drawn_median"], rows, marker="|", s=110, color="white", linewidths=2, zorder=2)
    ax.hlines(rows, table["low"], table["high"], color=INK, linewidth=1.2, zorder=3)
    colours = np.where(table["inside"], INK, WORSE)
    ax.scatter(table["published"], rows, s=34, color=colours, zorder=4)
    ax.axvline(1.0, color=SOFT, linewidth=1, zorder=0)
    ax.set(xscale="log", xlabel="Hazard ratio", ylim=(-0.7, len(table) - 0.3))
    reach = table[["low", "high", "drawn_low", "drawn_high"]].to_numpy(dtype=float)
    ticks = _ticks(float(np.nanmin(reach)), max(float(np.nanmax(reach)), 1.0))
    ax.xaxis.set_major_locator(FixedLocator(ticks))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    names = [
        f"{r['endpoint'].upper()} at {r['months']:.0f} months\n"
        + " v ".join(readable(arm) for arm in r["comparison"].split(" v "))
        for r in table.to_dict("records")
    ]
    ax.set_yticks(rows, names, fontsize=8)
    grid(ax)
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=11, color=INK)
    handles = [
        Line2D([], [], color=PALETTE[4], linewidth=7, label="Central 95 % of the drawn, and their median"),
        Line2D([], [], color=INK, marker="o", markersize=5, label="Published, 95 % interval"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure
