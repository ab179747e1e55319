"""How many real patients a model needs to rank as well as one trained on synthetic patients alone."""

from __future__ import annotations

from typing import Final

import pandas as pd
from matplotlib.figure import Figure

from pipeline.figures.style import PALETTE, grid, new_figure, styled

LABELS: Final = {
    "synthetic": "synthetic patients alone",
    "real": "real patients alone",
    "both": "synthetic, then real patients",
}
TITLES: Final = {"cox": "Cox", "rsf": "Survival forest"}


@styled
def learning_curve_figure(curve: pd.DataFrame, endpoint: str) -> Figure:
    """Draw Harrell's C on held-out real patients by how many real ones were learnt from, one panel a model.

    Parameters
    ----------
    curve : DataFrame
        `model`, `source`, `patients`, `value`, `error`; bands are one standard error of the repeats' mean.
    endpoint : str
        Its label.
    """
    models = list(dict.fromkeys(curve["model"]))
    figure = new_figure(5.0 * len(models), 4.0)
    axes = figure.subplots(1, len(models), sharey=True, squeeze=False)[0]
    for ax, model in zip(axes, models, strict=True):
        for colour, (source, label) in zip(PALETTE, LABELS.items(), strict=False):
            part = curve[(curve["model"] == model) & (curve["source"] == source)].sort_values("patients")
            style = "--" if source == "synthetic" else "-"
            ax.plot(
                part["patients"], part["value"], style, marker="o", markersize=3, color=colour, label=label
            )
            ax.fill_between(
                part["patients"], part["value"] - part["error"], part["value"] + part["error"],
                color=colour, alpha=0.15, linewidth=0,
            )  # fmt: skip
        ax.set_title(TITLES.get(model, model))
        ax.set_xlabel("Real patients learnt from")
        grid(ax, "y")
    axes[0].set_ylabel(f"Harrell's C, {endpoint.lower()}")
    axes[-1].legend(loc="lower right")
    return figure
