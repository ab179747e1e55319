"""Where a run comes from: a graph from source to report, one column of boxes a stage."""

from __future__ import annotations

from typing import Final

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from pipeline.figures.style import INK, PALETTE, SOFT, new_figure, records, styled, wrapped
from pipeline.models.labels import model_label

BOX_WIDTH: Final = 0.78  # of the distance between two stages
LINE: Final = 0.17  # height of a line of text, inches
PAD: Final = 0.12
GAP, LANE = 0.22, 0.06
TITLE_LETTERS, DETAIL_LETTERS = 21, 24


@styled
def lineage_figure(nodes: pd.DataFrame, edges: pd.DataFrame) -> Figure:
    """Draw the graph of a run.

    Parameters
    ----------
    nodes : DataFrame
        `node`, `stage`, `title`, `detail`; stages stand from left to right in the order they come.
    edges : DataFrame
        `source`, `target`.
    """
    stages = list(dict.fromkeys(nodes["stage"]))
    boxes = {row["node"]: _texts(row["title"], row["detail"]) for row in records(nodes)}
    heights = {name: LINE * sum(t.count("\n") + 1 for t in texts) + 2 * PAD for name, texts in boxes.items()}
    stage = dict(zip(nodes["node"], (stages.index(s) for s in nodes["stage"]), strict=True))
    columns = [[name for name in boxes if stage[name] == x] for x in range(len(stages))]
    arrows = [(str(edge["source"]), str(edge["target"])) for edge in records(edges)]
    lanes: dict[tuple[str, str], list[str]] = {}
    for source, target in arrows:  # what passes a stage gets a lane of its own beneath its boxes
        passed = range(stage[source] + 1, stage[target])
        lanes[source, target] = [f"{source} to {target} at {x}" for x in passed]
        for number, lane in zip(passed, lanes[source, target], strict=True):
            columns[number].append(lane)
            heights[lane] = LANE
    tall = max(sum(heights[n] for n in column) + GAP * (len(column) + 1) for column in columns)
    figure = new_figure(11.0, tall + 0.55)
    ax = figure.subplots()
    ax.set(xlim=(-BOX_WIDTH / 2 - 0.02, len(stages) - 1 + BOX_WIDTH / 2 + 0.02), ylim=(0, tall))
    ax.set_title("Where this run comes from")
    places: dict[str, tuple[float, float]] = {}
    for number, column in enumerate(columns):
        gap = (tall - sum(heights[n] for n in column)) / (len(column) + 1)
        top = tall - gap
        for name in column:
            places[name] = (float(number), top - heights[name] / 2)
            top -= heights[name] + gap
    for source, target in arrows:
        (x0, y0), (x1, y1) = places[source], places[target]
        at = [(x0 + BOX_WIDTH / 2, y0)]
        for lane in lanes[source, target]:
            x, y = places[lane]
            at += [(x - BOX_WIDTH / 2, y), (x + BOX_WIDTH / 2, y)]
        at.append((x1 - BOX_WIDTH / 2, y1))
        ax.add_patch(FancyArrowPatch(
            path=Path(at), arrowstyle="-|>", mutation_scale=9, linewidth=0.9, color=SOFT, fill=False,
        ))  # fmt: skip
    for name, (title, detail) in boxes.items():
        (x, y), height = places[name], heights[name]
        colour = PALETTE[int(x) % len(PALETTE)]
        ax.add_patch(FancyBboxPatch(
            (x - BOX_WIDTH / 2, y - height / 2), BOX_WIDTH, height, boxstyle="round,pad=0,rounding_size=0.05",
            facecolor="white", edgecolor=colour, linewidth=1.4, zorder=2, mutation_aspect=1.0,
        ))  # fmt: skip
        top = y + height / 2 - PAD
        ax.text(x, top, title, ha="center", va="top", fontsize=9, fontweight="bold", color=INK, zorder=3)
        ax.text(
            x,
            top - LINE * (title.count("\n") + 1),
            detail,
            ha="center",
            va="top",
            fontsize=8,
            color=INK,
            zorder=3,
        )
    ax.set_xticks(range(len(stages)), stages)
    ax.set_yticks([])
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.tick_params(length=0)
    return figure


def _texts(title: str, detail: str) -> tuple[str, str]:
    shown = "\n".join(wrapped(line, TITLE_LETTERS) for line in model_label(title).split("\n"))
    return shown, "\n".join(wrapped(line, DETAIL_LETTERS) for line in detail.split("\n"))
