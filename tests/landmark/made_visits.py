"""Serial measurements that no generator made: small enough to compute features by hand, or random."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from pipeline.landmark import SERIES as DECLARED
from pipeline.schema import Cohort
from tests.made_cohort import made_cohort

SERIES = (*DECLARED, "undeclared_per_l")


def with_visits(patients: int = 120, seed: int = 3) -> Cohort:
    """The made cohort with visits every 1.4 months until death or loss, some values missing or 0."""
    cohort = made_cohort(patients, seed)
    rng = np.random.default_rng(seed)
    rows = []
    for number, (patient, os_months) in enumerate(cohort.observed["os_months"].items()):
        months = np.arange(0, 12, 1.4)
        months = months[months < os_months]
        trend = rng.normal(0, 0.3)
        table = pd.DataFrame(
            {"patient": patient, "visit": np.arange(len(months)), "planned": True, "months": months}
        )
        for column in SERIES:
            value = np.exp(rng.normal(2, 0.5) + trend * months + rng.normal(0, 0.2, len(months)))
            value[rng.random(len(months)) < 0.15] = np.nan
            table[column] = value
        table["ctdna_molecules_per_ml"] = table["ctdna_molecules_per_ml"].where(lambda v: ~(v < 5), 0.0)
        table["new_lesion"] = months > (4 if number % 3 else 99)
        rows.append(table)
    return replace(cohort, visits=pd.concat(rows, ignore_index=True))
