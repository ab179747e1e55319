"""What waterfalls and beeswarms show."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest

from pipeline import figures
from pipeline.figures.explanation import swarm


@pytest.mark.parametrize(("scale", "harm"), [("survival", -0.2), ("log_hazard", 0.2)])
def test_harm_has_the_same_colour_on_both_scales(scale, harm, waterfall):
    table = waterfall.assign(contribution=harm, end=waterfall["start"] + harm)
    ax = figures.waterfall_figure(table, scale).axes[0]
    assert {mpl.colors.to_hex(p.get_facecolor()).upper() for p in ax.patches} == {"#D55E00"}


def test_a_waterfall_writes_the_step_and_the_value(waterfall):
    ax = figures.waterfall_figure(waterfall, "survival", 12).axes[0]
    assert [t.get_text() for t in ax.texts] == ["50%", "−20.0", "+10.0", "+1.0", "41%"]
    assert "Interleukin-6: 120 pg/mL" in [t.get_text() for t in ax.get_yticklabels()]


def test_a_swarm_keeps_every_dot_on_its_line():
    offsets = swarm(np.zeros(500), 1.0)
    assert np.abs(offsets).max() <= 0.38
    assert len(np.unique(offsets)) == 500
    assert swarm(np.arange(10.0), 9.0).tolist() == [0.0] * 10


def test_the_key_of_a_swarm_keeps_its_name_off_its_ends(beeswarm):
    figure = figures.beeswarm_figure(beeswarm, "survival", 12)
    figure.draw_without_rendering()
    bar = figure.axes[-1]
    name = bar.yaxis.label.get_window_extent()
    assert not any(t.get_window_extent().overlaps(name) for t in bar.get_yticklabels())


def test_a_ratio_scale_within_one_power_of_ten_has_several_ticks(dependences):
    table = dependences[dependences["column"] == dependences["column"].iloc[0]]
    narrow = table.assign(log=True, value=np.linspace(1.2, 9.0, len(table)))
    ax = figures.dependence_figure(narrow, "survival", 12).axes[0]
    ax.figure.draw_without_rendering()
    low, high = ax.get_xlim()
    assert [t for t in ax.get_xticks() if low <= t <= high][:2] == [2, 5]
