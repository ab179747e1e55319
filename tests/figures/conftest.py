"""The tables that are drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline import figures
from pipeline.schema import OUTCOMES, Cohort, Column

from .drawn_study import ARMS, HORIZONS, MODELS


@pytest.fixture(scope="session")
def cohort() -> Cohort:
    rng = np.random.default_rng(0)
    n = 120
    columns = (
        Column("arm", "arm", "category", "Treatment arm", categories=ARMS),
        Column("age", "baseline", "number", "Age", "years", "clinical"),
        Column("il6", "baseline", "number", "Interleukin-6", "pg/mL", "cytokine", positive=True),
        Column("tmb", "baseline", "number", "Tumour mutational burden", "mut/Mb", "tumour", positive=True),
        *OUTCOMES[:2],
    )
    frame = pd.DataFrame(
        {
            "arm": rng.choice(ARMS, n),
            "age": rng.normal(64, 9, n),
            "il6": np.exp(rng.normal(size=n)),
            "tmb": np.where(rng.random(n) < 0.3, np.nan, np.exp(rng.normal(size=n))),
            "os_months": np.ceil(rng.exponential(12, n)),  # whole months, so that ties are common
            "died": rng.random(n) < 0.7,
        },
        index=pd.RangeIndex(n, name="patient"),
    )
    return Cohort("Trial, simulated", frame, columns, simulated=True)


@pytest.fixture(scope="session")
def curves(cohort) -> pd.DataFrame:
    return figures.kaplan_meier_curves(cohort.observed, "os")


@pytest.fixture(scope="session")
def published() -> pd.DataFrame:
    rows = [
        (ARMS[0], "os", "median", None, 9.7, 8.6, 12.0, 9.9, True),
        (ARMS[0], "os", "landmark", 12.0, 0.42, None, None, 0.41, True),
        (ARMS[1], "os", "landmark", 12.0, 0.52, 0.4, 0.6, 0.55, False),
        (ARMS[1], "pfs", "median", None, 2.7, 2.0, 4.1, 2.8, True),
        (f"{ARMS[1]} v {ARMS[0]}", "os", "hazard_ratio", 21.0, 0.73, 0.53, 0.99, 0.7, False),
        (ARMS[1], "response", "objective_response", None, 0.147, None, None, 0.15, True),
    ]
    columns = ["arm", "endpoint", "kind", "months", "published", "low", "high", "reproduced", "built_on"]
    return pd.DataFrame(rows, columns=columns)


@pytest.fixture(scope="session")
def scores() -> pd.DataFrame:
    rows = []
    for i, model in enumerate(MODELS):
        for data in ("cross-validation", "external"):
            for metric, horizons in (("uno_c", (np.nan,)), ("auc", HORIZONS), ("brier", HORIZONS)):
                rows += [
                    (model, data, metric, h, "all", 0.6 + i / 50, 0.55 + i / 50, 0.66 + i / 50)
                    for h in horizons
                ]
            rows.append((model, data, "calibration_slope", np.nan, "all", 1.1, 0.9, 1.3))
            rows.append((model, data, "uno_c", np.nan, "arm=Docetaxel", 0.9, 0.8, 0.99))
    return pd.DataFrame(
        rows, columns=["model", "data", "metric", "horizon_months", "group", "value", "low", "high"]
    )


@pytest.fixture(scope="session")
def calibration() -> pd.DataFrame:
    rows = []
    for model in MODELS:
        for x in np.linspace(0.1, 0.9, 30):
            rows.append((model, 12.0, "curve", x, x**1.1, x**1.1 - 0.05, x**1.1 + 0.05, np.nan))
        for x in np.linspace(0.15, 0.85, 8):
            rows.append((model, 12.0, "bin", x, x, x - 0.1, x + 0.1, 30))
    names = ["model", "horizon_months", "kind", "predicted", "observed", "low", "high", "patients"]
    return pd.DataFrame(rows, columns=names)


@pytest.fixture(scope="session")
def roc() -> pd.DataFrame:
    x = np.linspace(0, 1, 40)
    parts = [
        pd.DataFrame(
            {"model": m, "horizon_months": h, "false_positive_rate": x, "true_positive_rate": x**0.5}
        )
        for m in MODELS
        for h in HORIZONS
    ]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="session")
def importances() -> dict[str, pd.DataFrame]:
    tables = {}
    for level, names in (("column", [f"Marker {i}" for i in range(20)]), ("modality", ["Blood", "Tumour"])):
        rows = [
            (
                "rsf",
                "survival",
                level,
                name,
                ("blood", "tumour")[i % 2],
                h,
                0.05 / (i + 1),
                0.04 / (i + 1),
                0.06 / (i + 1),
            )
            for h in HORIZONS
            for i, name in enumerate(names)
        ]
        names = [
            "model",
            "scale",
            "level",
            "label",
            "modality",
            "horizon_months",
            "importance",
            "low",
            "high",
        ]
        tables[level] = pd.DataFrame(rows, columns=names)
    return tables


@pytest.fixture(scope="session")
def beeswarm() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    rows = pd.DataFrame({"rank": np.repeat([0, 1, 2], 50), "contribution": rng.normal(0, 0.05, 150)})
    level = rng.random(150)
    level[::7] = np.nan
    return rows.assign(
        label=rows["rank"].map({0: "Interleukin-6 (pg/mL)", 1: "Age (years)", 2: "Smoker"}), level=level
    )


@pytest.fixture(scope="session")
def waterfall() -> pd.DataFrame:
    steps = [("base", "Average patient", "", 0.0), ("column", "Interleukin-6", "120 pg/mL", -0.2),
             ("column", "Treatment arm", "a regimen with many words in its name", 0.1),
             ("rest", "5 others", "", 0.01), ("prediction", "This patient", "", 0.0)]  # fmt: skip
    table = pd.DataFrame(steps, columns=["kind", "label", "measured", "contribution"])
    end = 0.5 + table["contribution"].cumsum()
    return table.assign(start=end - table["contribution"], end=end)


@pytest.fixture(scope="session")
def agreements() -> pd.DataFrame:
    rows = [
        (m, f"Marker {i}", np.nan if m == "cox" else 12.0, 0.1 / (i + 1), 0.2 / (i + 2))
        for m in ("cox", "rsf")
        for i in range(5)
    ]
    return pd.DataFrame(rows, columns=["model", "label", "horizon_months", "importance", "true_importance"])


@pytest.fixture(scope="session")
def dependences() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    one = pd.DataFrame({"value": np.exp(rng.normal(size=80)), "log": True, "level": rng.random(80)})
    one = one.assign(
        column="il6", label="Interleukin-6 (pg/mL)", partner="Treatment arm = immunotherapy with a name"
    )
    two = one.assign(column="age", label="Age (years)", log=False, partner="", level=np.nan)
    table = pd.concat([one, two], ignore_index=True)
    table.loc[:5, "level"] = np.nan
    return table.assign(contribution=0.02 * np.log(table["value"]))


@pytest.fixture(scope="session")
def decisions() -> pd.DataFrame:
    """Models whose net benefit lies between that of acting on everybody and of the oracle."""
    rows = []
    for months in HORIZONS:
        for threshold in np.arange(0.05, 1.0, 0.05):
            everybody = 0.5 - 0.5 * threshold / (1 - threshold)
            default = max(everybody, 0.0)
            shares = {"everybody": 0.0, "cox": 0.4, "rsf": 0.3, "pdl1": 0.1, "oracle": 1.0}
            for model, share in shares.items():
                best = 0.5 * (1 - threshold)
                gain = everybody - default if model == "everybody" else share * (best - default)
                rows.append((model, months, threshold, default + gain, gain, gain - 0.02, gain + 0.02))
    columns = ["model", "horizon_months", "threshold", "value", "gain", "gain_low", "gain_high"]
    return pd.DataFrame(rows, columns=columns)
