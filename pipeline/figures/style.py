"""How every figure looks, and how it reaches the disk: same table, same bytes."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

import matplotlib as mpl
import pandas as pd
from cycler import cycler
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pipeline.schema import MODALITIES

P = ParamSpec("P")
R = TypeVar("R")

PNG_DPI: Final = 150
INK: Final = "#22262b"
SOFT: Final = "#6b7480"
FAINT: Final = "#d9dde2"
# Okabe and Ito's palette, which stays apart for every common form of colour blindness; the yellow is
# left out because it vanishes on white.
PALETTE: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#555555")
BETTER: Final = "#0072B2"  # a lower risk
WORSE: Final = "#D55E00"  # a higher risk
LOW_TO_HIGH: Final = LinearSegmentedColormap.from_list("low_to_high", ["#2166ac", "#b9b4c2", "#c4390e"])
AMOUNT: Final = LinearSegmentedColormap.from_list("amount", ["#f7f9fb", "#8fbbdb", "#0b4a7d"])
BOTH_WAYS: Final = LinearSegmentedColormap.from_list("both_ways", ["#2166ac", "#f7f7f7", "#c4390e"])

MODEL_COLOURS: Final = {"oracle": INK, "cox": PALETTE[0], "rsf": PALETTE[1], "pdl1": PALETTE[2]}
MODALITY_LABELS: Final = {"ctdna": "ctDNA", "": "Other"}

STYLE: Final = {
    "font.family": "DejaVu Sans",  # ships with matplotlib, so every machine draws the same letters
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 10,
    "axes.labelcolor": INK,
    "axes.edgecolor": SOFT,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(color=PALETTE),
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "grid.color": FAINT,
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.hashsalt": "lungio",  # ids in the SVG would otherwise be random
    "svg.fonttype": "path",
}


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Run a drawing function under the house style, leaving matplotlib's settings as they were."""

    @wraps(draw)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        with mpl.rc_context(STYLE):
            return draw(*args, **kwargs)

    return wrapper


def new_figure(width_inches: float = 8.0, height_inches: float = 5.0) -> Figure:
    """Return an empty figure that no global registry knows, laid out without overlaps."""
    figure = Figure(figsize=(width_inches, height_inches), dpi=PNG_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


@styled
def save_figure(figure: Figure, path_without_suffix: Path) -> tuple[Path, Path]:
    """Write a PNG (150 dpi) and an SVG; a reader sees either the whole file or none.

    The files carry no date and no random ids, so the same figure gives the same bytes.
    """
    base = Path(path_without_suffix)
    png, svg = base.with_name(f"{base.name}.png"), base.with_name(f"{base.name}.svg")
    with _replacing(png) as partial:
        FigureCanvasAgg(figure).print_png(partial, metadata={"Software": None})
    figure.set_layout_engine("none")  # the layout is settled; finding it again would double the time
    with _replacing(svg) as partial:
        FigureCanvasSVG(figure).print_svg(partial, metadata={"Date": None, "Creator": None})
    return png, svg


@contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """Yield a name beside `target` to write to, which takes its place only when all went well."""
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        yield partial
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def model_colours(names: Sequence[str]) -> dict[str, str]:
    """One colour a model; the well-known models keep theirs in every figure."""
    spare = [c for c in PALETTE[3:] if c not in MODEL_COLOURS.values()]
    unknown = [n for n in dict.fromkeys(names) if n not in MODEL_COLOURS]
    extra = {n: spare[i % len(spare)] for i, n in enumerate(unknown)}
    return {n: MODEL_COLOURS.get(n, extra.get(n, SOFT)) for n in names}


def scale_factor(scale: str) -> float:
    """Return what turns a contribution into the unit drawn: probabilities become percentage points."""
    return 100.0 if scale == "survival" else 1.0


def modality_colours() -> dict[str, str]:
    """One colour a modality, the same in every figure."""
    extra = ("#8c6d31",)
    return {"treatment": INK} | dict(zip(MODALITIES, (*PALETTE, *extra), strict=True)) | {"": SOFT}


def modality_handles(used: Collection[str]) -> list[Line2D]:
    """Legend entries of the modalities in `used`, in the fixed order."""
    return [
        Line2D([], [], color=colour, linewidth=7, label=MODALITY_LABELS.get(name, name.capitalize()))
        for name, colour in modality_colours().items()
        if name in used
    ]


def grid(ax: Any, axis: str = "both") -> None:
    """Draw faint lines behind the data."""
    ax.grid(visible=True, axis=axis)
    ax.tick_params(length=3)


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table as dictionaries keyed by column name."""
    return [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]


def readable(name: object) -> str:
    """Write the name of an arm or group as words.

    >>> readable("pembrolizumab_chemo v placebo_chemo")
    'Pembrolizumab chemo v placebo chemo'
    """
    words = str(name).replace("_", " ")
    return words[:1].upper() + words[1:]


def wrapped(text: str, width: int) -> str:
    """Break a long label over lines."""
    return "\n".join(textwrap.wrap(text, width, break_long_words=False)) or text
