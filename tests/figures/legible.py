"""What every figure must be: legible, its axes named, its labels apart."""

from __future__ import annotations

from itertools import pairwise
from operator import attrgetter

import matplotlib as mpl


def drawn_labels(axis) -> list[mpl.text.Text]:
    """Tick labels within the limits of the axis; matplotlib keeps others that it never draws."""
    low, high = sorted(axis.get_view_interval())
    ticks = zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=False)
    return [text for at, text in ticks if low <= at <= high and text.get_text() and text.get_visible()]


def assert_legible(figure):
    """No letter below 10 pixels at 800 pixels' width, every axis named, no label outside the figure."""
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


def assert_labels_apart(figure):
    """Labels along an axis do not overlap."""
    figure.draw_without_rendering()
    for ax in figure.axes:
        for axis, start, end in ((ax.xaxis, "x0", "x1"), (ax.yaxis, "y0", "y1")):
            boxes = [t.get_window_extent() for t in drawn_labels(axis)]
            for one, next_one in pairwise(sorted(boxes, key=attrgetter(start))):
                assert getattr(one, end) <= getattr(next_one, start) + 1.5, f"labels collide: {boxes}"
