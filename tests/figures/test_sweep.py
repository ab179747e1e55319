"""The figure of a sweep: a panel a key, every run a point, what failed left out."""

import numpy as np
import pandas as pd

from pipeline import figures

from .legible import assert_legible


def test_each_key_has_a_panel_and_each_run_a_point():
    runs = pd.DataFrame({
        "model": ["cox", "rsf"] * 6,
        "objective": [0.60, 0.61, 0.62, 0.59, 0.63, np.nan] * 2,
        "analysis.models.rsf.min_samples_leaf": np.repeat([5, 15, 500], 4),
        "cohort": ["keynote_189", "pacific"] * 6,
    })  # fmt: skip
    keys = ["analysis.models.rsf.min_samples_leaf", "cohort"]
    figure = figures.sweep_figure(runs, keys, "Uno's C")
    assert_legible(figure)
    first, second = figure.axes[:2]
    assert first.get_xscale() == "log"  # 5 to 500
    assert second.get_xscale() == "linear"
    points = [line for line in first.lines if line.get_marker() == "o"]
    assert sum(len(line.get_xdata()) for line in points) == 10  # two runs have no objective
    means = next(line for line in second.lines if line.get_marker() == "_")
    known = runs.dropna(subset=["objective"])
    assert means.get_ydata().tolist() == known.groupby("cohort")["objective"].mean().tolist()
