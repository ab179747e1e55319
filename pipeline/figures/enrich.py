"""Enrichment: gain and power by threshold, published trials, and groups against what is assumed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator, PercentFormatter

from pipeline.figures.style import INK, PALETTE, SOFT, grid, new_figure, styled, wrapped

WARNING: Final = "Hypothetical: no trial has shown these effects"
LINES: Final = {"ratio_per_sd": "Hazard ratio per SD of the true state"}
RATIO_TICKS: Final = (0.25, 0.5, 0.75, 1, 1.5, 2)


@styled
def threshold_figure(
    table: pd.DataFrame,
    column: str,
    heading: str,
    arms: Mapping[str, str],
    lines: str,
    drawn: pd.DataFrame | None = None,
) -> Figure:
    """Draw a quantity against the threshold of enrolment, a panel an arm, a line an assumption or signature.

    Parameters
    ----------
    table : DataFrame
        `arm`, `percentile`, the columns named `column` and `lines`; with `low` and `high` where it has an
        interval.
    column, heading : str
        What is drawn, and its label. "power" is drawn as a share, with a line at 80 %.
    arms : mapping of str to str
    lines : str
    drawn : DataFrame, optional
        The same from drawn trials: `arm`, `percentile`, `value`, `low`, `high`.
    """
    figure = new_figure(4.9 * len(arms) + 0.3, 4.9)
    axes = figure.subplots(1, len(arms), sharey=True, squeeze=False)[0]
    names = list(dict.fromkeys(table[lines]))
    for ax, (arm, label) in zip(axes, arms.items(), strict=True):
        for number, name in enumerate(names):
            part = table[(table["arm"] == arm) & (table[lines] == name)]
            colour = PALETTE[number % len(PALETTE)]
            said = f"{name:g}" if isinstance(name, float) else str(name)
            ax.plot(part["percentile"], part[column], color=colour, label=said)
            if column == "value":
                ax.fill_between(part["percentile"], part["low"], part["high"], color=colour, alpha=0.15,
                                linewidth=0)  # fmt: skip
        if drawn is not None:
            _drawn_trials(ax, drawn[drawn["arm"] == arm])
        ax.axhline(0.8 if column == "power" else 0, color=SOFT, linewidth=0.9, linestyle=":")
        ax.set_title(wrapped(label, 40))
        ax.set_xlabel("Enrolled from this percentile of the signature on")
        grid(ax, "y")
    if column == "power":
        axes[0].set_ylim(0, 1.02)
        axes[0].yaxis.set_major_formatter(PercentFormatter(1.0))
    axes[0].set_ylabel(heading)
    handles, said = axes[0].get_legend_handles_labels()
    figure.legend(handles, said, loc="outside lower center", ncols=min(len(said), 3), title=LINES.get(lines))
    figure.suptitle(WARNING, fontsize=10, color=PALETTE[1], x=0.01, ha="left")
    return figure


def _drawn_trials(ax: Axes, part: pd.DataFrame) -> None:
    error = [part["value"] - part["low"], part["high"] - part["value"]]
    ratio = float(part["ratio_per_sd"].iloc[0])
    ax.errorbar(part["percentile"], part["value"], yerr=error, fmt="o", color=INK, markersize=4, capsize=3,
                label=f"drawn trials ({ratio:g})")  # fmt: skip


@styled
def trials_figure(evidence: pd.DataFrame) -> Figure:
    """Draw the published hazard ratio of every trial that compared the agents with none.

    Parameters
    ----------
    evidence : DataFrame
        `trial`, `agents`, `endpoint`, `hazard_ratio`, `low`, `high`, `reading`.
    """
    rows = evidence.dropna(subset="hazard_ratio").iloc[::-1]
    figure = new_figure(7.5, 1.6 + 0.42 * max(len(rows), 1))
    ax = figure.add_subplot()
    at = np.arange(len(rows))
    error = [rows["hazard_ratio"] - rows["low"], rows["high"] - rows["hazard_ratio"]]
    ax.errorbar(rows["hazard_ratio"], at, xerr=error, fmt="o", color=INK, capsize=3)
    names = [f"{r.trial}, {r.endpoint} ({r.agents})" for r in rows.itertuples()]
    ax.set_yticks(at, names)
    ax.set_ylim(-0.6, len(rows) - 0.4)
    _ratio_axis(ax, "Published hazard ratio with the agent against without, 95 % interval")
    return figure


@styled
def groups_figure(groups: pd.DataFrame) -> Figure:
    """Draw published hazard ratios of groups, and those under each assumed concentration.

    Parameters
    ----------
    groups : DataFrame
        `ratio_per_sd`, `group`, `published`, `low`, `high`, `assumed`, `p`.
    """
    names = list(dict.fromkeys(groups["group"]))
    figure = new_figure(8.0, 2.4 + 0.5 * len(names))
    ax = figure.add_subplot()
    at = np.arange(len(names))[::-1]
    published = groups.drop_duplicates("group").set_index("group").loc[names]
    error = [published["published"] - published["low"], published["high"] - published["published"]]
    ax.errorbar(published["published"], at, xerr=error, fmt="o", color=INK, capsize=3, label="published")
    for number, (ratio, part) in enumerate(groups.groupby("ratio_per_sd", sort=False)):
        values = part.set_index("group")["assumed"].loc[names]
        ax.scatter(values, at - 0.12 * (number + 1), marker="D", s=26, color=PALETTE[number % len(PALETTE)],
                   label=f"hypothetical, {ratio:g} per SD (p {part['p'].iloc[0]:.2f})", zorder=3)  # fmt: skip
    ax.set_yticks(at, names)
    ax.set_ylim(-0.8, len(names) - 0.5)
    _ratio_axis(ax, "Hazard ratio in the group")
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    figure.suptitle(WARNING, fontsize=10, color=PALETTE[1], x=0.01, ha="left")
    return figure


def _ratio_axis(ax: Axes, label: str) -> None:
    ax.axvline(1, color=SOFT, linewidth=0.9)
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(FixedLocator(RATIO_TICKS))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    ax.set_xlabel(label)
    grid(ax, "x")
