"""How likely a study is to find it, by size."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from pipeline.figures.style import PALETTE, SOFT, grid, new_figure, readable, styled


@styled
def power_figure(power: pd.DataFrame) -> Figure:
    """Draw the share of replicates that found it against the number of patients, with Monte-Carlo intervals.

    Parameters
    ----------
    power : DataFrame
        `question`, `patients`, `value`, `low`, `high`.
    """
    figure = new_figure(7.0, 4.4)
    ax = figure.add_subplot()
    for number, (name, part) in enumerate(power.groupby("question", sort=False)):
        colour = PALETTE[number % len(PALETTE)]
        error = [part["value"] - part["low"], part["high"] - part["value"]]
        ax.errorbar(part["patients"], part["value"], yerr=error, color=colour, marker="o", capsize=3,
                    label=readable(name))  # fmt: skip
    ax.axhline(0.8, color=SOFT, linewidth=0.9, linestyle=":")
    ax.set_ylim(0, 1.02)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    sizes = sorted(power["patients"].unique())
    ax.set_xticks(sizes, [f"{n:,}" for n in sizes])
    ax.set_xlabel("Patients in the study")
    ax.set_ylabel("Chance of finding it")
    ax.legend(loc="best")
    grid(ax, "y")
    return figure
