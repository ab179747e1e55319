"""Real beside simulated patients: margins, correlations, coefficients, changes, what tells them apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.figures.style import FAINT, INK, PALETTE, SOFT, grid, new_figure, readable, styled, wrapped
from pipeline.schema import Column

REAL, SIMULATED = INK, PALETTE[0]
ACROSS: Final = 4  # panels a row
MOST_NAMED: Final = 6  # pairs and coefficients written beside their dots


@styled
def margins_figure(
    real: pd.DataFrame, simulated: pd.DataFrame, columns: Sequence[Column], margins: pd.DataFrame, title: str
) -> Figure:
    """Draw the distribution function of each number, and the shares of all facts and levels.

    Parameters
    ----------
    real, simulated : DataFrame
    columns : sequence of Column
        Of both.
    margins : DataFrame
        As of `pipeline.realism.margin_table`.
    title : str
    """
    numbers = [c for c in columns if c.kind == "number"]
    shares = margins[margins["kind"] == "share"]
    panels = len(numbers) + (2 if len(shares) else 0)
    lines = -(-panels // ACROSS)
    figure = new_figure(10.0, 0.8 + 2.5 * lines)
    cells = figure.add_gridspec(lines, ACROSS)
    for place, column in enumerate(numbers):
        ax = figure.add_subplot(cells[place // ACROSS, place % ACROSS])
        distance = margins.loc[margins["feature"] == column.name, "ks"]
        _distribution(real[column.name], simulated[column.name], column, ax)
        if len(distance):
            ax.set_title(f"KS distance {float(distance.iloc[0]):.2f}", fontsize=9, fontweight="normal")
    if len(shares):
        first = len(numbers)
        row, start = divmod(first, ACROSS)
        if start > ACROSS - 2:
            row, start = row + 1, 0
        if row >= lines:
            cells = figure.add_gridspec(row + 1, ACROSS)
            figure.set_size_inches(10.0, 0.8 + 2.5 * (row + 1))
        _shares(shares, figure.add_subplot(cells[row, start : start + 2]))
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=11, color=INK)
    return figure


def _distribution(real: pd.Series[float], simulated: pd.Series[float], column: Column, ax: Axes) -> None:
    for values, colour, label, width in (
        (simulated, SIMULATED, "Simulated", 2.6),
        (real, REAL, "Real", 1.2),
    ):
        known = np.sort(values.dropna().to_numpy(dtype=float))
        ax.step(known, np.arange(1, len(known) + 1) / len(known), where="post", color=colour,
                linewidth=width, label=label)  # fmt: skip
    if column.positive:
        ax.set_xscale("log")
    ax.set(ylim=(0, 1), ylabel="Share at or below")
    ax.set_xlabel(wrapped(column.title, 28), fontsize=8)
    ax.tick_params(labelsize=7)
    ax.legend(fontsize=7, loc="lower right")
    grid(ax)


def _shares(shares: pd.DataFrame, ax: Axes) -> None:
    places = np.arange(len(shares))[::-1]
    ax.barh(places + 0.18, shares["real"] * 100, 0.34, color=REAL, label="Real")
    ax.barh(places - 0.18, shares["simulated"] * 100, 0.34, color=SIMULATED, label="Simulated")
    ax.set_yticks(places, [str(v) for v in shares["label"]], fontsize=7)
    ax.set(xlabel="Patients with the value (%)")
    ax.legend(fontsize=7)
    grid(ax, "x")


@styled
def agreement_figure_of(
    correlations: pd.DataFrame, coefficients: pd.DataFrame | None, summary: dict[str, float], title: str
) -> Figure:
    """Draw simulated over real rank correlations and, when given, Cox coefficients with 95 % intervals."""
    figure = new_figure(9.5 if coefficients is not None else 5.2, 4.8)
    axes = figure.subplots(1, 2 if coefficients is not None else 1, squeeze=False).ravel()
    ax = axes[0]
    names = correlations["first"] + " & " + correlations["second"]
    _diagonal(correlations["real"], correlations["simulated"], names, correlations["z"], ax)
    ax.set(
        xlabel="Rank correlation, real",
        ylabel="Rank correlation, simulated",
        title=f"{len(correlations)} pairs: {summary.get('inside', np.nan):.0%} within chance",
    )
    if coefficients is not None:
        ax = axes[1]
        for end in (-1.96, 1.96):
            ax.hlines(coefficients["simulated"], coefficients["real"], coefficients["real"]
                      + end * coefficients["real_error"], color=FAINT, linewidth=1.5, zorder=1)  # fmt: skip
        names = coefficients["arm"].map(readable) + ": " + coefficients["feature"]
        _diagonal(coefficients["real"], coefficients["simulated"], names, coefficients["z"], ax)
        within = float((coefficients["z"].abs() < 1.96).mean())
        ax.set(
            xlabel="Log hazard ratio, real (95 % interval)",
            ylabel="Log hazard ratio, simulated",
            title=f"{len(coefficients)} Cox coefficients: {within:.0%} within chance",
        )
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=11, color=INK)
    return figure


def _diagonal(
    real: pd.Series[float], simulated: pd.Series[float], names: pd.Series[str], z: pd.Series[float], ax: Axes
) -> None:
    far = z.abs() >= 1.96
    ax.scatter(real[~far], simulated[~far], s=20, color=SIMULATED, zorder=3)
    ax.scatter(real[far], simulated[far], s=26, color=PALETTE[1], zorder=3)
    both = pd.concat([real, simulated])
    reach = 1.15 * float(both.abs().max())
    ax.plot([-reach, reach], [-reach, reach], color=SOFT, linewidth=1, zorder=2)
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach))
    for place in z.abs()[far].sort_values(ascending=False).index[:MOST_NAMED]:
        ax.annotate(wrapped(str(names[place]).replace("_", " "), 26), (real[place], simulated[place]),
                    xytext=(4, 3), textcoords="offset points", fontsize=6, color=INK)  # fmt: skip
    grid(ax)


@styled
def detection_figure(scores: pd.DataFrame, importance: pd.DataFrame, limit: float, title: str) -> Figure:
    """Draw the AUC by which real and simulated patients are told apart, and what the trees go by.

    Parameters
    ----------
    scores, importance : DataFrame
        Of `pipeline.realism.Detection`.
    limit : float
        An AUC not to exceed, drawn as a line.
    title : str
    """
    figure = new_figure(9.5, 4.2)
    left, right = figure.subplots(1, 2)
    places = np.arange(len(scores))[::-1]
    labels = scores["columns"] + "\n" + scores["classifier"]
    left.hlines(places, scores["lowest"], scores["highest"], color=SIMULATED, linewidth=2)
    left.scatter(scores["auc"], places, color=SIMULATED, zorder=3, label="Real v simulated")
    left.scatter(scores["control"], places, facecolors="white", edgecolors=SOFT, zorder=3,
                 label="Simulated v simulated")  # fmt: skip
    left.axvline(0.5, color=FAINT)
    left.axvline(limit, color=PALETTE[1], linestyle=":", linewidth=1.2)
    left.set_yticks(places, list(labels), fontsize=8)
    left.set(xlim=(0.4, max(0.75, float(scores["highest"].max()) + 0.02)), xlabel="AUC, cross-validated")
    left.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=2)
    grid(left, "x")
    shown = importance.head(10)
    right.barh(np.arange(len(shown))[::-1], shown["drop"], color=SIMULATED)
    right.set_yticks(np.arange(len(shown))[::-1], [readable(c) for c in shown["column"]], fontsize=8)
    right.set(xlabel="Fall of the AUC when the column is shuffled")
    grid(right, "x")
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=11, color=INK)
    return figure


@styled
def changes_figure(table: pd.DataFrame, title: str) -> Figure:
    """Draw medians and ranges of change from baseline, real and simulated side by side; one place a week.

    Parameters
    ----------
    table : DataFrame
        As of `pipeline.realism.change_table`.
    title : str
    """
    figure = new_figure(7.0, 4.4)
    ax = figure.subplots()
    for side, colour, shift in (("real", REAL, -0.5), ("simulated", SIMULATED, 0.5)):
        at = table["week"] + shift
        for low, high, width in (("10%", "90%", 1.5), ("25%", "75%", 6.0)):
            ax.vlines(at, 100 * table[f"{side}_{low}"], 100 * table[f"{side}_{high}"], color=colour,
                      linewidth=width, alpha=0.55)  # fmt: skip
        ax.scatter(at, 100 * table[f"{side}_50%"], color=colour, zorder=3, label=side.capitalize())
    for row in table.to_dict("records"):
        ax.annotate(f"KS {row['ks']:.2f}", (row["week"], ax.get_ylim()[1]), ha="center", fontsize=8)
    ax.axhline(0, color=SOFT, linewidth=0.8)
    ax.set_xticks(table["week"])
    ax.set(xlabel="Weeks from treatment start", ylabel="Change from baseline (%)")
    ax.legend(loc="lower right")
    grid(ax, "y")
    figure.suptitle(title + "\nMedian, quartiles (thick), 10 to 90 % (thin)", x=0.01, ha="left",
                    fontsize=10, color=INK)  # fmt: skip
    return figure
