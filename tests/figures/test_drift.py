"""The figure of drift: the columns that differ most come first, coloured by what was found."""

import numpy as np
import pandas as pd

from pipeline import figures
from pipeline.figures.drift import COLOURS

from .legible import assert_legible


def test_alarms_come_first_and_stand_at_their_distance():
    shift = pd.DataFrame({
        "column": ["age", "crp", "arm", "ldh"],
        "label": ["Age", "C-reactive protein", "Arm", "LDH"],
        "role": ["baseline", "baseline", "arm", "baseline"],
        "psi": [0.01, 0.49, 0.0, np.nan],
        "psi_chance": [0.02, 0.02, 0.02, np.nan],
        "missing_old": [0.0, 0.1, 0.0, 0.1],
        "missing_new": [0.0, 0.1, 0.0, 1.0],
    })  # fmt: skip
    findings = pd.DataFrame({
        "subject": ["age", "crp", "age", "ldh"],
        "what": ["values", "values", "missing", "missing"],
        "finding": ["none", "do not use", "none", "look"],
    })  # fmt: skip
    figure = figures.drift_figure(shift, findings, 0.1, 0.25)
    assert_legible(figure)
    left, right = figure.axes[:2]
    assert {t.get_text() for t in left.get_yticklabels()[:2]} == {"C-reactive protein", "LDH"}
    assert left.get_yticklabels()[2].get_text() == "Age"  # and the arm is no marker
    row = [t.get_text() for t in left.get_yticklabels()].index("C-reactive protein")
    point = next(p for p in left.lines if p.get_marker() == "o" and p.get_ydata()[0] == row)
    assert np.isclose(point.get_xdata()[0], 0.7)
    assert point.get_color() == COLOURS["do not use"]
    assert "look" not in {t.get_text() for t in right.get_yticklabels()}
