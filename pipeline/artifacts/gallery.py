"""Every figure of a run, drawn from its tables alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pipeline.artifacts.lineage import lineage
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
        `endpoint` and `explained_months`; and what ``run.json`` holds, for where the run comes from.
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
    from pipeline import figures

    yield from _cohort_drawings(tables, str(facts["endpoint"]))
    yield from _score_drawings(tables, float(facts["explained_months"]))
    yield from _explanation_drawings(tables, float(facts["explained_months"]))
    if "response_calibration" in tables:
        yield "response", partial(
            figures.response_figure, tables["response_scores"], tables["response_calibration"]
        )
    yield "lineage", lambda: figures.lineage_figure(*lineage(facts))


def _cohort_drawings(tables: Tables, endpoint: str) -> Iterator[Drawing]:
    from pipeline import figures

    published = None
    if "fidelity" in tables:
        fidelity = tables["fidelity"]
        published = fidelity[
            (fidelity["endpoint"] == endpoint) & fidelity["kind"].isin(["median", "landmark"])
        ]
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
    from pipeline.figures.style import styled

    rows = min(int((table["missing"] > 0).sum()), 25)

    @styled
    def draw() -> Figure:
        figure = figures.new_figure(8.0, 1.6 + 0.27 * rows)
        figures.missingness(table, figure.subplots())
        return figure

    return draw()


def _score_drawings(tables: Tables, months: float) -> Iterator[Drawing]:
    from pipeline import figures

    scores = tables["scores"]
    horizons = scores["horizon_months"].dropna().unique()
    near = float(horizons[np.argmin(np.abs(horizons - months))]) if len(horizons) else None
    yield "scores", partial(figures.metric_forest_figure, scores, near)
    kinds = list(dict.fromkeys(scores["data"]))
    data = "external" if "external" in kinds else kinds[0]  # one picture of each; the tables hold both
    short = str(data).replace("-", "_")
    calibration, roc, predictions = (
        _of(tables[name], data) for name in ("calibration", "roc", "predictions")
    )
    predicted = predictions[predictions["repeat"] == 0].rename(columns={"survival": "predicted"})
    for horizon in sorted(calibration["horizon_months"].unique()):
        name = f"calibration_{short}_{horizon:g}_months"
        yield name, partial(figures.calibration_figure, calibration, horizon, predicted)
    if len(roc):
        yield f"roc_{short}", partial(figures.roc_figure, roc, _of(scores, data))
    decisions = _of(tables["decisions"], data)
    if len(decisions):
        known = decisions["horizon_months"].unique()
        yield (
            f"decisions_{short}",
            partial(figures.decision_figure, decisions, float(known[np.argmin(np.abs(known - months))])),
        )


def _of(table: pd.DataFrame, data: str) -> pd.DataFrame:
    return table[table["data"] == data] if len(table) else table


def _explanation_drawings(tables: Tables, months: float) -> Iterator[Drawing]:
    from pipeline import figures

    if "importance" not in tables:
        return
    importance = tables["importance"]
    for model in dict.fromkeys(importance["model"]):
        mine = importance[importance["model"] == model]
        columns, modalities, mechanisms = (
            mine[mine["level"] == level] for level in ("column", "modality", "mechanism")
        )
        scale = str(mine["scale"].iloc[0])
        at = months if mine["horizon_months"].notna().any() else None
        yield f"importance_{model}", partial(figures.importance_figure, columns, modalities, at)
        if len(mine["horizon_months"].dropna().unique()) > 1:
            yield f"importance_over_time_{model}", partial(figures.importance_over_time_figure, columns)
        yield f"mechanisms_{model}", partial(figures.importance_over_time_figure, mechanisms)
        swarm = tables["beeswarm"][tables["beeswarm"]["model"] == model]
        yield f"beeswarm_{model}", partial(figures.beeswarm_figure, swarm, scale, at)
        shown = tables["dependence"][tables["dependence"]["model"] == model]
        if len(shown):
            yield f"dependence_{model}", partial(figures.dependence_figure, shown, scale, at)
        if "waterfalls" in tables:
            yield from _waterfalls(tables["waterfalls"], str(model), scale, at)
    if "agreement_columns" in tables:
        table = tables["agreement_columns"]
        yield "agreement", partial(figures.agreement_figure, table[table["of"] == "contribution"], months)


def _waterfalls(stories: pd.DataFrame, model: str, scale: str, months: float | None) -> Iterator[Drawing]:
    from pipeline import figures

    mine = stories[stories["model"] == model]
    for number, (role, story) in enumerate(mine.groupby("role", sort=False), start=1):
        title = f"Patient at {role}"
        yield f"waterfall_{model}_{number}", partial(figures.waterfall_figure, story, scale, months, title)
