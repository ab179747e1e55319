"""A cohort without any fault, and one column more."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.cohort_check import check_cohort
from pipeline.schema import ARM, OUTCOMES, Cohort, Column

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "table_one.json").read_text())
AGE = Column("age_years", "baseline", "number", "Age", "years", "clinical", low=18, high=100)
MALE = Column("male", "baseline", "boolean", "Male", modality="clinical")
SMOKING = Column("smoking", "baseline", "category", "Smoking", modality="clinical")
COLUMNS = (ARM, AGE, MALE, SMOKING, *OUTCOMES)


def sound(n: int = 240, seed: int = 0) -> Cohort:
    rng = np.random.default_rng(seed)
    death, cut, worse = rng.exponential(25, n), rng.uniform(8, 30, n), rng.exponential(20, n)
    os = np.minimum(death, cut)
    frame = pd.DataFrame({
        "arm": rng.choice(["control", "drug"], n), "age_years": rng.normal(63, 9, n).clip(20, 95),
        "male": rng.random(n) < 0.6, "smoking": rng.choice(["never", "former", "current"], n),
        "os_months": os, "died": death <= cut, "pfs_months": np.minimum(worse, os),
        "progressed_or_died": (death <= cut) | (worse < os), "best_response": "SD",
    }, index=pd.RangeIndex(n, name="patient"))  # fmt: skip
    return Cohort("sound", frame, COLUMNS, simulated=True, control_arm="control")


def with_column(made: Cohort, column: Column, values: object) -> Cohort:
    return replace(
        made, observed=made.observed.assign(**{column.name: values}), columns=(*made.columns, column)
    )


def checks(made: Cohort, severity: str | None = None) -> set[tuple[str, str]]:
    return {(f.check, f.column) for f in check_cohort(made) if severity in (None, f.severity)}


def marker(name: str = "marker", **options: object) -> Column:
    return Column(name, "baseline", "number", name, modality="blood", **options)  # type: ignore[arg-type]
