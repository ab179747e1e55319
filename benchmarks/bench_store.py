"""Several processes at one SQLite store: two runs at once, and a sweep of six processes on a fresh one."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path
from typing import Any, Final

import yaml

ANALYSIS: Final = {
    "endpoint": "os",
    "horizons_months": [6, 12],
    "models": {"cox": {"penalties": [0.1]}, "rsf": {"n_estimators": 20}, "pdl1": {}, "oracle": {}},
    "published": "none",
    "cross_validation": {"folds": 3, "repeats": 1},
    "bootstrap": {"replicates": 50},
}
RUN: Final = {
    "name": "store",
    "seed": 1,
    "train": {"cohort": "keynote_189", "patients": 400},
    "external": {"patients": 300},
    "analysis": ANALYSIS,
}
SWEEP: Final = {
    "name": "store",
    "experiment": "keynote_189",
    "fixed": {
        "analysis.models": {"cox": {}},
        "train.patients": 200,
        "external": None,
        "analysis.published": "none",
        "analysis.cross_validation": {"folds": 2, "repeats": 1},
        "analysis.bootstrap.replicates": 20,
    },
    "vary": {"analysis.models.cox.penalties": [[0.03], [0.1], [0.3]]},
    "seeds": list(range(1, 13)),
}


def started(folder: Path, *words: str) -> subprocess.Popen[str]:
    """Start ``lungio WORDS`` in `folder`."""
    command = [sys.executable, "-m", "experiments.cli", *words]
    return subprocess.Popen(command, cwd=folder, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def ended(processes: list[subprocess.Popen[str]]) -> None:
    """Wait for all of them and print the last words of each that failed."""
    for number, process in enumerate(processes, start=1):
        _, said = process.communicate()
        if process.returncode:
            print(f"process {number} of {len(processes)} FAILED with {process.returncode}: {said[-500:]}")


def filed(store: Path) -> tuple[Counter[str], list[str]]:
    """Return the states of all runs of a store, and what of them is broken."""
    from pipeline.tracking.client import quiet_mlflow

    broken = []
    with quiet_mlflow(f"sqlite:///{store}") as mlflow, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client: Any = mlflow.MlflowClient(tracking_uri=f"sqlite:///{store}")
        runs = client.search_runs([e.experiment_id for e in client.search_experiments()], max_results=5000)
        for run in runs:
            name = run.info.run_name
            if not run.data.metrics or (not run.data.params and "mlflow.parentRunId" in run.data.tags):
                broken.append(f"{name}: without metrics or parameters")
            if "mlflow.parentRunId" not in run.data.tags and not client.list_artifacts(run.info.run_id):
                broken.append(f"{name}: without files")
    return Counter(run.info.status for run in runs), broken


def told(what: str, expected: int, store: Path) -> None:
    """Print how many runs there are, how many there must be, and what is broken."""
    states, broken = filed(store)
    whole = states == Counter({"FINISHED": expected}) and not broken
    print(f"{what:<44}{sum(states.values()):>5} of {expected} runs, {dict(states)}: "
          f"{'all there, none broken' if whole else 'BROKEN ' + '; '.join(broken[:5])}")  # fmt: skip


def main() -> None:
    """Print what each store holds afterwards; an experiment has a run for itself and one for each model."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "run.yaml").write_text(yaml.safe_dump(RUN), encoding="utf-8")
        (folder / "sweep.yaml").write_text(yaml.safe_dump(SWEEP), encoding="utf-8")
        store = ("--tracking-uri", "two.db")
        words = ("run", "run.yaml", "--no-report", "--quiet", *store)
        ended([started(folder, *words, "--out", out) for out in ("first", "second")])
        told("two runs at once on a fresh store", 2 * (1 + len(ANALYSIS["models"])), folder / "two.db")
        ended([started(folder, *words, "--out", out) for out in ("third", "fourth")])
        told("two more at once on the same store", 4 * (1 + len(ANALYSIS["models"])), folder / "two.db")
        runs = 1 + len(SWEEP["seeds"]) * len(SWEEP["vary"]["analysis.models.cox.penalties"])
        words = ("sweep", "sweep.yaml", "--jobs", "6", "--no-report", "--quiet")
        ended([started(folder, *words, "--out", "six", "--tracking-uri", "six.db")])
        told("a sweep of six processes on a fresh store", runs, folder / "six.db")


if __name__ == "__main__":
    main()
