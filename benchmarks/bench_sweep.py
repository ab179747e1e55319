"""A sweep of 60 runs: one process, two, and two of a Dask cluster; equal tables, and what a process gains."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

SWEEP = {
    "name": "bench",
    "experiment": "keynote_189",
    "fixed": {
        "train.patients": 300,
        "external": None,
        "analysis.endpoint": "os",
        "analysis.models": {"cox": {"penalties": [0.1, 0.3]}},
        "analysis.published": "none",
        "analysis.metrics": ["harrell_c", "uno_c", "brier", "ibs"],
        "analysis.horizons_months": [6, 12],
        "analysis.cross_validation": {"folds": 5, "repeats": 1},
        "analysis.bootstrap.replicates": 50,
    },
    "vary": {"analysis.cross_validation.folds": [3, 5, 8]},
    "cohorts": ["keynote_189", "keynote_407"],
    "seeds": list(range(1, 11)),
}
WAYS = {
    "joblib, 1 process": ("--jobs", "1"),
    "joblib, 2 processes": ("--jobs", "2"),
    "dask, 2 processes": ("--backend", "dask", "--jobs", "2"),
}


def sweep(folder: Path, out: str, *words: str) -> float:
    """Carry out the sweep in a program of its own and return its seconds, start included."""
    command = [sys.executable, "-m", "experiments.cli", "sweep", str(folder / "bench.yaml"), "--out",
               str(folder / out), "--no-track", "--no-report", "--quiet", *words]  # fmt: skip
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def tables_digest(folder: Path) -> str:
    """Return the SHA-256 of a sweep's tables as CSV."""
    files = sorted((folder / "tables").glob("*.csv"))
    return hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()


def main() -> None:
    """Print seconds, efficiency against one process, and whether the tables are equal."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "bench.yaml").write_text(yaml.safe_dump(SWEEP), encoding="utf-8")
        sweep(folder, "warm", "--jobs", "1")  # whatever is compiled once is compiled now
        seconds, digests = {}, {}
        for number, (way, words) in enumerate(WAYS.items()):
            seconds[way] = sweep(folder, str(number), *words)
            digests[way] = tables_digest(folder / str(number))
        alone = seconds["joblib, 1 process"]
        print(f"{'60 runs':<22}{'seconds':>9}{'efficiency':>12}  tables")
        for way, spent in seconds.items():
            processes = 1 if "1 process" in way else 2
            print(f"{way:<22}{spent:>9.1f}{alone / (processes * spent):>12.2f}  {digests[way][:12]}")
        print("tables are", "equal" if len(set(digests.values())) == 1 else "NOT EQUAL")


if __name__ == "__main__":
    main()
