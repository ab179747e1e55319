"""The value of a marker rule by inverse weighting: against the known truth, with a twin that must fail."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipeline.decide import Guided, weighted_values
from pipeline.decide.weighting import complete
from pipeline.schema import OUTCOMES, Cohort, Column, InputError

RULE = Guided.model_validate(
    {"when": [{"kind": "marker", "column": "tmb", "at_least": 0.5}], "arm": "new", "otherwise": "old"}
)
HAZARD = {(True, "new"): 0.03, (True, "old"): 0.09, (False, "new"): 0.12, (False, "old"): 0.06}
HORIZON = 18.0


def trial(patients: int, seed: int, share_new: float = 2 / 3, biased: bool = False) -> Cohort:
    """Constant hazards by marker and arm; a biased trial gives the new arm to those without the marker."""
    rng = np.random.default_rng(seed)
    tmb = rng.random(patients)
    chance = np.where(tmb >= 0.5, share_new - 0.3, share_new + 0.3) if biased else share_new
    arm = np.where(rng.random(patients) < chance, "new", "old")
    hazard = np.array([HAZARD[bool(t >= 0.5), str(a)] for t, a in zip(tmb, arm, strict=True)])
    event, censored = rng.exponential(size=patients) / hazard, rng.uniform(12, 48, patients)
    observed = pd.DataFrame(
        {"tmb": tmb, "arm": pd.Categorical(arm, categories=["new", "old"]),
         "os_months": np.minimum(event, censored), "died": event <= censored},
        index=pd.RangeIndex(patients, name="patient"),
    )  # fmt: skip
    columns = (
        Column("tmb", "baseline", "number", "TMB", "", "tumour"),
        Column("arm", "arm", "category", "Arm", categories=("new", "old")),
        *OUTCOMES[:2],
    )
    return Cohort("trial", observed, columns, False, control_arm="old")


def truth(arm_of: dict[bool, str]) -> float:
    """Months event-free up to the horizon when each half of the patients gets its arm."""
    months = [(1 - np.exp(-HAZARD[m, a] * HORIZON)) / HAZARD[m, a] for m, a in arm_of.items()]
    return float(np.mean(months))


def found(cohort: Cohort, share_new: float) -> pd.DataFrame:
    probabilities = {"new": share_new, "old": 1 - share_new}
    table = weighted_values(
        cohort, {"tmb": RULE}, probabilities, "os", HORIZON, 300, 0.95, np.random.default_rng(1)
    )
    return table[table["quantity"] == "rmst"].set_index("reference")


def z(row: pd.Series, expected: float) -> float:
    return abs(row["value"] - expected) / ((row["high"] - row["low"]) / (2 * 1.96))


def test_value_and_differences_are_those_of_the_truth() -> None:
    rows = found(trial(6000, 2), 2 / 3)
    best = truth({True: "new", False: "old"})
    assert z(rows.loc[""], best) < 4
    assert z(rows.loc["everybody new"], best - truth({True: "new", False: "new"})) < 4
    assert z(rows.loc["everybody old"], best - truth({True: "old", False: "old"})) < 4
    assert rows.loc["everybody old", "low"] > 0


def test_the_test_above_can_fail() -> None:
    """Patients who were not randomised as stated: the weights are wrong, and so is the value."""
    rows = found(trial(6000, 2, biased=True), 2 / 3)
    best = truth({True: "new", False: "old"})
    assert (
        max(z(rows.loc[""], best), z(rows.loc["everybody new"], best - truth({True: "new", False: "new"})))
        > 4
    )


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    best = truth({True: "new", False: "old"})
    held = 0
    for seed in range(150):
        row = found(trial(300, 100 + seed), 2 / 3).loc[""]
        held += row["low"] <= best <= row["high"]
    assert 0.95 - 4 * np.sqrt(0.95 * 0.05 / 150) < held / 150 <= 1


def test_missing_values_and_faults() -> None:
    cohort = trial(400, 3)
    frame = cohort.observed.assign(tmb=cohort.observed["tmb"].mask(np.arange(400) < 40))
    assert complete(frame, RULE).sum() == 360
    part = replace(cohort, observed=frame)
    rows = found(part, 2 / 3)
    assert (rows["patients"] == 360).all()
    with pytest.raises(InputError, match=r"no patient of arm 'third'.*sum to 1"):
        weighted_values(cohort, {"t": RULE}, {"new": 0.9, "third": 0.9}, "os", 12, 50, 0.95,
                        np.random.default_rng(0))  # fmt: skip
