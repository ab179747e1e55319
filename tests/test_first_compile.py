"""What is compiled at installation is what a run needs: afterwards the default run compiles nothing."""

from __future__ import annotations

import json
import subprocess
import sys

SIGNATURES = """
import gc, json
import numpy as np
from numba.core.dispatcher import Dispatcher
from experiments.cohorts import resolve_simulated
from experiments.config import read_experiment
from experiments.first_compile import main
from pipeline.run import analyse, plan

def signatures():
    found = {}
    for known in gc.get_objects():
        if isinstance(known, Dispatcher) and known.py_func.__module__.startswith("pipeline."):
            name = f"{known.py_func.__module__}.{known.py_func.__name__}"
            found[name] = sorted(map(str, known.signatures))
    return found

main()
before = signatures()
experiment = read_experiment("keynote_189").with_changes(patients=400)
cohorts = [resolve_simulated("keynote_189", 400).cohort(np.random.default_rng(seed)) for seed in (3, 4)]
analyse(plan(experiment.analysis, *cohorts), np.random.default_rng(5))
print(json.dumps([before, signatures()]))
"""


def test_the_default_run_compiles_nothing_after_it() -> None:
    ended = subprocess.run([sys.executable, "-c", SIGNATURES], capture_output=True, text=True, check=True)
    before, after = json.loads(ended.stdout)
    assert after == before
    for needed in ("survival_forest.growth.grow_tree", "explain.tree_kernels.path_dependent"):
        assert before[f"pipeline.{needed}"]
    assert before["pipeline.metrics.discrimination._concordance"]
