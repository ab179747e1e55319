"""Decision curves: what acting on each model is worth, beside acting on everybody and on nobody."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.figures.style import INK, SOFT, grid, model_colours, new_figure, styled
from pipeline.models.labels import model_label

ORACLE: Final = "oracle"
EVERYBODY: Final = "everybody"
BANDS: Final = 3  # models whose interval is drawn; more would hide one another


@styled
def net_benefit(table: pd.DataFrame, ax: Axes, horizon_months: float) -> Axes:
    """Draw the net benefit per 100 patients of every strategy over the threshold.

    Parameters
    ----------
    table : DataFrame
        Decisions table of one set of patients: `model`, `horizon_months`, `threshold`, `value`.
    """
    rows = table[np.isclose(table["horizon_months"], horizon_months)]
    models = [m for m in dict.fromkeys(rows["model"]) if m != EVERYBODY]
    colours = model_colours(models)
    everybody = rows[rows["model"] == EVERYBODY]
    ax.plot(100 * everybody["threshold"], 100 * everybody["value"], color=SOFT, linewidth=1.3,
            linestyle=(0, (4, 2)), label="Act on everybody")  # fmt: skip
    ax.axhline(0, color=SOFT, linewidth=1.3, linestyle=(0, (1, 2)), label="Act on nobody")
    for model in models:
        line = rows[rows["model"] == model]
        ax.plot(100 * line["threshold"], 100 * line["value"], "--" if model == ORACLE else "-",
                color=colours[model], linewidth=1.5, label=model_label(model))  # fmt: skip
    top = float(rows["value"].max())
    ax.set_ylim(-12 * top, 108 * top)  # what is far below zero is not worth looking at
    ax.set_xlabel(f"Threshold: risk by {horizon_months:g} months (%)")
    ax.set_ylabel("Net benefit per 100 patients")
    grid(ax)
    return ax


@styled
def gain_over_default(table: pd.DataFrame, ax: Axes, horizon_months: float) -> Axes:
    """Draw what each model adds to the better of acting on everybody and on nobody, with intervals.

    Parameters
    ----------
    table : DataFrame
        Decisions table of one set of patients: `model`, `horizon_months`, `threshold`, `gain`, `gain_low`,
        `gain_high`.
    """
    rows = table[np.isclose(table["horizon_months"], horizon_months)]
    models = [m for m in dict.fromkeys(rows["model"]) if m not in (EVERYBODY, ORACLE)]
    colours = model_colours([*models, ORACLE])
    ax.axhline(0, color=INK, linewidth=0.9)
    for place, model in enumerate(models):
        line = rows[rows["model"] == model]
        x = 100 * line["threshold"]
        ax.plot(x, 100 * line["gain"], color=colours[model], linewidth=1.5)
        if place < BANDS:
            ax.fill_between(x, 100 * line["gain_low"], 100 * line["gain_high"], color=colours[model],
                            alpha=0.16, linewidth=0)  # fmt: skip
    ax.set_xlabel(f"Threshold: risk by {horizon_months:g} months (%)")
    ax.set_ylabel("Gained per 100 patients")
    grid(ax)
    return ax


@styled
def decision_figure(table: pd.DataFrame, horizon_months: float) -> Figure:
    """Draw `net_benefit` beside `gain_over_default` at one horizon.

    Parameters
    ----------
    table : DataFrame
        From `pipeline.evaluate.decision_table`, of one set of patients.
    """
    if not len(table) or not np.isclose(table["horizon_months"], horizon_months).any():
        raise ValueError(f"there are no decisions at {horizon_months:g} months")
    figure = new_figure(8.0, 4.6)
    left, right = figure.subplots(1, 2)
    net_benefit(table, left, horizon_months).set_title("Net benefit")
    gain_over_default(table, right, horizon_months).set_title("Beyond everybody or nobody")
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure
