"""Patients whose dependence and effects are known, in the columns a comparison needs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from pipeline.schema import ARM, OUTCOMES, Column

COLUMNS = (
    Column("age_years", "baseline", "number", "Age", "years", "clinical"),
    Column("nlr", "baseline", "number", "NLR", "", "blood", positive=True),
    Column("male", "baseline", "boolean", "Male", "", "clinical"),
    Column("smoking", "baseline", "category", "Smoking", "", "clinical",
           categories=("never", "former", "current")),
)  # fmt: skip
ALL = (replace(ARM, categories=("a", "b")), *COLUMNS, *OUTCOMES)


def patients(n: int, rng: np.random.Generator, age: float = 62.0, log_ratio: float = 0.5) -> pd.DataFrame:
    """`n` patients; NLR goes with age (correlation 0.5) and raises the hazard by `log_ratio` a log unit."""
    score = rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], n)
    nlr = np.exp(1.0 + 0.6 * score[:, 1])
    death = rng.exponential(14.0 / np.exp(log_ratio * (np.log(nlr) - 1.0)))
    watched = rng.uniform(6, 30, n)
    progression = np.minimum(death, rng.exponential(6.0, n))
    smoking = rng.choice(["never", "former", "current"], n, p=[0.2, 0.6, 0.2])
    return pd.DataFrame(
        {
            "arm": np.where(np.arange(n) % 2 == 0, "a", "b"),
            "age_years": np.round(age + 9 * score[:, 0]),
            "nlr": nlr,
            "male": rng.random(n) < 0.6,
            "smoking": smoking,
            "os_months": np.minimum(death, watched),
            "died": death <= watched,
            "pfs_months": np.minimum(progression, watched),
            "progressed_or_died": progression <= watched,
            "best_response": pd.Series(rng.choice(["PR", "SD", "PD"], n), dtype=object),
        },
        index=pd.Index([f"p{i}" for i in range(n)], name="patient"),
    )
