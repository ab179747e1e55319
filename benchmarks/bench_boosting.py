"""Gradient boosting by xgboost, which `gbm` is grown by, beside that of scikit-survival; and `gbm` tuned."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import xgboost
from rich.console import Console
from rich.table import Table
from sklearn.model_selection import KFold
from sksurv.ensemble import GradientBoostingSurvivalAnalysis
from sksurv.metrics import concordance_index_censored

from benchmarks.forest_data import ACCURACY_DATA, REAL, drawn
from pipeline.models import ModelContext, build_model
from pipeline.schema import Column

TREES, NEEDS_SHARED = 150, {"POPLAR", "Chowell"}
Fitted = tuple[float, float]


def rank(y: np.ndarray, risk: np.ndarray) -> float:
    """Return Harrell's C."""
    return float(concordance_index_censored(y["event"], y["time"], risk)[0])


def by_sksurv(x: np.ndarray, y: np.ndarray, new_x: np.ndarray, new_y: np.ndarray) -> Fitted:
    """Return processor seconds and C; it takes no missing values, which are set to 0."""
    model = GradientBoostingSurvivalAnalysis(
        n_estimators=TREES,
        max_depth=3,
        subsample=0.5,
        max_features="sqrt",
        min_samples_leaf=10,
        random_state=0,
    )
    start = time.process_time()
    model.fit(np.nan_to_num(x), y)
    return time.process_time() - start, rank(new_y, model.predict(np.nan_to_num(new_x)))


def by_xgboost(x: np.ndarray, y: np.ndarray, new_x: np.ndarray, new_y: np.ndarray) -> Fitted:
    """Return processor seconds and C, with settings as near to the other's as they come."""
    asked = {
        "objective": "survival:cox", "eta": 0.1, "max_depth": 3, "subsample": 0.5, "seed": 0, "nthread": 1,
        "colsample_bynode": 1 / np.sqrt(x.shape[1]), "min_child_weight": 3,
    }  # fmt: skip
    start = time.process_time()
    data = xgboost.DMatrix(x, label=np.where(y["event"], y["time"], -y["time"]))
    booster = xgboost.train(asked, data, TREES)
    seconds = time.process_time() - start
    return seconds, rank(new_y, booster.predict(xgboost.DMatrix(new_x), output_margin=True))


def tuned(x: np.ndarray, y: np.ndarray, new_x: np.ndarray, new_y: np.ndarray) -> Fitted:
    """Return processor seconds and C of `gbm` with its default budget of 20 trials."""
    names = [f"x{j}" for j in range(x.shape[1])]
    columns = tuple(Column(c, "baseline", "number", c) for c in names)
    context = ModelContext(columns, "os", (12.0,), float(y["time"].max()))
    before, after = (pd.DataFrame(v.astype(float), columns=names).rename_axis("patient") for v in (x, new_x))
    start = time.process_time()
    model = build_model("gbm", context).fit(before, y, np.random.default_rng(0))
    seconds = time.process_time() - start
    return seconds, rank(new_y, model.predict(after, np.array([12.0])).risk)


def main() -> None:
    """Print seconds and C of both, untuned, and of `gbm`, on new patients or by repeated 5-fold."""
    head = ("patients", "sksurv (s)", "xgboost (s)", "ratio", "C, sksurv", "C, xgboost", "C, gbm", "gbm (s)")
    table = Table(*head, title=f"{TREES} trees of depth 3; processor seconds of one thread")
    rows: dict[str, list[tuple[np.ndarray, ...]]] = {}
    for n in (600, 3_000):
        x, y = drawn(n + 3_000)
        rows[f"drawn, {n:,}"] = [(x[:n], y[:n], x[n:], y[n:])]
    for name in ("POPLAR", "Chowell", "GBSG2", "WHAS500"):
        if name in NEEDS_SHARED and not REAL.exists():
            print(f"{name}: left out, ../shared is not there")
            continue
        x, y = ACCURACY_DATA[name]()
        splits = [s for seed in range(2) for s in KFold(5, shuffle=True, random_state=seed).split(x)]
        rows[f"{name}, {len(x):,}"] = [(x[a], y[a], x[b], y[b]) for a, b in splits]
    for name, parts in rows.items():
        fits = (by_sksurv, by_xgboost, tuned)
        theirs, ours, gbm = (np.mean([fit(*p) for p in parts], axis=0) for fit in fits)
        table.add_row(
            name, f"{theirs[0]:.2f}", f"{ours[0]:.3f}", f"{theirs[0] / ours[0]:.0f}", f"{theirs[1]:.3f}",
            f"{ours[1]:.3f}", f"{gbm[1]:.3f}", f"{gbm[0]:.1f}",
        )  # fmt: skip
    Console().print(table)


if __name__ == "__main__":
    main()
