"""What a first run would wait for, done once when lungio is installed: its loops compiled, fonts listed.

Run as ``python -m experiments.first_compile``. Numba keeps what it compiled beside each module, or where
``NUMBA_CACHE_DIR`` says, and compiles anew only where a module has changed or the processor is another.
"""

from __future__ import annotations

from typing import Final

import numpy as np

PATIENTS: Final = 150  # the kinds of numbers decide what is compiled, not how many there are
REPLICATES: Final = 10


def main() -> None:
    """Carry out the default analysis on a few drawn patients and keep nothing of it but the compiled code."""
    import pipeline.figures.style  # noqa: F401  # with it Matplotlib, which lists the fonts once and keeps the list
    from experiments.cohorts import resolve_simulated
    from experiments.config import read_experiment
    from pipeline.run import analyse, plan

    experiment = read_experiment("keynote_189")
    few = {"bootstrap": experiment.analysis.bootstrap.model_copy(update={"replicates": REPLICATES})}
    train, external = (
        resolve_simulated(experiment.train.cohort, PATIENTS).cohort(np.random.default_rng(seed))
        for seed in range(2)
    )
    analyse(plan(experiment.analysis.model_copy(update=few), train, external), np.random.default_rng(0))


if __name__ == "__main__":
    main()
