"""The figure about response."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline import figures

from .legible import assert_labels_apart, assert_legible

MODELS = ("logistic", "boosted", "loris", "published_rate", "oracle")


def tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(0)
    scores, groups = [], []
    for data in ("cross-validation", "external"):
        for k, model in enumerate(MODELS):
            for metric, value in (("auc", 0.55 + 0.05 * k), ("scaled_brier", 0.02 * k), ("brier", 0.2)):
                scores.append((model, data, metric, "all", value, value - 0.04, value + 0.04))
            for p in np.linspace(0.15, 0.7, 10):
                seen = float(np.clip(p + rng.normal(0, 0.04), 0.02, 0.95))
                groups.append((model, data, p, seen, max(seen - 0.08, 0), seen + 0.08, 60))
    return (
        pd.DataFrame(scores, columns=["model", "data", "metric", "group", "value", "low", "high"]),
        pd.DataFrame(groups, columns=["model", "data", "predicted", "observed", "low", "high", "patients"]),
    )


def test_the_figure_of_response_is_legible() -> None:
    figure = figures.response_figure(*tables())
    assert_legible(figure)
    assert_labels_apart(figure)


def test_it_draws_the_external_patients_where_there_are_some() -> None:
    scores, groups = tables()
    inside = scores["data"] == "cross-validation"
    moved = scores.assign(value=scores["value"].where(inside, 0.9))
    panels = figures.response_figure(moved, groups).subfigs[0].axes
    dots = [line.get_xdata()[0] for line in panels[0].lines if len(line.get_xdata()) == 1]
    assert dots == [0.9] * len(MODELS)
    alone = figures.response_figure(scores[inside], groups[groups["data"] == "cross-validation"])
    dots = [line.get_xdata()[0] for line in alone.subfigs[0].axes[0].lines if len(line.get_xdata()) == 1]
    np.testing.assert_allclose(dots, [0.55, 0.6, 0.65, 0.7, 0.75])
