"""Columns of every kind, drawn with gaps, and a builder of a few of them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.features import FeatureBuilder
from pipeline.schema import ARM, OUTCOMES, Column


def number(name: str, modality: str = "blood", positive: bool = False) -> Column:
    return Column(name, "baseline", "number", name, "", modality, positive=positive)  # type: ignore[arg-type]


def fact(name: str) -> Column:
    return Column(name, "baseline", "boolean", name, modality="clinical")


def levels(name: str) -> Column:
    return Column(name, "baseline", "category", name, modality="clinical")


COLUMNS = (
    ARM,
    number("age"),
    number("crp_mg_per_l", positive=True),
    fact("male"),
    levels("smoking"),
    *OUTCOMES,
)


def drawn(n: int, seed: int = 0, missing: float = 0.2) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({
        "arm": rng.choice(["control", "drug"], n), "age": rng.normal(63, 9, n),
        "crp_mg_per_l": rng.lognormal(2, 1, n) * (rng.random(n) > 0.1),
        "male": pd.array(rng.random(n) < 0.6, dtype="boolean"),
        "smoking": rng.choice(["never", "former", "current"], n, p=[0.2, 0.6, 0.2]),
        "os_months": rng.exponential(12, n), "died": rng.random(n) < 0.7,
    }, index=pd.Index([f"P{i}" for i in range(n)], name="patient"))  # fmt: skip
    for name in ("age", "crp_mg_per_l", "male", "smoking"):
        frame.loc[rng.random(n) < missing, name] = None
    return frame


def only(*columns: Column, **options: object) -> FeatureBuilder:
    return FeatureBuilder(columns, **options)  # type: ignore[arg-type]
