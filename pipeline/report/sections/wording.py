"""Names and cells that several sections share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd

from pipeline.artifacts import RunView
from pipeline.models.labels import model_label
from pipeline.report import blocks
from pipeline.report.blocks import Markup

DATA_NAMES: Final = {"cross-validation": "cross-validation", "external": "external test"}
BETTER: Final = {
    "higher": "higher is better",
    "lower": "lower is better",
    "one": "1 is right",
    "zero": "0 is right",
}


def words(name: Any) -> str:
    """Return an identifier as words, with a capital."""
    said = str(name).replace("_", " ")
    return said[:1].upper() + said[1:]


def models_in(scores: pd.DataFrame) -> list[str]:
    """Return the models of a score table, the oracle last."""
    return sorted(dict.fromkeys(scores["model"]), key=lambda model: model == "oracle")


def shaded(models: list[str]) -> list[str]:
    """Return the headings of the columns to shade."""
    return [model_label("oracle")] if "oracle" in models else []


def estimates(by_model: pd.DataFrame, models: list[str], best: str | None = None) -> list[Markup]:
    """Return one cell a model: its value and interval."""
    cells = []
    for model in models:
        if model in by_model.index:
            value, low, high = (float(by_model[c].loc[model]) for c in ("value", "low", "high"))
            cells.append(blocks.estimate(value, low, high, best=model == best))
        else:
            cells.append(Markup(""))
    return cells


def explained_horizon(run: RunView) -> float:
    """Return the horizon of the scores that lies nearest to the explained one."""
    analysis = run.facts["analysis"]
    wanted = analysis["explanation"]["horizon_months"]
    return float(min(analysis["horizons_months"], key=lambda horizon: abs(horizon - wanted)))


def any_simulated(facts: Mapping[str, Any]) -> bool:
    """Whether a cohort of the run is simulated."""
    return any(c["simulated"] for c in facts["cohorts"].values())


def limits(facts: Mapping[str, Any]) -> list[str]:
    """Return that a run is for research, and what its figures do not show."""
    lines = [facts["research_use"]]
    if any_simulated(facts):
        lines.append(
            "Simulated patients repeat what was published: survival and response of each arm, and effects "
            "and correlations of markers one paper at a time. Scores on them show whether a method finds "
            "what was put in, not how well it would predict for patients of a clinic."
        )
    if not facts["simulated"]:
        lines.append(
            "One cohort shows how models do on patients like these. It does not show how they do elsewhere, "
            "and what a model rests on is not shown to be a cause."
        )
    return lines
