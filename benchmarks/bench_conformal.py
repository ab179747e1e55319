"""Whether 90 % lower bounds of survival hold for 90 % when who is censored depends on the patient.

True coverage over fresh patients, their own survival curves known, for bounds calibrated with and without the
weights; the model is wrong: it lacks the square of a marker that the truth has.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from unittest import mock

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from pipeline import conformal
from pipeline.schema import OUTCOMES, Cohort, Column, Floats

REPLICATES, PATIENTS, FRESH, LEVEL = 100, 2_000, 5_000, 0.9
SHAPE = 2.0  # Weibull: the hazard rises, so that a tenth of the events comes after many are censored


def patients(n: int, rng: np.random.Generator) -> tuple[Cohort, Floats]:
    """Draw patients, about 30 % censored and the frail ones sooner; return them with their Weibull scales."""
    first, second = rng.normal(size=(2, n))
    scale = 14 * np.exp(-0.7 * first - 0.3 * second**2)
    died = scale * rng.weibull(SHAPE, n)
    left = rng.exponential(30 * np.exp(-1.6 * first), n)
    observed = pd.DataFrame(
        {"first": first, "second": second, "os_months": np.minimum(died, left), "died": died <= left},
        index=pd.RangeIndex(n, name="patient"),
    )
    columns = (Column("first", "baseline", "number", modality="blood"),
               Column("second", "baseline", "number", modality="blood"), *OUTCOMES[:2])  # fmt: skip
    return Cohort("weibull", observed, columns, True), scale


def coverage(arguments: tuple[int, bool]) -> tuple[float, float, float]:
    """Return the true coverage of one set of bounds, the share censored, and the mean bound."""
    seed, weighted = arguments
    rng = np.random.default_rng(seed)
    cohort, _ = patients(PATIENTS, rng)
    fresh, scale = patients(FRESH, rng)
    floor = conformal.LEAST_FOLLOWED if weighted else 1.0  # weights of at most 1 are none
    with mock.patch.object(conformal, "LEAST_FOLLOWED", floor):
        bounds = conformal.lower_bounds(cohort, "os", LEVEL, rng, options={"penalties": [0.003]})
    bound = bounds.predict(fresh.observed)
    held = float(np.exp(-((bound / scale) ** SHAPE)).mean())
    return held, 1 - float(cohort.observed["died"].mean()), float(bound.mean())


def main() -> None:
    """Print coverage on the truth over replicates."""
    table = Table( "calibration", "coverage, mean", "sd", "between 88 % and 92 %", "censored",
                  "mean bound (months)", title=f"bounds at {LEVEL:.0%}, {PATIENTS} patients")  # fmt: skip
    with ProcessPoolExecutor(2) as pool:
        for weighted in (True, False):
            jobs = [(seed, weighted) for seed in range(REPLICATES)]
            held, censored, bound = np.array(list(pool.map(coverage, jobs, chunksize=5))).T
            inside = ((held >= 0.88) & (held <= 0.92)).mean()
            table.add_row(
                "weighted" if weighted else "censored counted as event-free", f"{held.mean():.2%}",
                f"{held.std():.2%}", f"{inside:.0%}", f"{censored.mean():.0%}", f"{bound.mean():.2f}",
            )  # fmt: skip
    Console().print(table)
