"""The graph of a run: legible, boxes apart."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from matplotlib.patches import FancyBboxPatch

from pipeline import figures
from pipeline.artifacts import load_run
from pipeline.artifacts.lineage import lineage

from .legible import assert_legible


@pytest.mark.parametrize("models", ["all", "one"])
def test_the_graph_is_legible_and_its_boxes_hold_their_text_apart(models: str, small_run: Path) -> None:
    facts = load_run(small_run).facts
    if models == "one":
        facts = facts | {"models": {"cox": facts["models"]["cox"]}}
    nodes, edges = lineage(facts)
    figure = figures.lineage_figure(nodes, edges)
    assert_legible(figure)
    ax = figure.axes[0]
    boxes = [p.get_window_extent() for p in ax.patches if isinstance(p, FancyBboxPatch)]
    assert len(boxes) == len(nodes)
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
    for text in ax.texts:
        extent = text.get_window_extent()
        assert any(
            b.x0 - 1 <= extent.x0
            and extent.x1 <= b.x1 + 1
            and b.y0 - 1 <= extent.y0
            and extent.y1 <= b.y1 + 1
            for b in boxes
        ), f"{text.get_text()!r} leaves its box"
