"""Serial measurements of 100,000 patients at eight planned visits, and what they add to the cohort alone."""

from __future__ import annotations

import resource
import time

import numpy as np
from rich.console import Console
from rich.table import Table

from synthetic_data.cohort import simulate_cohort
from synthetic_data.cohort_spec import CohortSpec
from synthetic_data.trajectories import VisitSpec

SIZES = (1_000, 10_000, 100_000)
EIGHT = VisitSpec(every_weeks=6, until_months=9.7)


def seconds(n: int, visits: VisitSpec | None) -> tuple[float, int]:
    """Return the seconds to draw a cohort with or without visits, and the rows of its visits table."""
    spec = CohortSpec(name="keynote_189", trial="KEYNOTE-189", visits=visits)
    start = time.perf_counter()
    cohort = simulate_cohort(spec, n, np.random.default_rng(0))
    return time.perf_counter() - start, 0 if cohort.visits is None else len(cohort.visits)


def main() -> None:
    """Print seconds and rows by number of patients, and the peak of memory."""
    table = Table("patients", "cohort alone (s)", "with visits (s)", "visits add (s)", "rows of visits")
    seconds(100, EIGHT)
    for n in SIZES:
        alone, _ = seconds(n, None)
        both, rows = seconds(n, EIGHT)
        table.add_row(f"{n:,}", f"{alone:.2f}", f"{both:.2f}", f"{both - alone:.2f}", f"{rows:,}")
    console = Console()
    console.print(table)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    console.print(f"peak memory {peak:.2f} GiB; eight planned visits, one on the day of progression")


if __name__ == "__main__":
    main()
