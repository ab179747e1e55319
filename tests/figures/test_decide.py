"""Figures of decisions: legible, every strategy and everything varied is there."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline import figures

from .legible import assert_legible

LABELS = {"one": "First", "two": "Second", "fixed": "Fixed"}


def estimates(**columns: object) -> pd.DataFrame:
    table = pd.DataFrame(columns)
    return table.assign(low=table["value"] - 0.1, high=table["value"] + 0.1)


def test_strategies_stand_beside_the_reference() -> None:
    table = pd.concat([
        estimates(strategy=["one", "two"], reference="fixed", quantity=q, value=[0.3, -0.2])
        for q in ("rmst", "treated_months", "harmed", "helped")
    ])  # fmt: skip
    figure = figures.strategies_figure(table, "fixed", LABELS)
    assert_legible(figure)
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["First", "Second"]
    assert figure.axes[0].containers[0].lines[0].get_xdata().tolist() == [0.3, -0.2]


def test_each_thing_varied_has_a_panel() -> None:
    table = pd.concat([
        estimates(varied=name, setting=[1.0, 2.0, 3.0], quantity=q, value=[0.3, 0.2, 0.0])
        for name in ("turnaround (weeks)", "threshold", "tests", "hypothetical: ratio")
        for q in ("rmst", "treated_months", "harmed")
    ])  # fmt: skip
    figure = figures.tradeoff_figure(table, "fixed treatment")
    assert_legible(figure)
    named = [a.get_xlabel() for a in figure.axes if a.get_xlabel()]
    assert named == ["Turnaround (weeks)", "Threshold", "Tests", "hypothetical: ratio"]


def test_prices_thresholds_and_times_are_drawn_as_they_are() -> None:
    net = pd.concat([
        estimates(strategy=s, price=[0.0, 0.5], value=[1.0, v]) for s, v in (("one", 0.0), ("two", 2.0))
    ])  # fmt: skip
    figure = figures.net_value_figure(net, LABELS, "Fixed")
    assert_legible(figure)
    assert figure.axes[0].lines[0].get_ydata().tolist() == [1.0, 0.0]
    chosen = figures.chosen_figure(net.rename(columns={"price": "threshold"}), LABELS)
    assert_legible(chosen)
    timing = pd.DataFrame({"rule": "persistence", "months": np.arange(4.0), "share": [0, 0.1, 0.2, 0.3]})
    when = figures.decisions_figure(timing)
    assert_legible(when)
    assert when.axes[0].lines[0].get_ydata().tolist() == [0, 0.1, 0.2, 0.3]


def test_weighted_rules_name_what_they_are_held_against() -> None:
    table = estimates(strategy=["one", "one"], reference=["everybody a", "everybody b"], value=[0.1, 0.5])
    figure = figures.weighted_figure(table, LABELS)
    assert_legible(figure)
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == [
        "First, less everybody a", "First, less everybody b",
    ]  # fmt: skip
