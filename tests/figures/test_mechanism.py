"""Figures of mechanisms: confusion and reliability."""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.mechanism_command import LABELS
from pipeline import figures
from pipeline.mechanism import CLASSES, UNKNOWN

from .legible import assert_labels_apart, assert_legible


def test_confusion_is_legible():
    values = np.full((len(CLASSES), len(CLASSES) + 1), 1 / (len(CLASSES) + 1))
    table = pd.DataFrame(values, index=list(CLASSES), columns=[*CLASSES, UNKNOWN])
    figure = figures.confusion_figure(table, LABELS)
    assert_legible(figure)
    assert_labels_apart(figure)


def test_reliability_is_legible():
    table = pd.DataFrame({"predicted": [0.3, 0.5, 0.7], "right": [0.28, 0.5, 0.75], "patients": [100] * 3})
    figure = figures.reliability_figure(table)
    assert_legible(figure)
    assert_labels_apart(figure)
