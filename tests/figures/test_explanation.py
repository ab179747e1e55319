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
