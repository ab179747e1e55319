"""Figures of adverse events: contrasts by method, incidence by arm."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline import figures
from pipeline.toxicity import METHODS

from .legible import assert_labels_apart, assert_legible


def test_contrasts_are_legible_and_told_apart():
    table = pd.DataFrame(
        {
            "method": list(METHODS),
            "hazard_ratio": [0.51, 1.31, 1.08, 1.06],
            "hazard_ratio_low": [0.39, 0.93, 0.8, 0.79],
            "hazard_ratio_high": [0.68, 1.86, 1.45, 1.42],
        }
    )
    figure = figures.contrasts_figure(table, METHODS, "Overall survival")
    assert_legible(figure)
    assert_labels_apart(figure)
    colours = [line.get_color() for line in figure.axes[0].lines if line.get_marker() == "s"]
    assert len(colours) == 4
    assert colours[0] not in colours[1:]


def test_incidence_is_legible_with_patients_named():
    months = np.linspace(0.5, 24, 40)
    parts = [
        pd.DataFrame({"arm": arm, "months": months, "incidence": top * months / 24, "low": 0.0,
                      "high": top * months / 20, "patients": size})
        for arm, top, size in (("pembrolizumab", 0.3, 410), ("placebo", 0.1, 206))
    ]  # fmt: skip
    figure = figures.incidence_figure(pd.concat(parts), "an immune-mediated event")
    assert_legible(figure)
    said = [t.get_text() for t in figure.axes[0].get_legend().get_texts()]
    assert said == ["Pembrolizumab (410 patients)", "Placebo (206 patients)"]
