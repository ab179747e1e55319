"""From a study's folder to MLflow: one run with its settings, estimates, tables, figures and page."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import pandas as pd

from pipeline.artifacts import RunView
from pipeline.tracking.client import (
    facts_tags,
    flat,
    identity_tag,
    log,
    metric_name,
    open_run,
    place_of,
    system_metrics,
)

# What may count along a metric's axis, None for nothing: the first that tells a table's rows apart.
STEPS: Final = ("landmark_months", "horizon_months", "months", "percentile", None, "patients", "group")
NUMBER_WORDS: Final = ("ratio_per_sd",)  # numbers that tell rows apart as words do
NAME_LETTERS: Final = 250  # what MLflow's store takes
WIDE_NAMES: Final = ("value", "hazard_ratio")  # estimates whose interval is plainly `low` and `high`


def track_study(view: RunView, uri: str, experiment: str) -> str:
    """File a study and return its run's identifier; one that was filed is not filed again.

    Parameters
    ----------
    view : RunView
        Of a folder that `pipeline.artifacts.study_folder.save_study` wrote.
    uri : str
        From `resolve_store`.
    experiment : str
        Made when it does not exist.
    """
    facts = view.facts
    cohorts = {
        f"{role}.{key}": cohort[key]
        for role, cohort in facts["cohorts"].items()
        for key in ("name", "patients", "simulated", "sha256")
    }
    with place_of(facts, uri, experiment) as (_, client, place, filed):
        if filed is not None:
            return filed
        tags = study_tags(facts) | identity_tag(facts)
        with open_run(client, place, view.folder.resolve().name, tags) as run:
            metrics = [m for name in view.tables for m in study_metrics(name, view.table(name))]
            metrics += system_metrics(facts)
            log(client, run, {"seed": facts["seed"], **cohorts, **flat(facts["settings"])}, metrics)
            log_folder(client, run, view)
    return run


def log_folder(client: Any, run: str, view: RunView) -> None:
    """File a study's figures, tables and other files."""
    for part in ("figures", "tables"):
        client.log_artifacts(run, str(view.folder / part), part)
    for file in sorted(p for p in view.folder.iterdir() if p.is_file()):
        client.log_artifact(run, str(file))


def study_metrics(name: str, table: pd.DataFrame) -> Iterator[tuple[str, float, int]]:
    """Yield name, value and step of every estimate of a table that has an interval, its ends included.

    A name is the table's, then the words that differ between its rows; steps are landmarks in months where
    there are some, else horizons. A table of patients, or one whose rows no words tell apart, yields
    nothing: it stands among the files.
    """
    estimates = _estimates(table)
    if "patient" in table or not len(table) or not estimates:
        return
    words = [
        c for c in table
        if (c in NUMBER_WORDS or not pd.api.types.is_numeric_dtype(table[c])) and _varies(table[c])
        and not (c == "data" and "landmark_months" in table)
    ]  # fmt: skip
    labels = table[words].astype(str).agg(".".join, axis=1) if words else pd.Series("", index=table.index)
    for step in (c for c in STEPS if c is None or c in table):
        others = [
            c for c in STEPS
            if c and c != step and c.endswith("months") and c in table and _varies(table[c])
        ]  # fmt: skip
        named = labels.copy()
        for other in others:
            named += table[other].map(lambda m: "" if pd.isna(m) else f".at {m:g} months")
        steps = (
            table[step].fillna(0).round().astype(int) if step is not None else pd.Series(0, index=table.index)
        )
        if not pd.DataFrame({"name": named, "step": steps}).duplicated().any():
            break
    else:
        return
    for estimate, ends in estimates.items():
        for suffix, column in zip(("", ".low", ".high"), (estimate, *ends), strict=True):
            shown = "" if estimate == "value" else f".{estimate}"
            for label, at, value in zip(named, steps, table[column], strict=True):
                if isinstance(value, float) and math.isfinite(value):
                    full = metric_name(f"{name}.{label}{shown}".replace("..", ".").rstrip("."))
                    yield full[: NAME_LETTERS - len(suffix)] + suffix, value, int(at)


def _varies(values: pd.Series[Any]) -> bool:
    return len(values.drop_duplicates()) > 1


def _estimates(table: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Return the columns with an interval beside them, each with the columns of its ends."""
    columns = [str(c) for c in table]
    found = {c: (f"{c}_low", f"{c}_high") for c in columns}
    found |= {c: ("low", "high") for c in WIDE_NAMES if f"{c}_low" not in columns}
    return {
        c: ends for c, ends in found.items()
        if all(p in columns and pd.api.types.is_float_dtype(table[p]) for p in (c, *ends))
    }  # fmt: skip


def study_tags(facts: dict[str, Any]) -> dict[str, str]:
    """Return the tags of a run that files a study."""
    simulated = facts["simulated"]
    tags = facts_tags(facts) | {
        "study": facts["kind"],
        "simulated": "mixed" if simulated is None else str(simulated).lower(),
        "mlflow.source.name": f"lungio {facts['kind']}",
    }
    return {key: value for key, value in tags.items() if value}
