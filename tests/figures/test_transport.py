"""The learning curve: three lines a model, legible, the synthetic one flat and dashed."""

from __future__ import annotations

import pandas as pd

from pipeline import figures

from .legible import assert_legible


def test_each_model_has_its_panel_and_three_lines():
    table = pd.DataFrame(
        [
            (model, source, n, start + slope * n, 0.01)
            for model in ("cox", "rsf")
            for source, start, slope in (("synthetic", 0.66, 0), ("real", 0.6, 3e-4), ("both", 0.65, 1e-4))
            for n in (25, 50, 100, 200)
        ],
        columns=["model", "source", "patients", "value", "error"],
    )
    figure = figures.learning_curve_figure(table, "Overall survival")
    assert_legible(figure)
    assert [ax.get_title(loc="left") or ax.get_title() for ax in figure.axes] == ["Cox", "Survival forest"]
    for ax in figure.axes:
        dashed, real, both = ax.lines
        assert (dashed.get_linestyle(), real.get_linestyle(), both.get_linestyle()) == ("--", "-", "-")
        assert len(set(dashed.get_ydata())) == 1
        assert list(real.get_xdata()) == [25, 50, 100, 200]
    assert figure.axes[0].get_ylabel() == "Harrell's C, overall survival"
