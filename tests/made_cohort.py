"""A small cohort with a known truth, made without the generator that the analysis must not know."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.models import ModelContext
from pipeline.schema import OUTCOMES, Cohort, Column, Truth

MONTHLY_HAZARD = 0.04
HORIZONS = (6.0, 12.0, 18.0)
EFFECTS = {"age_years": 0.5, "nlr": 0.6, "noise": 0.0}  # log hazard per standard deviation
TREATED, CONTROL = "pembrolizumab", "chemotherapy"


def made_cohort(
    patients: int, seed: int, follow_up: tuple[float, float] = (8, 36), name: str = "made"
) -> Cohort:
    """Exponential survival, half treated (log hazard ratio -0.5), missing PD-L1 in one of ten."""
    rng = np.random.default_rng(seed)
    index = pd.RangeIndex(patients, name="patient")
    z = {column: rng.normal(size=patients) for column in EFFECTS}
    pdl1 = np.where(rng.random(patients) < 0.3, 0.0, rng.integers(1, 101, patients)).astype(float)
    log_hazard = sum(effect * z[column] for column, effect in EFFECTS.items()) - 0.01 * pdl1
    arm = np.where(rng.random(patients) < 0.5, TREATED, CONTROL)
    treated = arm == TREATED
    died_at = rng.exponential(size=patients) / (MONTHLY_HAZARD * np.exp(log_hazard - 0.5 * treated))
    censored_at = rng.uniform(*follow_up, patients)
    observed = pd.DataFrame(
        {
            "age_years": 64 + 9 * z["age_years"],
            "nlr": np.exp(1.2 + 0.5 * z["nlr"]),
            "noise": z["noise"],
            "pdl1_tps_percent": np.where(rng.random(patients) < 0.1, np.nan, pdl1),
            "male": rng.random(patients) < 0.6,
            "arm": arm,
            "os_months": np.ceil(np.minimum(died_at, censored_at) * 30.4375) / 30.4375,
            "died": died_at <= censored_at,
        },
        index=index,
    )
    columns = (
        Column("age_years", "baseline", "number", "Age", "years", "clinical", low=0),
        Column("nlr", "baseline", "number", "NLR", "", "blood", low=0, positive=True),
        Column("noise", "baseline", "number", "Noise", "", "blood"),
        Column("pdl1_tps_percent", "baseline", "number", "PD-L1", "%", "tumour", low=0, high=100),
        Column("male", "baseline", "boolean", "Male", "", "clinical"),
        Column("arm", "arm", "category", "Arm", categories=(TREATED, CONTROL)),
        OUTCOMES[0],
        OUTCOMES[1],
    )
    months = np.array([0.0, 120.0])
    hazards = [
        pd.DataFrame(
            {"arm": a, "months": months, "os": MONTHLY_HAZARD * months, "progression": months * 0.05}
        )
        for a in (TREATED, CONTROL)
    ]
    truth = pd.DataFrame({"arm": arm}, index=index)
    for a, effect in ((TREATED, -0.5), (CONTROL, 0.0)):
        truth[f"os_log_hazard[{a}]"] = truth[f"progression_log_hazard[{a}]"] = log_hazard + effect
    return Cohort(
        name, observed, columns, simulated=True, control_arm=CONTROL, truth=Truth(truth, pd.concat(hazards))
    )


def context_of(cohort: Cohort) -> ModelContext:
    """What a model may know of `cohort`."""
    return ModelContext(
        columns=tuple(c for c in cohort.columns if c.role in ("baseline", "arm")),
        endpoint="os",
        horizons_months=HORIZONS,
        max_months=float(cohort.observed["os_months"].max()),
        truths=() if cohort.truth is None else (cohort.truth,),
        control_arm=cohort.control_arm,
    )
