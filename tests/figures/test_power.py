"""The figure of a planning study."""

import pandas as pd

from pipeline import figures

from .legible import assert_labels_apart, assert_legible


def test_power_is_legible():
    table = pd.DataFrame(
        {"question": ["pdl1_by_treatment"] * 3, "patients": [300, 600, 1200], "value": [0.3, 0.6, 0.9],
         "low": [0.2, 0.5, 0.8], "high": [0.4, 0.7, 0.95]}
    )  # fmt: skip
    figure = figures.power_figure(table)
    assert_legible(figure)
    assert_labels_apart(figure)
    assert figure.axes[0].get_legend().get_texts()[0].get_text() == "Pdl1 by treatment"
