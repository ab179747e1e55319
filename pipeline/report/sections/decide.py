"""What a policy is worth: strategies side by side, against each other, and what was assumed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pandas as pd

from pipeline.artifacts import RunView
from pipeline.report import blocks
from pipeline.schema import ENDPOINTS

QUANTITIES: Final = {
    "rmst": "Months event-free",
    "harmed": "Worse off",
    "helped": "Better off",
    "event_free": "Event-free at the horizon",
    "treated_months": "Months on treatment",
    "severe_events": "Events of grade 3 or more",
    "acted": "Patients acted on",
}
SHARES: Final = ("event_free", "acted", "harmed", "helped")


def strategy_values(run: RunView) -> str:
    """Return the mean of each quantity under each strategy, one table an endpoint."""
    return _tables(run, run.table("values"), ["strategy"]) if "values" in run.tables else ""


def strategy_differences(run: RunView) -> str:
    """Return each strategy less the fixed and the reversed one, and folded less each of the others."""
    if "differences" not in run.tables:
        return ""
    table = run.table("differences")
    first = (table["reference"] == run.facts["fixed"]) | table["reference"].str.endswith("_reversed")
    keys = ["strategy", "reference"]
    rest = _tables(run, table[~first], keys)
    folded = blocks.folded("Against the other strategies", rest) if rest else ""
    return _tables(run, table[first], keys) + folded


def weighted_strategies(run: RunView) -> str:
    """Return rules judged by weighting: value and differences, one table an endpoint."""
    if "weighted" not in run.tables:
        return ""
    return _tables(run, run.table("weighted"), ["strategy", "reference", "patients", "followed"])


def _tables(run: RunView, table: pd.DataFrame, keys: Sequence[str]) -> str:
    """Return one table an endpoint, quantities side by side."""
    made = []
    labels = run.facts["strategy_labels"]
    for endpoint, part in table.groupby("endpoint", sort=False):
        quantities = [q for q in QUANTITIES if q in set(part["quantity"])]
        rows = []
        for values, group in part.groupby(list(keys), sort=False):
            found = group.set_index("quantity")
            names = [labels.get(str(v), "the value itself" if v == "" else v) for v in values]
            rows.append(
                [*names, *(_cell(found.loc[[q]].iloc[0], q) if q in found.index else "" for q in quantities)]
            )
        heads = {
            "strategy": "Strategy",
            "reference": "Less",
            "patients": "Patients",
            "followed": "Followed it",
        }
        errors = part["monte_carlo_error"].max() if "monte_carlo_error" in part else float("nan")
        said = ENDPOINTS[str(endpoint)].label
        if pd.notna(errors):
            months = part.loc[part["quantity"] == "rmst", "monte_carlo_error"].max()
            said += f". Monte-Carlo error of months event-free over the cohorts drawn: at most {months:.2f}."
        made.append(blocks.table(
            [*(heads[k] for k in keys), *(QUANTITIES[q] for q in quantities)], rows,
            caption=said, numbers_from=len([k for k in keys if k in ("strategy", "reference")]),
        ))  # fmt: skip
    return "".join(made)


def _cell(row: pd.Series, quantity: str) -> object:
    if quantity in SHARES:
        value, low, high = (100 * float(row[c]) for c in ("value", "low", "high"))
        return blocks.Markup(blocks.estimate(value, low, high, 1).replace("<span", " %<span", 1))
    return blocks.estimate(float(row["value"]), float(row["low"]), float(row["high"]), 2)
