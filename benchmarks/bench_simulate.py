"""Drawing a cohort: seconds and memory to a million patients, beside finding each time by root search."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.optimize import brentq

from synthetic_data.cohort import population_of, simulate_cohort
from synthetic_data.cohort_spec import CohortSpec
from synthetic_data.outcomes import event_months, solve_hazards
from synthetic_data.survival_curves import curve_through

FIGURE = Path(__file__).resolve().parents[1] / "docs" / "simulation_cost.png"
SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000)
SEARCHED = 2_000  # patients timed by root search; the cost per patient does not change
IN_CHUNKS, CHUNK = 2_000_000, 250_000
PEERS = (  # measured on the same kind of machine, 10,000 patients, times alone, three covariates
    ("R simsurv, proportional hazards", 0.8),
    ("R simsurv, an effect that changes with time", 48.0),
)


def whole_cohort(n: int) -> dict[str, float]:
    """Return what drawing `n` patients takes, in this process: all markers, OS, PFS, response, truth."""
    spec = CohortSpec(name="keynote_189", trial="KEYNOTE-189")
    start = time.perf_counter()
    population = population_of(spec)
    prepared = time.perf_counter() - start
    simulate_cohort(population, 1_000, np.random.default_rng(0))
    start, before = time.perf_counter(), time.process_time()
    simulate_cohort(population, n, np.random.default_rng(0))
    return {
        "prepare": prepared,
        "seconds": time.perf_counter() - start,
        "cpu": time.process_time() - before,
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2,
    }


def measured(n: int) -> dict[str, float]:
    """Return `whole_cohort` of a process of its own, whose memory is that of one size."""
    command = [sys.executable, "-m", "benchmarks.bench_simulate", str(n)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(json.loads(run.stdout))


def in_chunks(n: int, chunk: int) -> dict[str, float]:
    """Return seconds and peak memory of ``lungio simulate --chunk``, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["simulate", "KEYNOTE-189", "--n", str(n), "--chunk", str(chunk), "--out", f"{folder}/made"]
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "experiments.cli", *words], capture_output=True, check=True)
        taken = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024**2
    return {"seconds": taken, "peak_gib": peak}


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
    """Print seconds and memory by number of patients beside the root search, and draw cost against n."""
    table = Table("patients", "whole cohort (s)", "its processor time (s)", "peak (GiB)", "times only (s)",
                  "root search (s)", "ratio")  # fmt: skip
    console = Console(width=110)
    chunked = in_chunks(IN_CHUNKS, CHUNK)  # before a larger child is measured
    per_patient = searched(SEARCHED) / SEARCHED
    found = {}
    for n in SIZES:
        found[n] = whole = measured(n)
        times, search = solved_and_drawn(n), per_patient * n
        table.add_row(f"{n:,}", f"{whole['seconds']:.2f}", f"{whole['cpu']:.2f}", f"{whole['peak_gib']:.2f}",
                      f"{times:.3f}", f"{search:.1f}", f"{search / times:,.0f}")  # fmt: skip
    console.print(table)
    cpu = [found[n]["cpu"] for n in SIZES]
    slope = float(np.polyfit(np.log(SIZES[2:]), np.log(cpu[2:]), 1)[0])
    console.print(f"processor time grows as n to the power {slope:.2f} from {SIZES[2]:,} patients; a trial "
                  f"is prepared once, in {found[SIZES[0]]['prepare']:.1f} s; root search timed on "
                  f"{SEARCHED:,} patients, one time each, and scaled")  # fmt: skip
    console.print(f"{IN_CHUNKS:,} patients to Parquet in chunks of {CHUNK:,}: {chunked['seconds']:.0f} s, "
                  f"peak {chunked['peak_gib']:.2f} GiB")  # fmt: skip
    for peer, seconds in PEERS:
        ours = found[10_000]["seconds"]
        console.print(
            f"{peer}: {seconds:g} s for the times of 10,000, {seconds / ours:.1f} times our whole cohort"
        )
    draw(list(SIZES), cpu)
    console.print(f"figure: {FIGURE.relative_to(FIGURE.parents[1])}")


def draw(sizes: list[int], cpu: list[float]) -> None:
    """Draw processor time against patients, both logarithmic, with a line of cost in proportion to n."""
    from pipeline.figures import new_figure
    from pipeline.figures.style import FAINT, PALETTE, SOFT

    figure = new_figure(6.4, 4.2)
    axes = figure.subplots()
    n = np.array(sizes)
    axes.plot(n, cpu[-1] * n / n[-1], color=SOFT, linestyle=":", label="in proportion to n")
    axes.plot(n, cpu, marker="o", color=PALETTE[0], label="All markers, OS, PFS, response and truth")
    axes.set(xscale="log", yscale="log", xlabel="Patients", ylabel="Processor time (s)")
    axes.grid(color=FAINT)
    axes.legend()
    figure.savefig(FIGURE, dpi=130)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(whole_cohort(int(sys.argv[1]))))
    else:
        main()
