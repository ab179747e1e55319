"""The gallery: every figure legible, with named axes, and the same bytes every time."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from pipeline import figures

from .legible import assert_labels_apart, assert_legible


@pytest.fixture(scope="module")
def gallery(
    cohort, curves, published, scores, calibration, roc, importances, beeswarm, waterfall, agreements,
    dependences, decisions,
):
    predictions = pd.DataFrame(
        {"model": "cox", "horizon_months": 12.0, "predicted": np.linspace(0.2, 0.8, 90)}
    )
    external = scores[scores["data"] == "external"]
    return {
        "kaplan_meier": lambda: figures.kaplan_meier_figure(curves, "os", published, "Trial"),
        "fidelity": lambda: figures.fidelity_figure(published),
        "verification": lambda: figures.verification_figure(published.assign(within=[True, False] * 3)),
        "metrics": lambda: figures.metric_forest_figure(scores, 12),
        "calibration": lambda: figures.calibration_figure(calibration, 12),
        "calibration_one": lambda: figures.calibration_figure(
            calibration.query("model == 'cox'"), 12, predictions
        ),
        "roc": lambda: figures.roc_figure(roc, external),
        "decisions": lambda: figures.decision_figure(decisions, 12),
        "beeswarm": lambda: figures.beeswarm_figure(beeswarm, "survival", 12, "Forest"),
        "beeswarm_hazard": lambda: figures.beeswarm_figure(beeswarm, "log_hazard"),
        "waterfall": lambda: figures.waterfall_figure(waterfall, "survival", 12, "Low risk"),
        "waterfall_hazard": lambda: figures.waterfall_figure(waterfall, "log_hazard"),
        "dependence": lambda: figures.dependence_figure(dependences, "survival", 12),
        "dependence_hazard": lambda: figures.dependence_figure(dependences, "log_hazard"),
        "importance": lambda: figures.importance_figure(importances["column"], importances["modality"], 12),
        "over_time": lambda: figures.importance_over_time_figure(importances["column"]),
        "all_times": lambda: figures.importance_over_time_figure(
            importances["modality"].query("horizon_months == 12").assign(horizon_months=np.nan)
        ),
        "agreement": lambda: figures.agreement_figure(agreements, 12),
        "cohort": lambda: figures.cohort_figure(cohort),
        "correlations": lambda: figures.correlation_figure(figures.marker_correlations(cohort)),
    }


NAMES = (
    "kaplan_meier", "fidelity", "verification", "metrics", "calibration", "calibration_one", "roc",
    "decisions", "beeswarm", "beeswarm_hazard", "waterfall", "waterfall_hazard", "importance", "over_time",
    "agreement", "cohort", "correlations", "dependence", "dependence_hazard", "all_times",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_is_legible_and_says_what_its_axes_are(name, gallery):
    figure = gallery[name]()
    assert_legible(figure)
    assert_labels_apart(figure)


def test_every_figure_of_the_gallery_is_looked_at(gallery):
    assert set(NAMES) == set(gallery)
    drawn = {name for name in figures.__all__ if name.endswith("_figure")} - {"new_figure", "save_figure"}
    source = "".join(p.read_text() for p in Path(__file__).parent.glob("test_*.py"))
    assert not [name for name in sorted(drawn) if f"figures.{name}(" not in source]


@pytest.mark.parametrize("name", ["kaplan_meier", "beeswarm", "roc"])
def test_the_same_table_gives_the_same_bytes(name, gallery, tmp_path):
    one = figures.save_figure(gallery[name](), tmp_path / "one")
    two = figures.save_figure(gallery[name](), tmp_path / "two")
    for first, second in zip(one, two, strict=True):
        assert first.read_bytes() == second.read_bytes()
    svg = one[1].read_text()
    assert not re.search(r"<dc:date>|20\d\d-\d\d-\d\dT", svg)
    assert one[0].read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_no_figure_is_registered_and_no_setting_changed(gallery, tmp_path):
    before = dict(mpl.rcParams)
    for draw in gallery.values():
        draw()
    figures.save_figure(gallery["waterfall"](), tmp_path / "x")
    assert dict(mpl.rcParams) == before
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()
