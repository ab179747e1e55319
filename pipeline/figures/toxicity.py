"""Adverse events: how often they come, and what having had one says of survival by each method."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from pipeline.figures.style import INK, PALETTE, SOFT, grid, new_figure, readable, styled, wrapped


@styled
def incidence_figure(incidence: pd.DataFrame, label: str) -> Figure:
    """Draw the share of patients with an adverse event over time, by arm, with 95 % intervals.

    Parameters
    ----------
    incidence : DataFrame
        `arm`, `months`, `incidence`, `low`, `high`, `patients`.
    label : str
        Of the event.
    """
    figure = new_figure(7.0, 4.2)
    ax = figure.add_subplot()
    for colour, (arm, part) in zip(PALETTE, incidence.groupby("arm", sort=False), strict=False):
        months = np.concatenate([[0.0], part["months"]])
        name = f"{readable(arm)} ({int(part['patients'].iloc[0]):,} patients)"
        ax.step(months, np.concatenate([[0.0], part["incidence"]]), where="post", color=colour, label=name)
        ax.fill_between(
            months, np.concatenate([[0.0], part["low"].fillna(0.0)]),
            np.concatenate([[0.0], part["high"].fillna(0.0)]), step="post", color=colour, alpha=0.15,
            linewidth=0,
        )  # fmt: skip
    ax.set_ylim(0, min(1.0, 1.25 * float(incidence["high"].max())))
    ax.set_xlim(0, float(incidence["months"].quantile(0.995)))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.set_xlabel("Months from the start of treatment")
    ax.set_ylabel(f"Patients with {label}")
    ax.legend(loc="upper left")
    grid(ax, "y")
    return figure


@styled
def contrasts_figure(contrasts: pd.DataFrame, labels: Mapping[str, str], endpoint: str) -> Figure:
    """Draw the hazard ratio of having had an adverse event by each method, on a log axis.

    Parameters
    ----------
    contrasts : DataFrame
        `method`, `hazard_ratio`, `hazard_ratio_low`, `hazard_ratio_high`.
    labels : mapping
        What each method does.
    endpoint : str
        Label of the endpoint.
    """
    figure = new_figure(8.0, 0.8 + 0.75 * len(contrasts))
    ax = figure.add_subplot()
    for place, row in enumerate(contrasts.to_dict("records")):
        colour = PALETTE[1] if row["method"] == "ever_v_never" else PALETTE[0]
        ratio, low, high = row["hazard_ratio"], row["hazard_ratio_low"], row["hazard_ratio_high"]
        ax.plot([low, high], [place, place], color=colour)
        ax.plot(ratio, place, "s", color=colour, markersize=7)
        ax.annotate(
            f"{ratio:.2f} ({low:.2f} to {high:.2f})", (high, place), xytext=(6, 0),
            textcoords="offset points", va="center", fontsize=9, color=INK,
        )  # fmt: skip
    ax.axvline(1.0, color=SOFT, linewidth=0.9)
    ax.set_xscale("log")
    ends = np.array([contrasts["hazard_ratio_low"].min() * 0.9, contrasts["hazard_ratio_high"].max() * 1.7])
    ax.set_xlim(*ends)
    ticks = [t for t in (0.25, 0.33, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 4.0) if ends[0] <= t <= ends[1]]
    ax.set_xticks(ticks, [f"{t:g}" for t in ticks])
    ax.minorticks_off()
    ax.set_yticks(range(len(contrasts)), [wrapped(labels[m], 46) for m in contrasts["method"]])
    ax.invert_yaxis()
    ax.set_xlabel(f"Hazard ratio, {endpoint.lower()}: adverse event v none")
    grid(ax, "x")
    return figure
