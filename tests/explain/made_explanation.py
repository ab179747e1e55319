"""Patients to explain, and attributions made up to add up."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.explain import LOG_HAZARD, Attribution
from pipeline.schema import OUTCOMES, Column

ARMS = ("docetaxel", "immunotherapy")
COLUMNS = (
    Column("arm", "arm", "category", "Treatment arm", categories=ARMS),
    Column("age", "baseline", "number", "Age", "years", "clinical"),
    Column("smoker", "baseline", "boolean", "Smoker", "", "clinical"),
    Column("histology", "baseline", "category", "Histology", "", "tumour", categories=("other", "squamous")),
    Column("il6", "baseline", "number", "Interleukin-6", "pg/mL", "cytokine", positive=True),
    Column("il8", "baseline", "number", "Interleukin-8", "pg/mL", "cytokine", positive=True),
    Column("tmb", "baseline", "number", "Tumour mutational burden", "mut/Mb", "tumour", positive=True),
    *OUTCOMES[:2],
)
HORIZONS = (6.0, 12.0, 18.5)


def draw_patients(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "arm": rng.choice(ARMS, n),
            "age": rng.normal(64, 9, n).round(),
            "smoker": rng.random(n) < 0.8,
            "histology": rng.choice(["other", "squamous"], n),
            "il6": np.exp(rng.normal(1.5, 0.9, n)),
            "il8": np.exp(rng.normal(2.0, 0.7, n)),
            "tmb": np.exp(rng.normal(1.8, 0.8, n)),
        },
        index=pd.Index([f"p{i:04d}" for i in range(n)], name="patient"),
    )
    log_hazard = 0.5 * np.log(frame["il6"]) - 0.4 * (frame["arm"] == ARMS[1]) + 0.02 * (frame["age"] - 64)
    death = rng.exponential(18 / np.exp(log_hazard - log_hazard.mean()))
    end = rng.uniform(6, 40, n)
    frame["os_months"], frame["died"] = np.minimum(death, end), death <= end
    frame.loc[rng.random(n) < 0.15, "tmb"] = np.nan
    return frame


def attribution_of(contributions, scale=LOG_HAZARD, base=None, **changes) -> Attribution:
    """An attribution with chosen contributions of columns "a", "b", ... that adds up by construction."""
    contributions = np.asarray(contributions, dtype=float)
    n, p, m = contributions.shape
    base = np.zeros(m) if base is None else np.asarray(base, dtype=float)
    names = list("abcdefgh"[:p])
    parts = {
        "model": "made up",
        "scale": scale,
        "months": np.full(m, np.nan) if m == 1 else np.arange(1.0, m + 1),
        "patients": pd.Index([f"p{i}" for i in range(n)], name="patient"),
        "sources": pd.DataFrame({"feature": names, "column": names, "modality": "blood", "label": names}),
        "contributions": contributions,
        "base": base,
        "prediction": base + contributions.sum(axis=1),
        "observed": pd.DataFrame(index=range(n)),
        "columns": (),
    }
    return Attribution(**(parts | changes))
