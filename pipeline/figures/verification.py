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

from pipeline.figures.style import FAINT, INK, PALETTE, SOFT, WORSE, grid, new_figure, styled
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
