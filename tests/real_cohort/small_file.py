"""A small file and its map, read or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from pipeline.real_cohort import CohortMap, read_cohort
from pipeline.schema import InputError

COHORTS = Path(__file__).resolve().parents[2] / "configs" / "cohorts"
MAP = """
kind: file
name: small
citation: none
patient: ID
missing: [NA]
arm: {column: ARM, recode: {A: drug, B: control}, control: control}
outcomes:
  os_months: {column: OS}
  died: {column: DEAD, event_value: 1, censored_value: 0}
  pfs_months: {column: PFS}
  progressed_or_died: {column: PROG, event_value: 1, censored_value: 0}
  best_response: {column: BEST}
columns:
  age_years: {column: AGE, kind: number, label: Age, unit: years, modality: clinical, low: 18, high: 100}
  male: {column: SEX, kind: boolean, label: Male, modality: clinical, recode: {M: true, F: false}}
  smoking: {column: SMOKE, kind: category, label: Smoking, modality: clinical}
  nlr: {column: NLR, kind: number, label: NLR, modality: blood, low: 0, high: 200, positive: true}
ignore: [NOTE]
"""


def small_map(**changes: object) -> CohortMap:
    return CohortMap.model_validate({**yaml.safe_load(MAP), **changes})


def patients(n: int = 80, seed: int = 0) -> pd.DataFrame:
    """Text cells of a trial: deaths early, censoring at the end, PFS no longer than OS."""
    rng = np.random.default_rng(seed)
    death, cut, progression = rng.exponential(14, n), rng.uniform(10, 30, n), rng.exponential(6, n)
    os = np.minimum(death, cut).round(3)
    pfs = np.minimum(os, progression.round(3))
    return pd.DataFrame({
        "ID": [f"P{i:03d}" for i in range(n)],
        "ARM": rng.choice(["A", "B"], n),
        "AGE": rng.integers(40, 85, n).astype(str),
        "SEX": rng.choice(["M", "F"], n),
        "SMOKE": rng.choice(["never", "former", "current"], n),
        "NLR": rng.lognormal(1.2, 0.5, n).round(2).astype(str),
        "OS": os.astype(str),
        "DEAD": (death <= cut).astype(int).astype(str),
        "PFS": pfs.astype(str),
        "PROG": ((death <= cut) | (progression < np.minimum(death, cut))).astype(int).astype(str),
        "BEST": rng.choice(["CR", "PR", "SD", "PD"], n),
        "NOTE": "x",
    })  # fmt: skip


def read(table: pd.DataFrame, folder: Path, **changes: object):
    path = folder / "patients.csv"
    table.to_csv(path, index=False)
    return read_cohort(small_map(**changes), path)


def refused(table: pd.DataFrame, folder: Path, **changes: object) -> str:
    with pytest.raises(InputError) as error:
        read(table, folder, **changes)
    return str(error.value)
