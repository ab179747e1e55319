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


def test_scenarios_are_curves_of_their_questions_panel():
    rows = [
        (question, scenario, n, 0.2 + 0.1 * k, 0.1 + 0.1 * k, 0.3 + 0.1 * k)
        for question in ("pdl1_by_treatment", "tmb_by_treatment", "auc_at_3_months")
        for scenario in ("as_recorded", "tissue_for_two_thirds", "tmb_mostly_if_pdl1_low")
        if (question, scenario) != ("auc_at_3_months", "as_recorded")
        for k, n in enumerate((300, 600, 1200, 2400))
    ]
    names = ["question", "scenario", "patients", "value", "low", "high"]
    figure = figures.power_figure(pd.DataFrame(rows, columns=names))
    assert_legible(figure)
    assert_labels_apart(figure)
    assert [len(ax.containers) for ax in figure.axes] == [3, 3, 2]  # curves with bars
    texts = [t.get_text() for t in figure.legends[0].get_texts()]
    assert texts == ["As recorded", "Tissue for two thirds", "Tmb mostly if pdl1 low"]
