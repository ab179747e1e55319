"""Kaplan-Meier curves with numbers at risk, and how a simulation compares with what was published."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pipeline.figures.curves import medians, numbers_at_risk
from pipeline.figures.style import (
    FAINT,
    INK,
    PALETTE,
    SOFT,
    grid,
    new_figure,
    readable,
    records,
    styled,
    wrapped,
)
from pipeline.schema import ENDPOINTS

KINDS: Final = {
    "median": "Medians (months)",
    "landmark": "Survival rates (%)",
    "objective_response": "Objective response rates (%)",
    "hazard_ratio": "Hazard ratios",
}
WIDEST_ZOOM: Final = {"median": 6.0, "landmark": 20.0, "objective_response": 20.0, "hazard_ratio": 0.3}


@styled
def kaplan_meier(
    curves: pd.DataFrame, ax: Axes, endpoint: str = "os", published: pd.DataFrame | None = None
) -> Axes:
    """Draw survival by arm with interval bands, censorings and medians, published points on top.

    Parameters
    ----------
    curves : DataFrame
        From `pipeline.figures.curves.kaplan_meier_curves`.
    published : DataFrame, optional
        `arm`, `endpoint`, `kind` (only "median" and "landmark" are drawn), `months`, `published`
        (months for a median, a probability for a landmark), `low`, `high` (NaN when not published),
        `built_on` (other readouts of the same figure would only pile up, and are not drawn).
    """
    colours = dict(zip(curves["arm"].unique(), PALETTE, strict=False))
    summary = medians(curves).set_index("arm")
    for arm, curve in curves.groupby("arm", sort=False):
        colour = colours[str(arm)]
        months, survival = curve["months"].to_numpy(), curve["survival"].to_numpy()
        band = (months, curve["low"].ffill(), curve["high"].ffill())
        ax.fill_between(*band, step="post", color=colour, alpha=0.13, linewidth=0)
        ax.step(months, survival, where="post", color=colour, label=_arm_label(str(arm), summary.loc[arm]))
        gone = curve["censored"].to_numpy() > 0
        ax.plot(months[gone], survival[gone], "|", color=colour, markersize=5, markeredgewidth=0.6, alpha=0.5)
    handles, labels = ax.get_legend_handles_labels()
    if published is not None:
        shown = (published["endpoint"] == endpoint) & published["built_on"].astype(bool)
        handles += _published_points(published[shown], ax, colours)
        labels += [h.get_label() for h in handles[len(labels) :]]
    last = float(curves["months"].max())
    ax.set_xlim(0, last * 1.01)
    ax.set_ylim(0, 1.03)
    ax.set_xticks(month_ticks(last))
    ax.set_yticks(np.linspace(0, 1, 6), [f"{v:.0%}" for v in np.linspace(0, 1, 6)])
    ax.set_xlabel("Months")
    ax.set_ylabel(ENDPOINTS[endpoint].label if endpoint in ENDPOINTS else endpoint)
    ax.axhline(0.5, color=SOFT, linewidth=0.7, linestyle=(0, (2, 3)), zorder=0)
    grid(ax, "x")
    ax.legend(handles, labels, loc="upper right", handlelength=1.4, borderaxespad=0.1, labelspacing=0.6)
    return ax


def _arm_label(arm: str, row: Any) -> str:
    low, high = (("–" if np.isnan(v) else f"{v:.1f}") for v in (row["low"], row["high"]))
    reached = "median not reached" if np.isnan(row["median"]) else f"median {row['median']:.1f} months"
    return f"{wrapped(readable(arm), 38)}\nn = {row['patients']:,.0f}, {reached} ({low} to {high})"


def _published_points(published: pd.DataFrame, ax: Axes, colours: dict[str, str]) -> list[Line2D]:
    shapes = {"median": ("D", "Published median"), "landmark": ("o", "Published rate")}
    handles = []
    for kind, (marker, label) in shapes.items():
        points = _numeric(published[published["kind"] == kind])
        points = points[points["arm"].astype(str).isin(colours) & points["published"].notna()]
        for row in records(points):
            colour, low, high = colours[str(row["arm"])], row.get("low", np.nan), row.get("high", np.nan)
            x, y = (row["published"], 0.5) if kind == "median" else (row["months"], row["published"])
            if not (np.isnan(low) or np.isnan(high)):
                span = ([low, high], [y, y]) if kind == "median" else ([x, x], [low, high])
                ax.plot(*span, color=colour, linewidth=1.1, zorder=4)
            ax.plot(x, y, marker, markersize=6, markerfacecolor="white", markeredgecolor=colour,
                    markeredgewidth=1.4, zorder=5)  # fmt: skip
        if len(points):
            handles.append(Line2D([], [], linestyle="", marker=marker, markersize=6, markerfacecolor="white",
                                  markeredgecolor=INK, markeredgewidth=1.3, label=label))  # fmt: skip
    return handles


def month_ticks(last: float) -> list[float]:
    """Ticks at round numbers of months: at most about nine of them."""
    step = next((s for s in (1, 2, 3, 6, 12, 24, 60) if last / s <= 9), 120)
    return list(np.arange(0, last + 1e-9, step))


@styled
def numbers_at_risk_table(curves: pd.DataFrame, ax: Axes, months: Sequence[float]) -> Axes:
    """Write the numbers at risk under a curve, one line an arm, in the arm's colour."""
    table = numbers_at_risk(curves, months)
    colours = dict(zip(curves["arm"].unique(), PALETTE, strict=False))
    for row, arm in enumerate(table.index):
        for month, count in zip(months, table.loc[arm], strict=True):
            ax.text(month, row, f"{count:,}", ha="center", va="center", fontsize=9, color=colours[str(arm)])
    ax.set_ylim(len(table) - 0.5, -0.5)
    ax.set_yticks(range(len(table)), [wrapped(readable(arm), 22) for arm in table.index])
    for tick, arm in zip(ax.get_yticklabels(), table.index, strict=True):
        tick.set_color(colours[str(arm)])
    ax.set_title("Number at risk", fontsize=9, fontweight="normal", color=SOFT, pad=3)
    ax.tick_params(length=0, labelbottom=False)
    ax.tick_params(axis="y", pad=26)  # the first number is centred on month 0 and reaches left of it
    for spine in ax.spines.values():
        spine.set_visible(False)
    return ax


@styled
def kaplan_meier_figure(
    curves: pd.DataFrame, endpoint: str = "os", published: pd.DataFrame | None = None, title: str = ""
) -> Figure:
    """Draw the curves of `kaplan_meier` above the numbers at risk."""
    arms = curves["arm"].nunique()
    figure = new_figure(8.0, 4.7 + 0.28 * arms)
    top, below = figure.subplots(2, 1, height_ratios=[1, 0.045 + 0.06 * arms], sharex=True)
    kaplan_meier(curves, top, endpoint, published)
    top.tick_params(labelbottom=True)
    if title:
        top.set_title(title)
    numbers_at_risk_table(curves, below, month_ticks(float(curves["months"].max())))
    return figure


@styled
def fidelity(table: pd.DataFrame, ax: Axes, kind: str, labels: bool = True) -> Axes:
    """Draw published figures and what the simulation gives for them, one line a figure.

    Parameters
    ----------
    table : DataFrame
        `arm`, `endpoint`, `kind` (a key of KINDS), `months` (of a landmark, or of follow-up),
        `published`, `low`, `high` (NaN when not published), `reproduced`, `built_on` (whether the curve
        was built from this figure or merely predicts it). Rates are
        probabilities.
    """
    rows = _numeric(table[table["kind"] == kind]).reset_index(drop=True)
    factor = 100 if kind in {"landmark", "objective_response"} else 1
    for y, row in enumerate(records(rows)):
        published, reproduced = row["published"] * factor, row["reproduced"] * factor
        low, high = row["low"] * factor, row["high"] * factor
        if not (np.isnan(low) or np.isnan(high)):
            ax.plot([low, high], [y, y], color=FAINT, linewidth=6, solid_capstyle="butt", zorder=1)
        ax.plot([published, reproduced], [y, y], color=SOFT, linewidth=1, zorder=2)
        ax.plot(published, y, "|", color=INK, markersize=13, markeredgewidth=1.8, zorder=3)
        built = bool(row["built_on"])
        ax.plot(reproduced, y, "o", markersize=7, markerfacecolor=PALETTE[0] if built else "white",
                markeredgecolor=PALETTE[0], markeredgewidth=1.5, zorder=4)  # fmt: skip
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set_yticks(range(len(rows)), [_fidelity_label(r) for r in records(rows)] if labels else [])
    ax.set_xlabel(KINDS[kind])
    ax.margins(x=0.08)
    low, high = ax.get_xlim()
    short = max(WIDEST_ZOOM[kind] - (high - low), 0) / 2  # a tiny gap must not fill the panel
    ax.set_xlim(low - short, high + short)
    grid(ax, "x")
    return ax


def _numeric(table: pd.DataFrame) -> pd.DataFrame:
    """Give figures that were not published as None a NaN."""
    limits = {name: pd.to_numeric(table[name]) for name in ("published", "low", "high") if name in table}
    return table.assign(**limits)


def _fidelity_label(row: dict[str, Any]) -> str:
    endpoint = str(row["endpoint"])
    endpoint = endpoint.upper() if endpoint in ENDPOINTS else endpoint.capitalize()
    at = {
        "landmark": f" at {row['months']:g} months",
        "hazard_ratio": f" after {row['months']:g} months of follow-up",
    }.get(row["kind"], "")
    return wrapped(f"{endpoint}{at}: {readable(row['arm'])}", 40)


@styled
def fidelity_figure(table: pd.DataFrame, title: str = "Published and reproduced") -> Figure:
    """Draw `fidelity` for each kind of figure that `table` holds, one panel a kind."""
    kinds = [k for k in KINDS if (table["kind"] == k).any()]
    if not kinds:
        raise ValueError(f"no row of kind {', '.join(KINDS)}; nothing to compare")
    counts = [int((table["kind"] == k).sum()) for k in kinds]
    figure = new_figure(8.0, 1.3 + sum(0.42 * c + 0.62 for c in counts))
    axes = figure.subplots(len(kinds), 1, height_ratios=[c + 0.2 for c in counts], squeeze=False)[:, 0]
    for kind, ax in zip(kinds, axes, strict=True):
        fidelity(table, ax, kind)
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=11)
    key = partial(Line2D, [], [], linestyle="")
    dot = partial(key, marker="o", markersize=7, markeredgecolor=PALETTE[0], markeredgewidth=1.5)
    handles = [
        key(marker="|", markersize=12, markeredgewidth=1.8, color=INK, label="Published"),
        Line2D([], [], color=FAINT, linewidth=6, label="Published interval"),
        dot(markerfacecolor=PALETTE[0], label="Simulated, built on it"),
        dot(markerfacecolor="white", label="Simulated, predicted"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure
