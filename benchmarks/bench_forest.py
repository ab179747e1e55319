"""Fitting a survival forest beside its peers in Python and R: seconds, memory, size, concordance."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.forest_fit import ABSENT

FIGURE = Path(__file__).resolve().parents[1] / "docs" / "survival_forest_cost.png"
PATIENTS = (3_000, 20_000, 100_000, 1_000_000)
# Most patients each is given with 20 and with 200 features: beyond, minutes, or more memory than there is.
LARGEST = {
    "lungio": (1_000_000, 1_000_000),
    "comprisk": (1_000_000, 100_000),
    "scikit-survival": (3_000, 0),
    "ranger:logrank": (3_000, 0),
    "ranger:maxstat": (20_000, 3_000),
    "ranger:extratrees": (20_000, 20_000),
    "aorsf:fast": (20_000, 20_000),
}
INSTALL = {
    "comprisk": "pip install comprisk",
    "ranger": "apt-get install r-cran-ranger, or in R: install.packages('ranger')",
    "aorsf": "in R 4.3 or later: install.packages('aorsf')",
}


def fitted(name: str, n: int, p: int) -> dict[str, float] | None:
    """Return what `benchmarks.forest_fit` measured in a process of its own; None when it is not installed."""
    command = [sys.executable, "-m", "benchmarks.forest_fit", name, str(n), str(p)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode == ABSENT:
        return None
    if run.returncode:
        raise RuntimeError(f"{' '.join(command)}: {run.stderr.strip()[-500:]}")
    return dict(json.loads(run.stdout.splitlines()[-1]))


def main() -> None:
    """Print a table of all libraries and sizes, and draw the cost of ours against the number of patients."""
    console = Console(width=110)
    title = "100 trees, leaves of at least 15, two threads; features tried a node as each library has it"
    head = ("p", "patients", "library", "fit (s)", "times ours", "peak (MB)", "saved (MB)", "C")
    table = Table(*head, title=title)
    absent: set[str] = set()
    seconds: dict[tuple[str, int], dict[int, float]] = {}
    for column, p in enumerate((20, 200)):
        for n in PATIENTS:
            for name, largest in LARGEST.items():
                library = name.split(":")[0]
                if n > largest[column] or library in absent:
                    continue
                found = fitted(name, n, p)
                if found is None:
                    absent.add(library)
                    continue
                seconds.setdefault((name, p), {})[n] = found["seconds"]
                ours = seconds["lungio", p][n]
                saved = f"{found['saved_mb']:.0f}" if "saved_mb" in found else "–"
                table.add_row(str(p), f"{n:,}", name, f"{found['seconds']:.2f}",
                              f"{found['seconds'] / ours:.1f}", f"{found['peak_mb']:,.0f}", saved,
                              f"{found['c']:.3f}")  # fmt: skip
                print(f"    {name}, {n:,} patients, {p} features: {found['seconds']:.2f} s", flush=True)
    console.print(table)
    for library in sorted(absent):
        console.print(f"{library} is not here; {INSTALL[library]}")
    draw(seconds)
    console.print(f"figure: {FIGURE.relative_to(FIGURE.parents[1])}")


def draw(seconds: dict[tuple[str, int], dict[int, float]]) -> None:
    """Draw fit time against patients, both logarithmic, with a line of cost in proportion to n."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.6, 4.4), layout="constrained")
    peers = iter(("C0", "C1", "C2", "C4", "C5", "C6"))
    for (name, p), points in seconds.items():
        n, taken = np.array(list(points)), np.array(list(points.values()))
        if name == "lungio":
            style = {"color": "C3", "linewidth": 2, "linestyle": "--" if p == 200 else "-"}
            axes.plot(n, taken, marker="o", label=f"lungio, {p} features", **style)
        elif p == 20:
            axes.plot(n, taken, marker="s", linewidth=1, color=next(peers), label=f"{name}, {p} features")
    n = np.array(PATIENTS)
    straight = seconds["lungio", 20][PATIENTS[0]] * n / n[0]
    axes.plot(n, straight, color="0.6", linestyle=":", label="in proportion to n")
    axes.set(xscale="log", yscale="log", xlabel="Patients", ylabel="Seconds to fit 100 trees, two threads")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right upper", fontsize=8, frameon=False, handlelength=3)
    FIGURE.parent.mkdir(exist_ok=True)
    figure.savefig(FIGURE, dpi=130)
    plt.close(figure)


if __name__ == "__main__":
    main()
