"""Simulated patients with constant hazards, two arms and a monthly signal that foretells the event."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.decide import Action, Assay, Policy, Ratios, Rule, Where
from pipeline.schema import OUTCOMES, Cohort, Column, Truth

TREATED, CONTROL = "new", "old"
HAZARD, RATIO = 0.03, 0.6  # a month in the control arm; of the new arm
FORETELLS_MONTHS = 8.0
HORIZON = 36.0
PLANNED = {TREATED: 12.0, CONTROL: 3.0}


def made_world(patients: int, seed: int, progression: float = 0.02) -> Cohort:
    """Death at HAZARD a month; a signal of 1 begins 8 months before progression."""
    rng = np.random.default_rng(seed)
    index = pd.Index([f"p{i}" for i in range(patients)], name="patient")
    arm = np.where(np.arange(patients) % 2 == 0, TREATED, CONTROL)
    log_hazard = 0.4 * rng.normal(size=patients)
    ratio = np.where(arm == TREATED, RATIO, 1.0) * np.exp(log_hazard)
    os = rng.exponential(size=patients) / (HAZARD * ratio)
    pfs = np.minimum(os, rng.exponential(size=patients) / (progression * ratio))
    observed = pd.DataFrame(
        {
            "pdl1_tps_percent": rng.integers(0, 101, patients).astype(float),
            "arm": pd.Categorical(arm, categories=[TREATED, CONTROL]),
            "os_months": np.minimum(os, 120.0),
            "died": os <= 120,
            "pfs_months": np.minimum(pfs, 120.0),
            "progressed_or_died": pfs <= 120,
        },
        index=index,
    )
    columns = (
        Column("pdl1_tps_percent", "baseline", "number", "PD-L1", "%", "tumour", low=0, high=100),
        Column("arm", "arm", "category", "Arm", categories=(TREATED, CONTROL)),
        *OUTCOMES[:4],
    )
    truth = pd.DataFrame({"arm": arm, "os_event_months": os, "pfs_event_months": pfs}, index=index)
    truth["state"] = np.where(pfs < os, "progresses", "dies")
    for name, step in ((TREATED, np.log(RATIO)), (CONTROL, 0.0)):
        for cause in ("os", "progression"):
            truth[f"{cause}_log_hazard[{name}]"] = log_hazard + step
    months = np.array([0.0, 60.0, 240.0])
    hazards = pd.concat(
        pd.DataFrame(
            {"arm": a, "months": months, "os": HAZARD * months, "progression": progression * months,
             "association": 1.0}
        )
        for a in (TREATED, CONTROL)
    )  # fmt: skip
    at = np.arange(0.0, 37.0)
    table = pd.DataFrame(
        {
            "patient": np.repeat(index, len(at)),
            "visit": np.tile(np.arange(len(at)), patients),
            "planned": True,
            "months": np.tile(at, patients),
            "signal": (np.tile(at, patients) > np.repeat(pfs, len(at)) - FORETELLS_MONTHS).astype(float),
        }
    )
    table = table[table["months"] <= np.repeat(observed["os_months"].to_numpy(), len(at))]
    table = table.reset_index(drop=True)
    truth_visits = table.assign(took_place=True)
    events = pd.DataFrame(
        {
            "patient": index[::4], "event": "rash", "organ": "skin", "immune_mediated": True, "grade": 3.0,
            "onset_months": np.minimum(2.0, observed["os_months"].to_numpy()[::4]), "duration_months": 0.0,
            "resolved": True,
        }
    )  # fmt: skip
    return Cohort(
        "made", observed, columns, True, control_arm=CONTROL, truth=Truth(truth, hazards, truth_visits),
        visits=table, events=events,
    )  # fmt: skip


def made_policy(consecutive: int = 2, sensitivity: float = 1.0, specificity: float = 1.0) -> Policy:
    """Two positive tests in a row, monthly from month 3: intensify; three negative ones: stop early."""
    return Policy(
        label="made",
        assays={
            "blood": Assay(
                column="signal", first_months=3, every_weeks=4.348125, until_months=30, turnaround_weeks=1,
                positive_at=0.5, sensitivity=sensitivity, specificity=specificity,
            )
        },
        rules=(
            Rule.model_validate({
                "name": "persistence", "action": "intensify",
                "when": [{"kind": "result", "assay": "blood", "result": "positive",
                          "consecutive": consecutive}],
            }),
            Rule.model_validate({
                "name": "conversion", "action": "stop_early",
                "when": [{"kind": "result", "assay": "blood", "result": "negative", "consecutive": 3}],
            }),
        ),
    )  # fmt: skip


THERE = Where(column="signal", at_least=0.5)
ACTIONS = {
    "intensify": Action(
        kind="escalate", ratios=Ratios(os=0.5, pfs=0.4), where=THERE, elsewhere=Ratios(os=1.05, pfs=1.0),
        adds_months=3, severe_events_per_month=0.05, reason="made up for tests",
    ),
    "stop_early": Action(
        kind="deescalate", ratios=Ratios(os=1.4, pfs=1.7), where=THERE, ends_treatment=True,
        reason="made up for tests",
    ),
}  # fmt: skip
