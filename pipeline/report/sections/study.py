"""What the pages of all studies share: the first screen, tables as they are, and how it was done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from pipeline.artifacts import RunView
from pipeline.report import blocks
from pipeline.report.blocks import text
from pipeline.report.sections.wording import words


def study_opening(run: RunView) -> str:
    """Return title, whether patients are simulated or real, research use, and what is not shown."""
    facts = run.facts
    origin = {
        True: "Every patient in this report is simulated.",
        False: "The patients in this report are real.",
    }.get(facts["simulated"], "Some patients in this report are simulated, others are real.")
    notes = f"<p>{text(facts['report_notes'])}</p>" if facts.get("report_notes") else ""
    return (
        f'<h1>{text(facts["title"])}</h1><p class="lead">{text(facts["lead"])}</p>'
        + blocks.notice("caution", origin, [facts["research_use"], *facts["limits"]])
        + notes
        + blocks.cards([(c["what"], c["figure"], c["detail"]) for c in facts.get("cards", [])])
    )


def study_figures(run: RunView, captions: Mapping[str, str]) -> str:
    """Return the figures there are among `captions` (a pattern of names each), in their order."""
    return "".join(blocks.figures(run.figures(pattern), caption) for pattern, caption in captions.items())


def study_table(
    run: RunView,
    name: str,
    *,
    caption: str = "",
    headings: Mapping[str, str] | None = None,
    digits: int = 3,
    numbers_from: int = 1,
    rows: int | None = None,
) -> str:
    """Return one table of the study; columns named in `headings` (all when left out), figures rounded.

    Columns `<x>_low` and `<x>_high` stand as an interval beneath `<x>`, `low` and `high` beneath `value`.
    """
    if name not in run.tables:
        return ""
    table = run.table(name)
    if table.empty:
        return ""
    table = table if rows is None else table.head(rows)
    bounds = {c: ("low", "high") if c == "value" else (f"{c}_low", f"{c}_high") for c in table}
    inside = {b for c, pair in bounds.items() if set(pair) <= set(table) for b in pair}
    shown = [c for c in (headings or table.columns) if c in table and c not in inside]
    body = [[_cell(row, c, bounds[c], digits) for c in shown] for row in table.to_dict("records")]
    names = [(headings or {}).get(c, words(c)) for c in shown]
    return blocks.table(names, body, caption=caption, numbers_from=numbers_from)


def _cell(row: Mapping[Any, Any], column: str, pair: tuple[str, str], digits: int) -> object:
    value = row[column]
    if column in ("learner", "measure", "method", "metric", "model", "policy", "action"):
        return words(value)
    if value is pd.NA:
        return ""
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else value
    if pd.isna(value):
        return ""
    if set(pair) <= set(row):
        return blocks.estimate(value, float(row[pair[0]]), float(row[pair[1]]), digits)
    return f"{value:g}" if column.endswith(("months", "weeks", "percent")) else f"{value:.{digits}f}"


def published_trials(table: pd.DataFrame, caption: str = "") -> str:
    """Return trials of the register as a table: how each compared agents with none, however it came out."""
    rows = [
        [
            r["trial"], str(r["setting"]).replace("_", " "), r["agents"], r["reading"], r["endpoint"],
            blocks.estimate(r["hazard_ratio"], r["low"], r["high"], 2),
        ]
        for r in table.to_dict("records")
    ]  # fmt: skip
    head = ["Trial", "Setting", "Agents", "Reading", "Endpoint", "Hazard ratio"]
    return blocks.table(head, rows, caption=caption, numbers_from=5)


def study_methods(run: RunView, more: Sequence[str] = ()) -> str:
    """Return seed, hashes, versions and the command that repeats the study."""
    facts = run.facts
    told = {
        "Command": facts.get("command") or "from a script",
        "Seed": facts["seed"],
        "Settings (SHA-256)": facts["config_sha256"][:16],
        "Evidence (SHA-256)": facts["evidence"]["sha256"][:16],
        "Commit": (facts.get("git") or {}).get("commit", "not a checkout"),
        "Versions": ", ".join(f"{k} {v}" for k, v in facts["versions"].items() if v != "not installed"),
    }
    for role, cohort in facts["cohorts"].items():
        told[f"Cohort, {role}"] = (
            f"{cohort['name']}: {cohort['patients']:,} {'simulated' if cohort['simulated'] else 'real'} "
            f"patients, SHA-256 {cohort['sha256'][:16]}"
        )
        citation = cohort["manifest"].get("citation")
        if citation:
            told[f"Source, {role}"] = citation
    return blocks.pairs(told) + (blocks.bullets(more) if more else "")
