"""A sweep of 60 runs: one process, two, and two of a Dask cluster; equal tables, and what a process gains."""

from __future__ import annotations

import tempfile
from pathlib import Path

import yaml

from benchmarks.backends import compare_ways

SWEEP = {
    "name": "bench",
    "experiment": "keynote_189",
    "fixed": {
        "train.patients": 1000,
        "external": None,
        "analysis.endpoint": "os",
        "analysis.models": {"cox": {"penalties": [0.1, 0.3]}, "rsf": {}},
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


def main() -> None:
    """Print seconds, efficiency against one process, and whether the tables are equal."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        words = []
        for config, sweep in ((folder / "bench.yaml", SWEEP), (folder / "warm.yaml", SWEEP | {"seeds": [1]})):
            config.write_text(yaml.safe_dump(sweep), encoding="utf-8")
            words.append(["sweep", str(config), "--no-track", "--no-report", "--quiet"])
        compare_ways("60 runs", *words, folder)


if __name__ == "__main__":
    main()
