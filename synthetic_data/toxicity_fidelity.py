"""How far the adverse events drawn are from the shares a trial published."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from pipeline.schema import Cohort
from synthetic_data.cohort_spec import Plan

TOLERANCE: Final = 0.005  # of patients
CHANCE: Final = 2.6  # standard errors put down to the chance of a draw


def adverse_event_rows(cohort: Cohort, plan: Plan) -> list[dict[str, object]]:
    """Return a row of the fidelity table for each safety figure of each arm; none without adverse events.

    `expected` is the share the solved intensities give these patients, `reproduced` the share who have
    the event in the table by the publication's follow-up. A figure after a longer follow-up than the
    cohort's is held against what is seen by then, and is not within when that is too little.
    """
    if cohort.events is None or cohort.truth is None:
        return []
    enrolled = cohort.truth.patients.loc[cohort.observed.index, "enrolled_month"]
    onset = cohort.events["onset_months"] + cohort.events["patient"].map(enrolled)
    rows = []
    for arm, account in cohort.manifest["adverse_events"]["arms"].items():
        everybody = enrolled[(cohort.observed["arm"] == arm).to_numpy()]
        for figure in account["figures"]:
            months = figure["follow_up_months"]
            months = plan.follow_up_months if months is None else months
            month = plan.spec.accrual.cut_month(months)
            treated = everybody.index[everybody < month]
            if not len(treated) or figure["expected"] is None:
                continue
            seen = cohort.events[counted(cohort.events, figure["target"]) & (onset <= month).to_numpy()]
            reproduced = float(treated.isin(seen["patient"]).mean())
            rows.append(_row(figure, months, reproduced, len(treated), str(plan.trial.main_population)))
    return rows


def counted(events: pd.DataFrame, target: str) -> pd.Series[Any]:
    """Whether each event is one that a target such as ``pneumonitis_severe`` counts."""
    event, _, extent = target.rpartition("_")
    severe = events["grade"] >= 3
    if target == "severe_any_cause":
        return severe
    chosen = events["immune_mediated"] if event == "immune" else events["event"] == event
    return chosen & severe if extent == "severe" else chosen


def _row(
    figure: dict[str, Any], months: float, reproduced: float, patients: int, population: str
) -> dict[str, object]:
    published = float(figure["rate"])
    by_chance = float(np.sqrt(published * (1 - published) / patients))
    reasons = [figure["left_out"]] + ["borrowed from arms like it"] * figure["assumed"]
    return {
        "arm": figure["arm"],
        "endpoint": figure["event"].replace("_", " "),
        "kind": "adverse_event",
        "months": months,
        "published": published,
        "low": figure["low"],
        "high": figure["high"],
        "expected": figure["expected"],
        "reproduced": reproduced,
        "gap": reproduced - published,
        "standard_error": by_chance,
        "built_on": not figure["assumed"] and not figure["left_out"],
        "within": abs(reproduced - published) <= max(TOLERANCE, CHANCE * by_chance)
        or (bool(figure["left_out"]) and figure["low"] <= reproduced <= figure["high"]),
        "population": population,
        "reason": "; ".join(r for r in reasons if r),
        "source": figure["source"],
    }
