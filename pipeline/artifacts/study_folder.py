"""A study as a folder: what a command beside `run` found, in the form that reports and MLflow read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipeline.artifacts.cohort_folder import RESEARCH_USE, write_json
from pipeline.artifacts.folders import new_folder
from pipeline.artifacts.run_folder import library_versions
from pipeline.schema import Progress, silent

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save_study(
    folder: Path,
    *,
    facts: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame],
    figures: Mapping[str, Callable[[], Figure]],
    files: Mapping[str, str] | None = None,
    progress: Progress = silent,
) -> Path:
    """Write a study as a new folder and return it.

    ``run.json`` holds the facts, ``tables/`` each table as Parquet and as CSV, ``figures/`` each figure as
    PNG and SVG. `pipeline.artifacts.load_run` opens it as it opens a run.

    Parameters
    ----------
    folder : Path
        Made here; must not exist.
    facts : mapping
        JSON-ready: `kind`, `name`, `title`, `seed`, `simulated`, `limits` and what the study adds.
    tables, figures : mapping
        By file name without suffix; a figure is drawn when its turn comes.
    files : mapping, optional
        Further text files, name to content.

    Raises
    ------
    InputError
        When the folder exists or cannot be written; nothing half-written stays.
    """
    from pipeline.figures import save_figure

    with new_folder(folder) as partial:
        for part in ("tables", "figures"):
            (partial / part).mkdir()
        for name, table in tables.items():
            table.to_parquet(partial / "tables" / f"{name}.parquet")
            table.to_csv(partial / "tables" / f"{name}.csv", index=False)
        for name, content in (files or {}).items():
            (partial / name).write_text(content, encoding="utf-8")
        write_json(
            partial / "run.json", {"research_use": RESEARCH_USE, **facts, "versions": library_versions()}
        )
        for done, (name, draw) in enumerate(figures.items(), start=1):
            save_figure(draw(), partial / "figures" / name)
            progress("draw the figures", done, len(figures))
    return folder
