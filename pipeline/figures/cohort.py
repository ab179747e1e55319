"""What a cohort holds: who is followed, what is missing, and how its markers hang together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.figures.style import (
    BOTH_WAYS,
    FAINT,
    INK,
    PALETTE,
    SOFT,
    grid,
    modality_colours,
    modality_handles,
    new_figure,
    readable,
    records,
    styled,
    wrapped,
)
from pipeline.schema import ENDPOINTS, MODALITIES, Cohort


def flow_table(cohort: Cohort, endpoint: str) -> pd.DataFrame:
    """How many patients stand in each arm, and how many of them have the event or are censored.

    Returns `arm`, `patients`, `events`, `censored`, and `all_measured` (no baseline value missing).
    """
    e = ENDPOINTS[endpoint]
    frame = cohort.observed
    arms = frame["arm"].astype(str) if "arm" in frame else pd.Series("All patients", frame.index)
    complete = frame[cohort.names("baseline")].notna().all(axis=1)
    table = pd.DataFrame({
        "arm": arms, "patients": 1, "events": frame[e.event].astype(int),
        "censored": 1 - frame[e.event].astype(int), "all_measured": complete.astype(int),
    })  # fmt: skip
    return table.groupby("arm", sort=True).sum().reset_index()


def missing_table(cohort: Cohort) -> pd.DataFrame:
    """Share of patients without each baseline value: `column`, `label`, `modality`, `missing`."""
    rows = [c for c in cohort.columns if c.role == "baseline"]
    return pd.DataFrame({
        "column": [c.name for c in rows],
        "label": [c.label or c.name for c in rows],
        "modality": [c.modality or "" for c in rows],
        "missing": [float(cohort.observed[c.name].isna().mean()) for c in rows],
    })  # fmt: skip


@styled
def flow(table: pd.DataFrame, ax: Axes) -> Axes:
    """Draw the patients of each arm, split into those with the event and those censored.

    Parameters
    ----------
    table : DataFrame
        From `flow_table`.
    """
    y = np.arange(len(table))
    ax.barh(y, table["events"], height=0.6, color=PALETTE[0], label="event")
    ax.barh(y, table["censored"], left=table["events"], height=0.6, color=FAINT, label="censored")
    for i, row in enumerate(records(table)):
        events, censored = row["events"], row["censored"]
        for count, middle, colour in ((events, events / 2, "white"), (censored, events + censored / 2, INK)):
            if count:
                ax.text(middle, i, f"{count:,}", ha="center", va="center", color=colour, fontsize=9)
    ax.set_ylim(len(table) - 0.5, -0.5)
    ax.set_yticks(y, [f"{wrapped(readable(r['arm']), 30)}\nn = {r['patients']:,}" for r in records(table)])
    ax.set_xlabel("Patients")
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.margins(x=0.02)
    ax.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0, handlelength=1.2)
    grid(ax, "x")
    return ax


@styled
def missingness(table: pd.DataFrame, ax: Axes, top: int = 25) -> Axes:
    """Draw the share of patients without each value, most often missing first.

    Parameters
    ----------
    table : DataFrame
        From `missing_table`; columns without gaps are counted in the title and not drawn.
    """
    gaps = table[table["missing"] > 0].sort_values("missing", ascending=False, kind="stable")
    shown, colours = gaps.head(top), modality_colours()
    y, percent = np.arange(len(shown)), shown["missing"].to_numpy() * 100
    ax.barh(y, percent, height=0.66, color=[colours.get(m, SOFT) for m in shown["modality"]])
    for i, value in enumerate(percent):
        ax.annotate(f"{value:.0f}%" if value >= 1 else "<1%", (value, i), (4, 0), textcoords="offset points",
                    va="center", fontsize=9)  # fmt: skip
    ax.set_ylim(max(len(shown), 1) - 0.5, -0.5)
    ax.set_yticks(y, [wrapped(str(t), 34) for t in shown["label"]])
    ax.set_xlim(0, max(float(percent.max(initial=0)) * 1.12, 5))
    ax.set_xlabel("Patients without the value (%)")
    ax.set_title(f"Missing baseline values: {len(gaps)} of {len(table)} columns have gaps")
    if len(set(shown["modality"])) > 1:
        ax.legend(handles=modality_handles(set(shown["modality"])), loc="lower right", handlelength=1.0)
    grid(ax, "x")
    return ax


@styled
def cohort_figure(cohort: Cohort, endpoint: str = "os", top: int = 25) -> Figure:
    """Draw `flow` above `missingness`."""
    arms, gaps = flow_table(cohort, endpoint), missing_table(cohort)
    rows = max(min(int((gaps["missing"] > 0).sum()), top), 1)
    figure = new_figure(8.0, 2.2 + 0.45 * len(arms) + 0.27 * rows)
    above, below = figure.subplots(2, 1, height_ratios=[0.9 + 0.45 * len(arms), 0.9 + 0.27 * rows])
    flow(arms, above)
    above.set_title(f"{cohort.name}: {ENDPOINTS[endpoint].label.lower()}")
    missingness(gaps, below, top)
    return figure


def marker_correlations(cohort: Cohort, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Spearman correlations of the numeric baseline columns, ordered by modality."""
    numbers = [c for c in cohort.columns if c.role == "baseline" and c.kind == "number"]
    order = {m: i for i, m in enumerate(MODALITIES)}
    numbers = sorted(numbers, key=lambda c: order.get(c.modality or "", len(order)))
    names = [c.name for c in numbers] if columns is None else list(columns)
    frame = cohort.observed[names].astype(float)
    labels = {c.name: c.label or c.name for c in numbers}
    return frame.corr(method="spearman", min_periods=10).rename(index=labels, columns=labels)


@styled
def correlation_map(table: pd.DataFrame, ax: Axes) -> Axes:
    """Draw a square table of rank correlations, each pair once, columns numbered as the rows are.

    Parameters
    ----------
    table : DataFrame
        Square, same labels on both sides; from `marker_correlations`.
    """
    values = table.to_numpy(dtype=float)
    below = np.tril(np.ones_like(values, dtype=bool), -1)
    image = ax.imshow(np.where(below, values, np.nan), cmap=BOTH_WAYS, vmin=-1, vmax=1, aspect="auto")
    n = len(table)
    if n <= 14:
        for i, j in zip(*np.nonzero(below), strict=True):
            if not np.isnan(values[i, j]):
                ax.text(j, i, f"{values[i, j]:.1f}".replace("-", "−"), ha="center", va="center", fontsize=8,
                        color="white" if abs(values[i, j]) > 0.65 else INK)  # fmt: skip
    small = n > 22
    ax.set_xticks(range(n), [str(i + 1) for i in range(n)], fontsize=8, rotation=90 if small else 0)
    labels = [f"{label}  {i + 1}" for i, label in enumerate(table.index)]
    ax.set_yticks(range(n), labels, fontsize=8 if small else 9)
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    bar = ax.figure.colorbar(image, cax=ax.inset_axes((0.68, 0.52, 0.03, 0.42)))  # in the empty triangle
    bar.set_label("Spearman correlation")
    bar.outline.set_visible(False)
    return ax


@styled
def correlation_figure(table: pd.DataFrame, title: str = "Rank correlations of baseline markers") -> Figure:
    """Draw `correlation_map` as large as its labels need."""
    figure = new_figure(8.0, max(0.8 + 0.165 * len(table), 3.0))
    correlation_map(table, figure.subplots()).set_title(title)
    return figure
