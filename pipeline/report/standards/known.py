"""What a run knows of itself, as counts, names and figures; every document takes them from here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from pipeline.artifacts import RunView, lineage
from pipeline.models.labels import RULES, model_label
from pipeline.report.sections.wording import words

SHA_LETTERS: Final = 12  # of a fingerprint in running text; the methods section prints the whole


@dataclass(frozen=True)
class Counts:
    """How many patients one cohort has, and how many of them have the event."""

    patients: int
    events: int
    complete: int

    def __str__(self) -> str:
        return f"{self.patients:,} patients, {self.events:,} events"


def is_documented(run: RunView) -> bool:
    """Whether a run holds what the documents are filled from; studies and runs of older versions do not."""
    models = run.facts.get("models", {})
    return {"flow", "scores", "horizons"} <= set(run.tables) and all("features" in m for m in models.values())


def counts(run: RunView) -> dict[str, Counts]:
    """Return patients, events and complete records of each cohort, by role."""
    by_role = run.table("flow").groupby("role", sort=False)[["patients", "events", "all_measured"]].sum()
    return {
        str(role): Counts(*map(int, row)) for role, row in zip(by_role.index, by_role.to_numpy(), strict=True)
    }


def endpoint_label(run: RunView) -> str:
    """Return the endpoint's name as it stands in a sentence."""
    return str(run.table("endpoint")["label"].iloc[0]).lower()


def learnt(run: RunView) -> list[str]:
    """Return the models that were trained on features."""
    return [name for name, about in run.facts["models"].items() if about["features"]]


def fixed(run: RunView) -> list[str]:
    """Return the models that were fixed before these patients were seen: rules and published scores."""
    return [name for name in run.facts["models"] if name in RULES]


def predictors(run: RunView) -> list[dict[str, Any]]:
    """Return the declarations of the columns that models learn from, the arm last."""
    return lineage.predictors(run.facts)


def missing(run: RunView) -> pd.Series[float]:
    """Return the share of training patients without each predictor, largest first, where there is any."""
    table = run.table("missing").set_index("column")["missing"]
    used = [c["name"] for c in predictors(run) if c["name"] in table.index]
    gaps = table.loc[used]
    return gaps[gaps > 0].sort_values(ascending=False, kind="stable")


def column_label(run: RunView, name: str) -> str:
    """Return what a training column is called in the report."""
    return next((c["label"] for c in predictors(run) if c["name"] == name and c["label"]), name)


def judged_on(run: RunView) -> str:
    """Return which patients the scores to be quoted come from: external ones where there are any."""
    return "external" if "external" in set(run.table("scores")["data"]) else "cross-validation"


def score(run: RunView, metric: str, model: str, months: float | None = None, group: str = "all") -> str:
    """Return one score with its interval as text; empty where it was not computed."""
    table = run.table("scores")
    at = table["horizon_months"].isna() if months is None else table["horizon_months"] == months
    rows = table[
        (table["data"] == judged_on(run)) & (table["metric"] == metric) & (table["model"] == model)
        & (table["group"] == group) & at
    ]  # fmt: skip
    if rows.empty or pd.isna(rows["value"].iloc[0]):
        return ""
    row = rows.iloc[0]
    return f"{row['value']:.3f} ({row['low']:.3f} to {row['high']:.3f})"


def best(run: RunView) -> str | None:
    """Return the trained model with the highest Uno's C on the patients that scores are quoted from."""
    table = run.table("scores")
    rows = table[
        (table["data"] == judged_on(run)) & (table["metric"] == "uno_c") & (table["group"] == "all")
        & table["model"].isin(learnt(run))
    ].dropna(subset="value")  # fmt: skip
    return None if rows.empty else str(rows.sort_values("value", kind="stable")["model"].iloc[-1])


def months(values: list[float]) -> str:
    """Return horizons as text."""
    return listed([f"{value:g}" for value in values]) + " months"


def listed(parts: list[str], most: int = 60) -> str:
    """Return words as a list in a sentence; beyond `most` they are counted."""
    if len(parts) > most:
        return ", ".join(parts[:most]) + f" and {len(parts) - most} more"
    return parts[0] if len(parts) == 1 else " and ".join([", ".join(parts[:-1]), parts[-1]] if parts else [])


def names(models: list[str]) -> str:
    """Return models by their names in the report."""
    return listed([model_label(m) for m in models])


def origin(cohort: dict[str, Any]) -> str:
    """Return in a phrase where a cohort comes from."""
    manifest = cohort["manifest"]
    if cohort["simulated"]:
        trial = manifest.get("trial")
        drawn = f"drawn from the published figures of {trial}" if trial else "simulated"
        registry = f" ({manifest['registry']})" if manifest.get("registry") else ""
        return f"{drawn}{registry}; no row is a person"
    file = manifest.get("file", "a file")
    cited = f"; {manifest['citation']}" if manifest.get("citation") else ""
    return f"read from {file}, SHA-256 {str(manifest.get('sha256', ''))[:SHA_LETTERS]}{cited}"


def cohort_line(run: RunView, role: str) -> str:
    """Return one cohort in a phrase: name, size, events, origin, fingerprint."""
    cohort = run.facts["cohorts"][role]
    return (
        f"{cohort['name']}, {counts(run)[role]} of {endpoint_label(run)}, {origin(cohort)}; "
        f"table SHA-256 {cohort['sha256'][:SHA_LETTERS]}"
    )


def arm_names(run: RunView, role: str) -> str:
    """Return the arms of a cohort with their sizes."""
    arms = run.facts["cohorts"][role]["arms"]
    return listed([f"{words(arm)} ({patients:,})" for arm, patients in arms.items()])
