"""Every figure of a run, drawn from its tables alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pipeline.schema import Progress, silent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Tables = Mapping[str, pd.DataFrame]
Drawing = tuple[str, Callable[[], "Figure"]]


def draw_gallery(tables: Tables, facts: Mapping[str, Any], folder: Path, progress: Progress = silent) -> None:
    """Draw every figure that `tables` hold the data of, as PNG and SVG in the new folder `folder`.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        As in `RunResult.tables`.
    facts : mapping
        `endpoint`, `explained_months`, and `title` of the run.
    folder : Path
    progress : Progress, optional
    """
    from pipeline.figures import save_figure

    folder.mkdir()
    drawings = list(_drawings(tables, facts))
    progress("draw the figures", 0, len(drawings))
    for done, (name, draw) in enumerate(drawings, start=1):
        save_figure(draw(), folder / name)
        progress("draw the figures", done, len(drawings))


def _drawings(tables: Tables, facts: Mapping[str, Any]) -> Iterator[Drawing]:
    yield from _cohort_drawings(tables, str(facts["endpoint"]))
    yield from _score_drawings(tables, float(facts["explained_months"]))
    yield from _explanation_drawings(tables, float(facts["explained_months"]))


def _cohort_drawings(tables: Tables, endpoint: str) -> Iterator[Drawing]:
    from pipeline import figures

    published = None
    if "fidelity" in tables:
        fidelity = tables["fidelity"]
        published = fidelity[(fidelity["endpoint"] == endpoint) & fidelity["kind"].isin(["median", "landmark"])]
        shown = fidelity[fidelity["built_on"] & fidelity["kind"].isin(["median", "landmark", "hazard_ratio"])]
        if len(shown):
            yield "fidelity", lambda: figures.fidelity_figure(shown)
    yield (
        "kaplan_meier",
        lambda: figures.kaplan_meier_figure(tables["kaplan_meier"], endpoint, published=published),
    )
    if (tables["missing"]["missing"] > 0).any():
        yield "missing", lambda: _missing_figure(tables["missing"])
    correlations = tables["correlations"].set_index("label")
    if len(correlations) > 1:
        yield "correlations", lambda: figures.correlation_figure(correlations)


def _missing_figure(table: pd.DataFrame) -> Figure:
    from pipeline import figures

    rows = min(int((table["missing"] > 0).sum()), 25)
    figure = figures.new_figure(8.0, 1.6 + 0.27 * rows)
    figures.missingness(table, figure.subplots())
    return figure


def _score_drawings(tables: Tables, months: float) -> Iterator[Drawing]:
    from pipeline import figures

    scores = tables["scores"]
    horizons = scores["horizon_months"].dropna().unique()
    near = float(horizons[np.argmin(np.abs(horizons - months))]) if len(horizons) else None
    yield "scores", lambda: figures.metric_forest_figure(scores, near)
    for data in dict.fromkeys(scores["data"]):
        short = str(data).replace("-", "_")
        calibration = tables["calibration"][tables["calibration"]["data"] == data]
        predictions = tables["predictions"]
        predictions = predictions[(predictions["data"] == data) & (predictions["repeat"] == 0)]
        predicted = predictions.rename(columns={"survival": "predicted"})
        for horizon in sorted(calibration["horizon_months"].unique()):
            yield (
                f"calibration_{short}_{horizon:g}_months",
                lambda c=calibration, h=horizon, p=predicted: figures.calibration_figure(c, h, p),
            )
        roc = tables["roc"][tables["roc"]["data"] == data]
        if len(roc):
            of_data = scores[scores["data"] == data]
            yield f"roc_{short}", lambda r=roc, s=of_data: figures.roc_figure(r, s)


def _explanation_drawings(tables: Tables, months: float) -> Iterator[Drawing]:
    from pipeline import figures

    if "importance" not in tables:
        return
    importance = tables["importance"]
    for model in dict.fromkeys(importance["model"]):
        mine = importance[importance["model"] == model]
        columns, modalities = (mine[mine["level"] == level] for level in ("column", "modality"))
        scale = str(mine["scale"].iloc[0])
        at = months if mine["horizon_months"].notna().any() else None
        yield (
            f"importance_{model}",
            lambda c=columns, m=modalities, at=at: figures.importance_figure(c, m, at),
        )
        if mine["horizon_months"].nunique() > 1:
            yield f"importance_over_time_{model}", lambda c=columns: figures.importance_over_time_figure(c)
        swarm = tables["beeswarm"]
        swarm = swarm[swarm["model"] == model]
        yield f"beeswarm_{model}", lambda s=swarm, sc=scale, at=at: figures.beeswarm_figure(s, sc, at)
        stories = tables["waterfalls"]
        stories = stories[stories["model"] == model]
        for number, (role, story) in enumerate(stories.groupby("role", sort=False), start=1):
            yield (
                f"waterfall_{model}_{number}",
                lambda s=story, sc=scale, at=at, r=role: figures.waterfall_figure(s, sc, at, f"Patient at {r}"),
            )
    if "agreement_columns" in tables:
        yield (
            "agreement",
            lambda: figures.agreement_figure(tables["agreement_columns"], months),
        )
