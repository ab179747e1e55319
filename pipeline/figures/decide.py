"""Decisions: what strategies are worth, when policies act, and what their tests and prices trade off."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from pipeline.figures.style import INK, PALETTE, SOFT, grid, new_figure, readable, styled, wrapped

COLUMNS = 3


@styled
def strategies_figure(differences: pd.DataFrame, reference: str, labels: Mapping[str, str]) -> Figure:
    """Draw each strategy less the reference: months event-free and treated, and who is better off.

    Parameters
    ----------
    differences : DataFrame
        `strategy`, `reference`, `quantity`, `value`, `low`, `high`.
    reference : str
    labels : mapping of str to str
    """
    rows = differences[differences["reference"] == reference]
    names = list(dict.fromkeys(rows["strategy"]))
    figure = new_figure(10.0, 1.7 + 0.42 * len(names))
    left, middle, right = figure.subplots(1, 3, sharey=True)
    at = np.arange(len(names))[::-1]
    for ax, quantity, heading in (
        (left, "rmst", "Months event-free"),
        (middle, "treated_months", "Months on treatment"),
    ):
        part = rows[rows["quantity"] == quantity].set_index("strategy").loc[names]
        error = [part["value"] - part["low"], part["high"] - part["value"]]
        ax.errorbar(part["value"], at, xerr=error, fmt="o", color=PALETTE[0], capsize=3)
        ax.axvline(0, color=SOFT, linewidth=0.9)
        ax.set_xlabel(f"{heading},\n{wrapped(f'less {labels[reference]}', 28)}")
        grid(ax, "x")
    for quantity, colour, shift in (("helped", PALETTE[0], 0.12), ("harmed", PALETTE[1], -0.12)):
        part = rows[rows["quantity"] == quantity].set_index("strategy").loc[names]
        error = [part["value"] - part["low"], part["high"] - part["value"]]
        said = "better off" if quantity == "helped" else "worse off"
        right.errorbar(part["value"], at + shift, xerr=error, fmt="o", color=colour, capsize=3, label=said)
    right.xaxis.set_major_formatter(PercentFormatter(1.0))
    right.set_xlim(left=0)
    right.set_xlabel("Patients")
    right.legend(loc="best")
    grid(right, "x")
    left.set_yticks(at, [labels[n] for n in names])
    return figure


@styled
def decisions_figure(timing: pd.DataFrame) -> Figure:
    """Draw the share of patients for whom each rule has fired, over months.

    Parameters
    ----------
    timing : DataFrame
        `rule`, `months`, `share`.
    """
    figure = new_figure(7.0, 4.2)
    ax = figure.add_subplot()
    for number, (rule, part) in enumerate(timing.groupby("rule", sort=False)):
        ax.step(part["months"], part["share"], where="post", color=PALETTE[number % len(PALETTE)],
                label=readable(str(rule)))  # fmt: skip
    ax.set_ylim(bottom=0)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))  # steps of 2.5 % are not rounded
    ax.set_xlabel("Months from the start of treatment")
    ax.set_ylabel("Patients for whom the rule has fired")
    ax.legend(loc="best")
    grid(ax, "y")
    return figure


@styled
def net_value_figure(net: pd.DataFrame, labels: Mapping[str, str], reference: str) -> Figure:
    """Draw months event-free less the price of treatment, against that price.

    Parameters
    ----------
    net : DataFrame
        `strategy`, `price`, `value`, `low`, `high`.
    labels : mapping of str to str
    reference : str
        As it is called.
    """
    figure = new_figure(7.0, 4.4)
    ax = figure.add_subplot()
    _bands(ax, net, "price", labels)
    ax.set_xlabel("Months event-free that a month without treatment is worth")
    ax.set_ylabel(f"Net months,\nless {reference}")
    return figure


@styled
def chosen_figure(net: pd.DataFrame, labels: Mapping[str, str]) -> Figure:
    """Draw the net benefit of acting on those whom each way of choosing picks, over threshold risks.

    Parameters
    ----------
    net : DataFrame
        `strategy`, `threshold`, `value`, `low`, `high`.
    labels : mapping of str to str
    """
    figure = new_figure(7.0, 4.4)
    ax = figure.add_subplot()
    _bands(ax, net, "threshold", labels)
    ax.set_ylim(bottom=max(-0.1, float(net["low"].min())))
    ax.set_xlabel("Risk of an event from which somebody would act")
    ax.set_ylabel("Net benefit per patient")
    return figure


@styled
def tradeoff_figure(varied: pd.DataFrame, reference: str) -> Figure:
    """Draw the policy's gain and its cost in treatment as one thing after the other varies.

    Parameters
    ----------
    varied : DataFrame
        `varied`, `setting`, `quantity`, `value`, `low`, `high`.
    reference : str
        As it is called.
    """
    names = list(dict.fromkeys(varied["varied"]))
    height = -(-len(names) // COLUMNS)
    figure = new_figure(10.5, 2.7 * height)
    axes = figure.subplots(height, COLUMNS, squeeze=False, sharey=True)
    for number, ax in enumerate(axes.flat):
        if number >= len(names):
            ax.remove()
            continue
        for quantity, colour, said in (
            ("rmst", PALETTE[0], "months event-free"),
            ("treated_months", PALETTE[1], "months on treatment"),
        ):
            part = varied[(varied["varied"] == names[number]) & (varied["quantity"] == quantity)]
            part = part.sort_values("setting")
            error = [part["value"] - part["low"], part["high"] - part["value"]]
            ax.errorbar(part["setting"], part["value"], yerr=error, color=colour, marker="o", markersize=4,
                        capsize=2, label=said)  # fmt: skip
        ax.axhline(0, color=SOFT, linewidth=0.9)
        ax.set_xlabel(readable(names[number]) if "hypothetical" not in names[number] else names[number])
        settings = varied.loc[varied["varied"] == names[number], "setting"].to_numpy(dtype=float)
        if (settings == np.round(settings)).all():
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        if number % COLUMNS == 0:
            ax.set_ylabel(f"Months, less\n{wrapped(reference, 26)}")
        grid(ax, "y")
    axes[0][0].legend(loc="best")
    return figure


@styled
def weighted_figure(differences: pd.DataFrame, labels: Mapping[str, str]) -> Figure:
    """Draw what each rule gains over one arm for all, in months, with intervals.

    Parameters
    ----------
    differences : DataFrame
        `strategy`, `reference`, `value`, `low`, `high`.
    labels : mapping of str to str
    """
    figure = new_figure(7.5, 1.4 + 0.4 * len(differences))
    ax = figure.add_subplot()
    at = np.arange(len(differences))[::-1]
    error = [differences["value"] - differences["low"], differences["high"] - differences["value"]]
    ax.errorbar(differences["value"], at, xerr=error, fmt="o", color=INK, capsize=3)
    ax.axvline(0, color=SOFT, linewidth=0.9)
    names = [
        f"{labels[s]}, less {r}"
        for s, r in zip(differences["strategy"], differences["reference"], strict=True)
    ]
    ax.set_yticks(at, names)
    ax.set_xlabel("Months event-free gained, with intervals")
    grid(ax, "x")
    return figure


def _bands(ax: Axes, table: pd.DataFrame, over: str, labels: Mapping[str, str]) -> None:
    """Draw one line a strategy with its interval as a band, and the line of nothing gained."""
    for number, (name, part) in enumerate(table.groupby("strategy", sort=False)):
        colour = PALETTE[number % len(PALETTE)]
        ax.plot(part[over], part["value"], color=colour, label=labels.get(str(name), str(name)))
        ax.fill_between(part[over], part["low"], part["high"], color=colour, alpha=0.15, linewidth=0)
    ax.axhline(0, color=SOFT, linewidth=0.9)
    ax.legend(loc="best")
    grid(ax, "y")
