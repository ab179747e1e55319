"""The gallery: every figure legible, with named axes, and the same bytes every time."""

from __future__ import annotations

import re
import sys
from itertools import pairwise
from operator import attrgetter
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from pipeline import figures


@pytest.fixture(scope="module")
def gallery(
    cohort, curves, published, scores, calibration, roc, importances, beeswarm, waterfall, agreements
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
        "beeswarm": lambda: figures.beeswarm_figure(beeswarm, "survival", 12, "Forest"),
        "beeswarm_hazard": lambda: figures.beeswarm_figure(beeswarm, "log_hazard"),
        "waterfall": lambda: figures.waterfall_figure(waterfall, "survival", 12, "Low risk"),
        "waterfall_hazard": lambda: figures.waterfall_figure(waterfall, "log_hazard"),
        "importance": lambda: figures.importance_figure(importances["column"], importances["modality"], 12),
        "over_time": lambda: figures.importance_over_time_figure(importances["column"]),
        "agreement": lambda: figures.agreement_figure(agreements, 12),
        "cohort": lambda: figures.cohort_figure(cohort),
        "correlations": lambda: figures.correlation_figure(figures.marker_correlations(cohort)),
    }


NAMES = (
    "kaplan_meier", "fidelity", "verification", "metrics", "calibration", "calibration_one", "roc",
    "beeswarm", "beeswarm_hazard", "waterfall", "waterfall_hazard", "importance", "over_time", "agreement",
    "cohort", "correlations",
)  # fmt: skip


def drawn_labels(axis) -> list[mpl.text.Text]:
    """Tick labels within the limits of the axis; matplotlib keeps others that it never draws."""
    low, high = sorted(axis.get_view_interval())
    ticks = zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=False)
    return [text for at, text in ticks if low <= at <= high and text.get_text() and text.get_visible()]


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_is_legible_and_says_what_its_axes_are(name, gallery):
    figure = gallery[name]()
    figure.draw_without_rendering()
    width, height = figure.bbox.width, figure.bbox.height
    texts = [t for t in figure.findobj(mpl.text.Text) if t.get_text().strip() and t.get_visible()]
    assert min(t.get_fontsize() for t in texts) >= 7.5  # 8 inches on 800 pixels: 10 pixels and more
    named = [ax.get_xlabel() or ax.get_ylabel() or ax.get_title(loc="left") for ax in figure.axes]
    assert all(named), "an axis without a name"
    for ax in figure.axes:
        labels = [*drawn_labels(ax.xaxis), *drawn_labels(ax.yaxis), ax.xaxis.label, ax.title]
        for text in filter(mpl.text.Text.get_text, labels):
            box = text.get_window_extent()
            assert box.x0 > -2, f"{text.get_text()!r} leaves the figure on the left"
            assert box.y0 > -2, f"{text.get_text()!r} leaves the figure below"
            assert box.y1 < height + 2, f"{text.get_text()!r} leaves the figure above"
        assert ax.get_window_extent().x1 < width + 2
        for text in ax.texts:
            box = text.get_window_extent()
            assert box.x0 > -2, f"{text.get_text()!r} leaves the figure on the left"
            assert box.x1 < width + 2, f"{text.get_text()!r} leaves the figure on the right"


@pytest.mark.parametrize("name", NAMES)
def test_labels_along_an_axis_do_not_overlap(name, gallery):
    figure = gallery[name]()
    figure.draw_without_rendering()
    for ax in figure.axes:
        for axis, start, end in ((ax.xaxis, "x0", "x1"), (ax.yaxis, "y0", "y1")):
            boxes = [t.get_window_extent() for t in drawn_labels(axis)]
            for one, next_one in pairwise(sorted(boxes, key=attrgetter(start))):
                assert getattr(one, end) <= getattr(next_one, start) + 1.5, f"labels collide in {name}"


def test_every_figure_of_the_gallery_is_looked_at(gallery):
    assert set(NAMES) == set(gallery)
    drawn = {name for name in figures.__all__ if name.endswith("_figure")} - {"new_figure", "save_figure"}
    source = Path(__file__).read_text()
    assert all(f"figures.{name}(" in source for name in drawn)


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
