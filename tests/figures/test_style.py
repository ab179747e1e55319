"""Saved figures are whole, of one width, and keep a model's colour."""

from __future__ import annotations

import errno

import pytest

from pipeline import figures
from pipeline.figures.style import MODEL_COLOURS, PALETTE, modality_colours, model_colours
from pipeline.schema import MODALITIES


def test_another_table_gives_other_bytes(curves, tmp_path):
    one = figures.save_figure(figures.kaplan_meier_figure(curves), tmp_path / "one")[1]
    other = figures.save_figure(
        figures.kaplan_meier_figure(curves[curves["months"] < 30]), tmp_path / "other"
    )[1]
    assert one.read_bytes() != other.read_bytes()


def test_png_is_1200_pixels_wide_and_nothing_else_is_left(curves, tmp_path):
    png, svg = figures.save_figure(figures.kaplan_meier_figure(curves), tmp_path / "curve.v2")
    assert (png.name, svg.name) == ("curve.v2.png", "curve.v2.svg")
    assert int.from_bytes(png.read_bytes()[16:20], "big") == 1200
    assert sorted(p.name for p in tmp_path.iterdir()) == ["curve.v2.png", "curve.v2.svg"]


def test_a_full_disk_leaves_neither_half_a_file_nor_the_old_one_spoilt(curves, tmp_path, monkeypatch):
    figure = figures.kaplan_meier_figure(curves)
    old = figures.save_figure(figure, tmp_path / "curve")[1].read_bytes()

    def full(self, path, **_):
        path.write_text("<svg")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pipeline.figures.style.FigureCanvasSVG.print_svg", full)
    with pytest.raises(OSError, match="No space left"):
        figures.save_figure(figure, tmp_path / "curve")
    assert (tmp_path / "curve.svg").read_bytes() == old
    assert len(list(tmp_path.iterdir())) == 2


def test_colours_are_distinct_and_stay_with_their_model():
    assert len(set(PALETTE)) == len(PALETTE)
    both = model_colours(["rsf", "new", "newer"])
    assert both["rsf"] == MODEL_COLOURS["rsf"] == model_colours(["rsf"])["rsf"]
    assert len(set(both.values())) == 3
    assert set(MODALITIES) <= set(modality_colours())
