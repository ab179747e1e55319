"""Scores of several runs side by side, model by model, with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pipeline.figures.performance import DIRECTIONS, TARGETS
from pipeline.figures.style import PALETTE, SOFT, grid, new_figure, records, styled, wrapped
from pipeline.metrics import METRICS
from pipeline.models.labels import model_label

MARKERS: Final = "osD^vP*X"


@styled
def comparison_figure(scores: pd.DataFrame, metrics: Sequence[str], title: str) -> Figure:
    """Draw each metric in a panel: a line a model, and on it a point and interval a run.

    Parameters
    ----------
    scores : DataFrame
        `run`, `model`, `metric`, `horizon_months` (NaN when none; one horizon a metric), `value`, `low`,
        `high`. At most eight runs.
    metrics : sequence of str
        Keys of ``pipeline.metrics.METRICS``.
    title : str
    """
    runs, models = list(dict.fromkeys(scores["run"])), list(dict.fromkeys(scores["model"]))
    shifts = np.linspace(-0.28, 0.28, len(runs)) if len(runs) > 1 else np.zeros(1)
    columns = min(2, len(metrics))
    lines = -(-len(metrics) // columns)
    height = 1.4 + lines * (0.9 + len(models) * max(0.34, 0.15 * len(runs))) + 0.22 * len(runs)
    figure = new_figure(9.0, height)
    axes = figure.subplots(lines, columns, squeeze=False, sharey=True)
    for ax, metric in zip(axes.ravel(), metrics, strict=False):
        rows = scores[scores["metric"] == metric]
        for row in records(rows):
            k = runs.index(row["run"])
            y, colour = models.index(row["model"]) + shifts[k], PALETTE[k % len(PALETTE)]
            ax.plot([row["low"], row["high"]], [y, y], color=colour, linewidth=1.6)
            ax.plot(row["value"], y, MARKERS[k % len(MARKERS)], color=colour, markersize=5.5)
        about = METRICS[metric]
        reference = TARGETS.get(about.better, about.chance)
        if reference is not None:
            ax.axvline(reference, color=SOFT, linewidth=1, linestyle=(0, (1, 2)), zorder=0)
        for edge in np.arange(0.5, len(models) - 1):
            ax.axhline(edge, color=SOFT, linewidth=0.3, zorder=0)
        months = rows["horizon_months"].dropna().unique()
        at = f" at {months[0]:g} months" if len(months) else ""
        ax.set_title(f"{about.label}{at}", fontsize=10)
        ax.set_xlabel(DIRECTIONS[about.better], color=SOFT, fontsize=9)
        ax.set_ylim(len(models) - 0.5, -0.5)
        ax.set_yticks(range(len(models)), [wrapped(model_label(m), 24) for m in models])
        ax.tick_params(labelleft=ax.get_subplotspec().is_first_col())
        ax.locator_params(axis="x", nbins=5)
        grid(ax, "x")
    for ax in axes.ravel()[len(metrics) :]:
        ax.remove()
    handles = [
        Line2D([], [], color=PALETTE[k % len(PALETTE)], marker=MARKERS[k % len(MARKERS)], label=run)
        for k, run in enumerate(runs)
    ]
    figure.legend(handles=handles, loc="outside lower left", ncols=1)
    figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    return figure
