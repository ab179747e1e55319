"""Whether predicted probabilities come true: curves, groups and where the predictions lie."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.figures.style import SOFT, grid, model_colours, new_figure, records, styled
from pipeline.models.labels import model_label

FEWEST_BINS: Final = 5


@styled
def calibration(table: pd.DataFrame, ax: Axes, model: str, horizon_months: float) -> Axes:
    """Draw observed against predicted survival of one model: smoothed curve, and groups with intervals.

    A model that gives fewer than FEWEST_BINS different answers has no smooth curve: a spline would
    swing freely between them.

    Parameters
    ----------
    table : DataFrame
        `model`, `horizon_months`, `kind` ("curve" or "bin"), `predicted`, `observed`, `low`, `high`,
        `patients` (of a bin). Probabilities of being event-free at the
        horizon; ``pipeline.run.event_free`` turns a table of risks into one.
    """
    rows = table[(table["model"] == model) & np.isclose(table["horizon_months"], horizon_months)]
    colour = model_colours([model])[model]
    ax.plot([0, 1], [0, 1], color=SOFT, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    curve = rows[rows["kind"] == "curve"].sort_values("predicted")
    if (rows["kind"] == "bin").sum() >= FEWEST_BINS:
        if curve["low"].notna().any():
            band = (curve["predicted"], curve["low"], curve["high"])
            ax.fill_between(*band, color=colour, alpha=0.15, linewidth=0)
        ax.plot(curve["predicted"], curve["observed"], color=colour, zorder=3)
    for row in records(rows[rows["kind"] == "bin"]):
        ax.plot([row["predicted"]] * 2, [row["low"], row["high"]], color=colour, linewidth=1.2, zorder=3)
        ax.plot(row["predicted"], row["observed"], "o", color=colour, markersize=5, markerfacecolor="white",
                markeredgewidth=1.4, zorder=4)  # fmt: skip
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    ticks = [0, 0.25, 0.5, 0.75, 1]
    ax.set_xticks(ticks, [f"{t:.0%}" for t in ticks])
    ax.set_yticks(ticks, [f"{t:.0%}" for t in ticks])
    ax.set_xlabel(f"Predicted event-free at {horizon_months:g} months")
    ax.set_ylabel("Observed event-free")
    ax.set_title(model_label(model))
    grid(ax)
    return ax


@styled
def prediction_histogram(predicted: Any, ax: Axes, colour: str = SOFT) -> Axes:
    """Draw how many patients received each predicted probability."""
    ax.hist(np.asarray(predicted, dtype=float), bins=list(np.linspace(0, 1, 41)), color=colour, alpha=0.75)
    ax.set_xlim(0, 1)
    ax.set_ylabel("Patients", color=SOFT, fontsize=9)
    ax.locator_params(axis="y", nbins=3, integer=True)
    return ax


@styled
def calibration_figure(
    table: pd.DataFrame, horizon_months: float, predictions: pd.DataFrame | None = None
) -> Figure:
    """Draw `calibration` for each model side by side, histograms of the predictions below.

    Parameters
    ----------
    predictions : DataFrame, optional
        `model`, `horizon_months`, `predicted` (event-free probability): one row a patient. Without it
        the sizes of the bins are drawn.
    """
    rows = table[np.isclose(table["horizon_months"], horizon_months)]
    models = list(dict.fromkeys(rows["model"]))
    if not models:
        known = ", ".join(f"{m:g}" for m in sorted(table["horizon_months"].unique())) or "none"
        raise ValueError(f"no calibration at {horizon_months:g} months; horizons of the table: {known}")
    columns = min(len(models), 2)
    lines = -(-len(models) // columns)
    figure = new_figure(8.0 if columns == 2 else 5.0, 4.6 * lines)
    axes = figure.subplots(2 * lines, columns, squeeze=False, height_ratios=[1, 0.24] * lines)
    colours = model_colours(models)
    for i, model in enumerate(models):
        top, below = axes[2 * (i // columns), i % columns], axes[2 * (i // columns) + 1, i % columns]
        calibration(rows, top, model, horizon_months)
        top.set_xlabel("")
        top.tick_params(labelbottom=False)
        if i % columns:
            top.set_ylabel("")
        if predictions is not None:
            mine = predictions[predictions["model"] == model]
            mine = mine[np.isclose(mine["horizon_months"], horizon_months)]
            prediction_histogram(mine["predicted"], below, colours[model])
        else:
            bins = rows[(rows["model"] == model) & (rows["kind"] == "bin")]
            below.bar(bins["predicted"], bins["patients"], width=0.015, color=colours[model], alpha=0.75)
            below.set_xlim(0, 1)
            below.set_ylabel("Patients", color=SOFT, fontsize=9)
        below.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0%", "25%", "50%", "75%", "100%"])
        below.set_xlabel(f"Predicted event-free at {horizon_months:g} months")
    for i in range(len(models), lines * columns):
        axes[2 * (i // columns), i % columns].remove()
        axes[2 * (i // columns) + 1, i % columns].remove()
    return figure
