"""Metrics beside scikit-survival and lifelines: one value, and a bootstrap of 200 resamples."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from lifelines.utils import concordance_index
from rich.console import Console
from rich.table import Table
from sksurv.metrics import (
    concordance_index_censored,
    concordance_index_ipcw,
    cumulative_dynamic_auc,
    integrated_brier_score,
)

from pipeline.metrics import METRICS, resamples
from pipeline.schema import Prediction

REPLICATES = 200
MONTHS = np.arange(0.5, 24.1, 0.5)
PEER_CALLS = 3  # of a peer's function; a bootstrap of it is as many times slower as it has resamples


def patients(n: int) -> tuple[np.ndarray, Prediction]:
    """Return outcomes in whole days and the true survival."""
    rng = np.random.default_rng(n)
    risk = rng.normal(size=n)
    died, censored = rng.exponential(18 * np.exp(-risk)), rng.uniform(6, 40, n)
    y = np.empty(n, dtype=[("event", bool), ("time", float)])
    y["event"], y["time"] = died <= censored, np.ceil(np.minimum(died, censored) * 30.4375) / 30.4375
    return y, Prediction(risk, MONTHS, np.exp(-np.outer(np.exp(risk), MONTHS / 18)))


def seconds(work: Callable[[], object], calls: int = 1) -> float:
    """Mean seconds of a call."""
    start = time.perf_counter()
    for _ in range(calls):
        work()
    return (time.perf_counter() - start) / calls


def main() -> None:
    """Print milliseconds of one value, seconds of a bootstrap, and the ratio to the fastest peer."""
    table = Table(
        "metric", "patients", "ours, one (ms)", "peer, one (ms)", "peer", f"ours, {REPLICATES + 1} (s)",
        f"peer, {REPLICATES + 1} (s)", "ratio", title="metrics",
    )  # fmt: skip
    for name, metric in METRICS.items():  # compile before the clock runs
        small, p = patients(100)
        metric(small, p, p, 12.0 if METRICS[name].by_horizon else None)
    for n in (500, 2_000, 20_000):
        y, p = patients(n)
        weights = resamples(n, REPLICATES, np.random.default_rng(0))
        peers: dict[str, list[tuple[str, Callable[[], object]]]] = {
            "harrell_c": [
                (
                    "scikit-survival",
                    lambda y=y, p=p: concordance_index_censored(y["event"], y["time"], p.risk),
                ),
                ("lifelines", lambda y=y, p=p: concordance_index(y["time"], -p.risk, y["event"])),
            ],
            "uno_c": [("scikit-survival", lambda y=y, p=p: concordance_index_ipcw(y, y, p.risk, tau=24.0))],
            "auc": [("scikit-survival", lambda y=y, p=p: cumulative_dynamic_auc(y, y, 1 - p.at(12.0), 12.0))],
            "ibs": [("scikit-survival", lambda y=y, p=p: integrated_brier_score(y, y, p.survival, MONTHS))],
            "calibration_slope": [],
            "ici": [],
        }
        for name, others in peers.items():
            horizon = 12.0 if METRICS[name].by_horizon else None
            one = seconds(lambda m=name, h=horizon, y=y, p=p: METRICS[m](y, p, p, h), 5)
            many = seconds(lambda m=name, h=horizon, y=y, p=p, w=weights: METRICS[m](y, p, p, h, w))
            cells = [name, f"{n:,}", f"{1e3 * one:.2f}", "–", "–", f"{many:.3f}", "–", "–"]
            if others:
                best, cells[4] = min((seconds(work, PEER_CALLS), peer) for peer, work in others)
                cells[3], cells[6] = f"{1e3 * best:.1f}", f"{best * len(weights):.1f}"
                cells[7] = f"{best * len(weights) / many:,.0f}"
            table.add_row(*cells)
    Console().print(table)
    Console().print(
        f"one thread; a peer's bootstrap is {REPLICATES + 1} times its single call, timed {PEER_CALLS} times"
    )


if __name__ == "__main__":
    main()
