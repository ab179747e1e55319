"""Drawing a cohort beside finding each patient's time by root search, as general simulators do."""

from __future__ import annotations

import resource
import time

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.optimize import brentq

from synthetic_data.cohort import simulate_cohort
from synthetic_data.cohort_spec import CohortSpec
from synthetic_data.outcomes import event_months, solve_hazards
from synthetic_data.survival_curves import curve_through

SIZES = (1_000, 10_000, 100_000)
SEARCHED = 2_000  # patients timed by root search; the cost per patient does not change


def solved_and_drawn(n: int) -> float:
    """Return the seconds to solve both baseline hazards for `n` patients and draw both times."""
    rng = np.random.default_rng(0)
    death, progression = np.exp(0.6 * rng.standard_normal((2, n)))
    os = curve_through([(12.0, 0.69), (22.0, 0.5), (36.0, 0.31)], 1.2, [9.0])
    pfs = curve_through([(9.0, 0.5)], 1.2, [12.0, 22.0, 36.0])
    start = time.perf_counter()
    hazards = solve_hazards(os, pfs, death, progression)
    event_months(hazards, death, progression, (rng.exponential(size=n), rng.exponential(size=n)))
    return time.perf_counter() - start


def searched(n: int) -> float:
    """Return the seconds to find one time a patient by root search on the same cumulative hazard."""
    rng = np.random.default_rng(0)
    curve = curve_through([(12.0, 0.69), (22.0, 0.5), (36.0, 0.31)], 1.2)
    relative, wanted = np.exp(0.6 * rng.standard_normal(n)), rng.exponential(size=n)
    start = time.perf_counter()
    for w, e in zip(relative, wanted, strict=True):
        brentq(lambda t, w=w, e=e: float(curve.hazard_to(t)) * w - e, 0.0, 1e5)
    return time.perf_counter() - start


def main() -> None:
    """Print seconds, and how many times longer the root search takes for the same number of patients."""
    table = Table("patients", "whole cohort, all markers (s)", "times only (s)", "root search (s)", "ratio")
    per_patient = searched(SEARCHED) / SEARCHED
    spec = CohortSpec(name="keynote_189", trial="KEYNOTE-189")
    simulate_cohort(spec, 100, np.random.default_rng(0))
    for n in SIZES:
        start = time.perf_counter()
        simulate_cohort(spec, n, np.random.default_rng(0))
        whole, times = time.perf_counter() - start, solved_and_drawn(n)
        search = per_patient * n
        table.add_row(f"{n:,}", f"{whole:.2f}", f"{times:.3f}", f"{search:.2f}", f"{search / times:,.0f}")
    console = Console()
    console.print(table)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    console.print(f"peak memory {peak:.2f} GiB; root search timed on {SEARCHED:,} patients and scaled")


if __name__ == "__main__":
    main()
