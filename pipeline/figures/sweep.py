"""What a sweep found: its objective against each key that varied, a point a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pipeline.figures.style import PALETTE, SOFT, grid, new_figure, styled, wrapped
from pipeline.models.labels import model_label

MOST_TICKS: Final = 8
WIDE_RANGE: Final = 30.0  # from the least to the greatest value; beyond it the axis is logarithmic


@styled
def sweep_figure(runs: pd.DataFrame, keys: Sequence[str], label: str) -> Figure:
    """Draw the objective of every run against each key in `keys`, a panel a key; lines join the means.

    Parameters
    ----------
    runs : DataFrame
        `model`, `objective` and a column a key. Runs without an objective are left out.
    keys : sequence of str
        Dotted names. Numbers stand where they are, other values side by side in the order they came.
    label : str
        Of the objective.
    """
    runs = runs.dropna(subset=["objective"])
    models = list(dict.fromkeys(runs["model"]))
    columns = min(2, len(keys))
    lines = -(-len(keys) // columns)
    figure = new_figure(4.6 * columns + 0.6, 3.3 * lines + 0.5)
    axes = figure.subplots(lines, columns, squeeze=False, sharey=True)
    for ax, key in zip(axes.ravel(), keys, strict=False):
        values = runs[key]
        levels = list(dict.fromkeys(values))
        numeric = pd.api.types.is_numeric_dtype(values) and len(levels) > 1
        wide = numeric and min(levels) > 0 and max(levels) / min(levels) > WIDE_RANGE
        place = values.astype(float) if numeric else values.map({v: k for k, v in enumerate(levels)})
        for number, model in enumerate(models):
            rows, colour = runs["model"] == model, PALETTE[number % len(PALETTE)]
            ax.plot(place[rows], runs.loc[rows, "objective"], "o", color=colour, markersize=4, alpha=0.55,
                    label=model_label(model))  # fmt: skip
        means = runs.groupby(place)["objective"].mean()
        if len(means) <= len(runs) / 2:
            ax.plot(
                means.index, means.to_numpy(), "_-", color=SOFT, markersize=14, linewidth=1.0, label="mean"
            )
        if wide:
            ax.set_xscale("log")
        ax.margins(x=0.08)
        if not numeric:
            ax.set_xticks(range(len(levels)), [wrapped(str(v), 18) for v in levels])
            ax.set_xlim(-0.5, len(levels) - 0.5)
        elif len(levels) <= MOST_TICKS:
            ax.set_xticks(np.sort(np.array(levels, dtype=float)), [f"{v:g}" for v in sorted(levels)])
            ax.minorticks_off()
        ax.set_xlabel(wrapped(key.removeprefix("analysis."), 40))
        if ax.get_subplotspec().is_first_col():
            ax.set_ylabel(wrapped(label, 34))
        grid(ax, "y")
    for ax in axes.ravel()[len(keys) :]:
        ax.remove()
    handles, names = axes.ravel()[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper right", ncols=min(len(names), 5))
    return figure
