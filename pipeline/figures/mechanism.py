"""Deficits told apart: which is taken for which, and whether stated probabilities hold."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from pipeline.figures.style import AMOUNT, INK, PALETTE, SOFT, grid, new_figure, styled, wrapped


@styled
def confusion_figure(confusion: pd.DataFrame, labels: Mapping[str, str]) -> Figure:
    """Draw the share of each true cause that got each answer.

    Parameters
    ----------
    confusion : DataFrame
        True causes as rows, answers as columns, rows summing to 1.
    labels : mapping
        Names of causes and answers.
    """
    figure = new_figure(8.6, 5.6)
    ax = figure.add_subplot()
    values = confusion.to_numpy(dtype=float)
    ax.imshow(values, cmap=AMOUNT, vmin=0, vmax=1, aspect="auto")
    for i, j in np.ndindex(values.shape):
        ax.text(j, i, f"{values[i, j]:.0%}", ha="center", va="center", fontsize=8.5,
                color="white" if values[i, j] > 0.55 else INK)  # fmt: skip
    ax.set_xticks(
        range(values.shape[1]), [wrapped(labels.get(c, c), 13) for c in confusion.columns], fontsize=7.8
    )
    ax.set_yticks(range(values.shape[0]), [wrapped(labels.get(c, c), 22) for c in confusion.index])
    ax.set_xlabel("Answer")
    ax.set_ylabel("True cause of failure")
    return figure


@styled
def reliability_figure(reliability: pd.DataFrame) -> Figure:
    """Draw how often the likeliest deficit was right against the probability it was given.

    Parameters
    ----------
    reliability : DataFrame
        `predicted`, `right`, `patients`, a row a group.
    """
    figure = new_figure(5.4, 4.6)
    ax = figure.add_subplot()
    error = 1.96 * np.sqrt(reliability["right"] * (1 - reliability["right"]) / reliability["patients"])
    ax.plot([0, 1], [0, 1], color=SOFT, linewidth=0.9, linestyle=":")
    ax.errorbar(
        reliability["predicted"], reliability["right"], yerr=error, color=PALETTE[0], marker="o", capsize=2
    )
    top = min(1.0, float(max(reliability["predicted"].max(), (reliability["right"] + error).max())) * 1.1)
    ax.set_xlim(0, top)
    ax.set_ylim(0, top)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0))
    ax.set_xlabel("Probability given to the likeliest deficit")
    ax.set_ylabel("Share in which it was the true one")
    grid(ax)
    return figure
