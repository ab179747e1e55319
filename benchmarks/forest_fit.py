"""One survival forest, fitted in a process of its own: seconds, peak memory, size when saved, concordance."""

from __future__ import annotations

import io
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.forest_data import drawn

ABSENT = 3  # exit code: the library is not installed
TREES, LEAF, TEST_PATIENTS = 100, 15, 2_000
R_SCRIPT = Path(__file__).with_name("forest_peers.R")


def lungio(x: np.ndarray, y: np.ndarray) -> tuple[Callable[[], object], Callable[..., np.ndarray]]:
    """Return how ours is fitted and read."""
    from pipeline.survival_forest import SurvivalForest

    def fit() -> SurvivalForest:
        return SurvivalForest(TREES, min_samples_leaf=LEAF, n_jobs=2, random_state=0).fit(x, y)

    return fit, lambda forest, test: forest.predict(test)


def scikit_survival(x: np.ndarray, y: np.ndarray) -> tuple[Callable[[], object], Callable[..., np.ndarray]]:
    """Return how scikit-survival's is fitted and read."""
    from sksurv.ensemble import RandomSurvivalForest

    def fit() -> RandomSurvivalForest:
        return RandomSurvivalForest(TREES, min_samples_leaf=LEAF, n_jobs=2, random_state=0).fit(x, y)

    return fit, lambda forest, test: forest.predict(test)


def comprisk(x: np.ndarray, y: np.ndarray) -> tuple[Callable[[], object], Callable[..., np.ndarray]]:
    """Return how comprisk's is fitted and read."""
    try:
        from comprisk import CompetingRiskForest
    except ImportError:
        sys.exit(ABSENT)

    def fit() -> CompetingRiskForest:
        forest = CompetingRiskForest(TREES, min_samples_leaf=LEAF, n_jobs=2, random_state=0)
        return forest.fit(x, y["time"], y["event"].astype(int))

    return fit, lambda forest, test: forest.predict_risk(test)


PYTHON = {"lungio": lungio, "scikit-survival": scikit_survival, "comprisk": comprisk}


def fit_in_python(name: str, n: int, p: int) -> dict[str, float]:
    """Fit after a small forest has been compiled; up to 20,000 patients, the quickest of three."""
    (small, few), (x, y), (test, _) = drawn(200, p), drawn(n, p), drawn(TEST_PATIENTS, p, seed=1)
    PYTHON[name](small, few)[0]()
    fit, risk = PYTHON[name](x, y)
    seconds, processor = [], []
    for _ in range(3 if n <= 20_000 and name != "scikit-survival" else 1):
        start, used = time.perf_counter(), time.process_time()
        forest = fit()
        seconds.append(time.perf_counter() - start)
        processor.append(time.process_time() - used)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = {
        "seconds": min(seconds),
        "processor_seconds": min(processor),
        "peak_mb": peak,
        "c": harrell(risk(forest, test), p),
    }
    if name == "lungio":
        written = io.BytesIO()
        np.savez_compressed(written, **forest.nodes_.to_arrays())
        found["saved_mb"] = len(written.getvalue()) / 1e6
    return found


def fit_in_r(name: str, n: int, p: int) -> dict[str, float]:
    """Fit by `forest_peers.R` on the same patients."""
    import pandas as pd

    with tempfile.TemporaryDirectory() as folder:
        paths = [str(Path(folder) / f"{part}.csv") for part in ("train", "test", "risk")]
        for path, patients in zip(paths, (drawn(n, p), drawn(TEST_PATIENTS, p, seed=1)), strict=False):
            table = pd.DataFrame(patients[0], columns=[f"x{j}" for j in range(p)])
            table.assign(time=patients[1]["time"], event=patients[1]["event"].astype(int)).to_csv(
                path, index=False
            )
        run = subprocess.run(["Rscript", R_SCRIPT, name, *paths], capture_output=True, text=True, check=False)
        if run.returncode == ABSENT:
            sys.exit(ABSENT)
        run.check_returncode()
        risk = pd.read_csv(paths[2])["risk"].to_numpy()
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {"seconds": float(run.stdout), "peak_mb": peak, "c": harrell(risk, p)}


def harrell(risk: np.ndarray, p: int) -> float:
    """Harrell's C of new patients."""
    from sksurv.metrics import concordance_index_censored

    _, y = drawn(TEST_PATIENTS, p, seed=1)
    return float(concordance_index_censored(y["event"], y["time"], risk)[0])


def main(name: str, n: int, p: int) -> None:
    """Print what one fit took, as JSON."""
    print(json.dumps((fit_in_python if name in PYTHON else fit_in_r)(name, n, p)))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
