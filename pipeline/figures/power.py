"""How likely a study is to find it, by size."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from pipeline.figures.style import PALETTE, SOFT, grid, new_figure, readable, styled

APART = 0.012  # of the width: how far the bars of neighbouring curves stand apart


@styled
def power_figure(power: pd.DataFrame) -> Figure:
    """Draw the share of replicates that found it against the number of patients, with Monte-Carlo intervals.

    A curve a question; where scenarios are compared, a panel a question and a curve a scenario.

    Parameters
    ----------
    power : DataFrame
        `question`, `patients`, `value`, `low`, `high`; `scenario` where they are compared.
    """
    sizes = sorted(power["patients"].unique())
    if "scenario" not in power:
        figure = new_figure(7.0, 4.4)
        ax = figure.add_subplot()
        _curves(ax, power, "question", list(power["question"].unique()), sizes)
        ax.legend(loc="best")
        return figure
    questions = list(power["question"].unique())
    scenarios = list(power["scenario"].unique())
    across = min(len(questions), 2)
    down = -(-len(questions) // across)
    figure = new_figure(7.6 if across > 1 else 7.0, 0.8 + 3.1 * down)
    axes = figure.subplots(down, across, squeeze=False).ravel()
    for ax, question in zip(axes, questions, strict=False):
        _curves(ax, power[power["question"] == question], "scenario", scenarios, sizes)
        ax.set_title(readable(question), loc="left")
    for ax in axes[len(questions) :]:
        ax.remove()
    handles: dict[str, Artist] = {}
    for ax in axes[: len(questions)]:
        handles |= {label: handle for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=min(len(handles), 3))
    return figure


def _curves(ax: Axes, power: pd.DataFrame, by: str, names: list[str], sizes: list[int]) -> None:
    span = max(sizes) - min(sizes) or max(sizes)
    shown = [name for name in names if name in set(power[by])]
    for place, name in enumerate(shown):
        part = power[power[by] == name]
        beside = (place - (len(shown) - 1) / 2) * APART * span if by == "scenario" else 0.0
        error = np.maximum([part["value"] - part["low"], part["high"] - part["value"]], 0)
        colour = PALETTE[names.index(name) % len(PALETTE)]
        ax.errorbar(part["patients"] + beside, part["value"], yerr=error, color=colour, marker="o", capsize=3,
                    label=readable(name))  # fmt: skip
    ax.axhline(0.8, color=SOFT, linewidth=0.9, linestyle=":")
    ax.set_ylim(0, 1.02)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.set_xticks(sizes, [f"{n:,}" for n in sizes])
    ax.set_xlabel("Patients in the study")
    ax.set_ylabel("Chance of finding it")
    grid(ax, "y")
