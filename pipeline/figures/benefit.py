"""Benefit: what treating those said to gain most first is worth, and the effect by group."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pipeline.figures.style import INK, PALETTE, SOFT, grid, new_figure, styled

LEARNERS: Final = {
    "s_learner": "S-learner",
    "t_learner": "T-learner",
    "x_learner": "X-learner",
    "control_risk": "Risk under control",
    "truth": "True benefit",
}
QUANTITIES: Final = {
    "survival": "event-free at {:g} months (share of patients)",
    "rmst": "months event-free up to {:g} months",
}
COLOURS: Final = dict(zip(LEARNERS, (*PALETTE[:4], INK), strict=True))


@styled
def benefit_curve_figure(curves: pd.DataFrame, horizon_months: float, endpoint: str) -> Figure:
    """Draw the gain per patient against the share treated, those said to gain most first.

    Parameters
    ----------
    curves : DataFrame
        `quantity`, `learner`, `share`, `gain`.
    horizon_months : float
    endpoint : str
        Label of the endpoint.
    """
    quantities = list(dict.fromkeys(curves["quantity"]))
    figure = new_figure(4.6 * len(quantities) + 0.6, 4.2)
    axes = figure.subplots(1, len(quantities), squeeze=False)[0]
    for ax, quantity in zip(axes, quantities, strict=True):
        part = curves[curves["quantity"] == quantity]
        for learner, rows in part.groupby("learner", sort=False):
            name = str(learner)
            ax.plot(100 * rows["share"], rows["gain"], color=COLOURS[name], label=LEARNERS[name])
        end = float(part.loc[part["share"] == 1, "gain"].iloc[0])
        ax.plot([0, 100], [0, end], color=SOFT, linestyle=":", label="In random order")
        ax.set_xlim(0, 100)
        ax.set_xlabel("Share treated (%)")
        ax.set_ylabel(f"Gain per patient: {QUANTITIES[quantity].format(horizon_months)}", fontsize=9)
        grid(ax, "y")
    axes[0].set_title(endpoint)
    axes[0].legend(loc="best", fontsize=8)
    return figure


@styled
def benefit_groups_figure(groups: pd.DataFrame, horizon_months: float) -> Figure:
    """Draw the observed effect of treatment against the predicted one, by group of predicted benefit.

    Parameters
    ----------
    groups : DataFrame
        `quantity`, `learner`, `group`, `predicted`; `survival_difference` and `rmst_difference` with
        `_low` and `_high`.
    horizon_months : float
    """
    quantities = list(dict.fromkeys(groups["quantity"]))
    figure = new_figure(4.6 * len(quantities) + 0.6, 4.2)
    axes = figure.subplots(1, len(quantities), squeeze=False)[0]
    for ax, quantity in zip(axes, quantities, strict=True):
        part = groups[(groups["quantity"] == quantity) & (groups["learner"] != "control_risk")]
        observed = f"{quantity}_difference"
        for learner, rows in part.groupby("learner", sort=False):
            name = str(learner)
            middle = rows[observed].to_numpy()
            reach = np.abs(rows[[f"{observed}_low", f"{observed}_high"]].to_numpy() - middle[:, None]).T
            ax.errorbar(
                rows["predicted"], middle, yerr=reach, color=COLOURS[name], label=LEARNERS[name], fmt="o-",
                linewidth=1.2, elinewidth=0.8, markersize=5,
            )  # fmt: skip
        ends = [float(part["predicted"].min()), float(part["predicted"].max())]
        ax.plot(ends, ends, color=SOFT, linestyle=":", label="As predicted")
        ax.axhline(0, color=SOFT, linewidth=0.8)
        ax.set_xlabel("Predicted benefit")
        ax.set_ylabel(f"Observed: {QUANTITIES[quantity].format(horizon_months)}", fontsize=9)
        grid(ax, "y")
    axes[0].legend(loc="best", fontsize=8)
    return figure
