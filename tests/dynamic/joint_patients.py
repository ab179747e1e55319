"""Patients whose tumour grows at a hidden rate that decides when they die: visits tell, baseline does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from pipeline.schema import Cohort
from tests.made_cohort import made_cohort

VISITS_EVERY = 1.5


def joint_patients(patients: int, seed: int) -> Cohort:
    """The made cohort with new deaths: log hazard 1.2 times the growth rate, seen in the tumour's size."""
    cohort = made_cohort(patients, seed)
    rng = np.random.default_rng(seed + 1000)
    growth = rng.normal(size=patients)
    died_at = rng.exponential(size=patients) / (0.05 * np.exp(1.2 * growth))
    left_at = rng.uniform(8, 36, patients)
    observed = cohort.observed.assign(
        os_months=np.maximum(np.minimum(died_at, left_at), 0.03), died=died_at <= left_at
    )
    rows = []
    for patient, rate in zip(observed.index, growth, strict=True):
        months = np.arange(0, 15, VISITS_EVERY)
        months = months[months < observed.loc[patient, "os_months"]]
        size = 60 * np.exp(0.08 * rate * months + rng.normal(0, 0.05, len(months)))
        rows.append(
            pd.DataFrame({"patient": patient, "visit": np.arange(len(months)), "planned": True,
                          "months": months, "target_lesions_mm": size})
        )  # fmt: skip
    return replace(cohort, observed=observed, visits=pd.concat(rows, ignore_index=True), truth=None)
