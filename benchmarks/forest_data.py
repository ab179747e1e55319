"""Patients that survival forests are compared on: drawn, shipped with scikit-survival, or in ../shared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

# features (n, p) float32 with NaN for missing; outcome (event, time)
Patients = tuple[np.ndarray, np.ndarray]
REAL = Path(__file__).resolve().parents[2] / "shared" / "realdata"


def outcome(event: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Return the structured array that both forests take."""
    y = np.empty(len(time), dtype=[("event", bool), ("time", float)])
    y["event"], y["time"] = event, time
    return y


def drawn(n: int, p: int = 20, seed: int = 0) -> Patients:
    """Return patients with `p` normal features, six of them at work, on a daily grid; 1 in 7 censored."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, p), dtype=np.float32)
    log_hazard = (0.6 * x[:, 0] - 0.5 * x[:, 1] + 0.4 * (x[:, 2] > 0) * x[:, 3]
                  + 0.3 * np.abs(x[:, 4]) - 0.3 * x[:, 5])  # fmt: skip
    months = 12 * (rng.exponential(size=n) * np.exp(-log_hazard)) ** (1 / 1.1)
    follow_up = rng.uniform(6, 60, n)
    daily = np.round(np.minimum(months, follow_up) * 30.44 + 0.5) / 30.44
    return x, outcome(months <= follow_up, daily)


def coded(table: pd.DataFrame) -> np.ndarray:
    """Return numbers as they are, and one column a category of the rest; missing is none of them."""
    text = [c for c in table if not pd.api.types.is_numeric_dtype(table[c])]
    return np.asarray(pd.get_dummies(table, columns=text, dtype=float).to_numpy(np.float32))


def shipped_table(name: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Return a data set of scikit-survival as it is, but for numbers written as categories."""
    import sksurv.datasets

    table, y = getattr(sksurv.datasets, f"load_{name}")()
    if name == "flchain":
        table = table.drop(columns="chapter")  # the cause of death, known only after it
    for column in table.select_dtypes("category"):
        as_number = pd.to_numeric(table[column].astype(object), errors="coerce")
        if not (as_number.isna() & table[column].notna()).any():
            table[column] = as_number
    event, time = y.dtype.names
    return table, outcome(y[event], y[time])


def poplar_table() -> tuple[pd.DataFrame, np.ndarray]:
    """Return POPLAR (Gandara et al., Nat Med 2018): overall survival in months, both arms."""
    table = pd.read_csv(REAL / "poplar.csv", na_values=".")
    used = ["cfDNA_Input_ng", "MSAF", "btmb", "BAGE", "race2", "SEX", "HIST", "ECOGGR", "PRIORTX", "TOBHX",
            "blSLD", "METSITES", "KRASMUT", "EGFRMUT", "TRT01P"]  # fmt: skip
    return table[used], outcome(table["OS.CNSR"].to_numpy() == 0, table["OS"].to_numpy())


def chowell_table() -> tuple[pd.DataFrame, np.ndarray]:
    """Return the training part of Chowell et al. 2021 (Chang et al., Nat Cancer 2024): overall survival."""
    table = pd.read_csv(REAL / "chowell2021_msk_nsclc_train.csv")
    used = ["TMB", "PDL1_TPS(%)", "Systemic_therapy_history", "Albumin", "NLR", "Age", "FCNA", "Drug", "Sex",
            "MSI", "Stage", "HLA_LOH", "HED", "Platelets", "HGB", "BMI"]  # fmt: skip
    return table[used], outcome(table["OS_Event"].to_numpy() == 1, table["OS_Months"].to_numpy())


def city_of_hope_table() -> tuple[pd.DataFrame, np.ndarray]:
    """Return City of Hope (Sayer et al., Front Oncol 2023): overall survival, what was known at the start."""
    table = pd.read_csv(REAL / "sayer2023_coh_nsclc_irae.csv")
    used = ["Age.at.diagnosis", "male", "Smoking", "Stage", "Histology", "Race", "Immunotherapy.1_DrugName",
            "Line.of.immunotherapy..1", "priortki", "PD.L1.Range"]  # fmt: skip
    chosen = table[used].assign(**{"Age.at.diagnosis": pd.to_numeric(
        table["Age.at.diagnosis"].astype(str).str.rstrip("+"), errors="coerce"
    )})  # fmt: skip
    return chosen, outcome(table["OS_event"].to_numpy() == 1, table["os_days_update"].to_numpy(float))


def numbers(read: tuple[pd.DataFrame, np.ndarray]) -> Patients:
    """Return a table with one column a category; what is written as a number stays one."""
    table, y = read
    return coded(table), y


ACCURACY_DATA: dict[str, Callable[[], Patients]] = {
    "toy": lambda: drawn(1_000),
    "POPLAR": lambda: numbers(poplar_table()),
    "Chowell": lambda: numbers(chowell_table()),
    "GBSG2": lambda: numbers(shipped_table("gbsg2")),
    "WHAS500": lambda: numbers(shipped_table("whas500")),
    "veterans": lambda: numbers(shipped_table("veterans_lung_cancer")),
    "FLChain": lambda: numbers(shipped_table("flchain")),
}
