"""How often the naive and the time-dependent hazard ratio of an adverse event hold the truth, which is 1."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from typing import Final

import numpy as np

REPLICATES: Final = 200
PATIENTS: Final = 616  # KEYNOTE-189's own
METHODS: Final = ("ever_v_never", "landmark", "time_dependent", "time_dependent_progression")
Z95: Final = 1.959963984540054


def one(seed: int) -> list[tuple[float, float]]:
    """Draw one trial and return log hazard ratio and standard error by each method."""
    from experiments.cohorts import resolve_simulated
    from pipeline.toxicity import contrast, onsets_of

    cohort = resolve_simulated("keynote_189_toxicity", PATIENTS).cohort(np.random.default_rng(seed))
    onsets = onsets_of(cohort, "os")
    return [contrast(onsets, method) for method in METHODS]


def main() -> None:
    """Print mean log hazard ratio, its Monte-Carlo error and the coverage of 95 % intervals."""
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        found = np.array(list(pool.map(one, range(REPLICATES), chunksize=5)))
    print(f"{REPLICATES} draws of {PATIENTS} patients; adverse events act on nobody's survival")
    print(f"{'method':<28}{'mean log HR':>12}{'(error)':>10}{'coverage':>10}")
    for k, method in enumerate(METHODS):
        estimate, error = found[:, k].T
        inside = np.abs(estimate) <= Z95 * error
        spread = estimate.std(ddof=1) / np.sqrt(REPLICATES)
        print(f"{method:<28}{estimate.mean():>12.3f}{spread:>10.3f}{inside.mean():>10.1%}")


if __name__ == "__main__":
    main()
