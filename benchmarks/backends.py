"""A command carried out by one process, by two, and by two of a Dask cluster: seconds, efficiency, tables."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from experiments import conventions

WAYS = {
    "joblib, 1 process": (1, ("--jobs", "1")),
    "joblib, 2 processes": (2, ("--jobs", "2")),
    "dask, 2 processes": (2, ("--backend", "dask", "--jobs", "2")),
}
ONE_THREAD = conventions.ONE_THREAD | {"NUMBA_NUM_THREADS": "1"}


def seconds_of(words: Sequence[str]) -> float:
    """Carry out ``lungio WORDS`` in a program of its own, one thread a process; start included."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "experiments.cli", *words]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ | ONE_THREAD)
    return time.perf_counter() - start


def tables_digest(folder: Path) -> str:
    """Return the SHA-256 of a study's tables as CSV."""
    files = sorted((folder / "tables").glob("*.csv"))
    return hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()


def compare_ways(title: str, words: Sequence[str], warm: Sequence[str], folder: Path) -> None:
    """Print seconds of each way, efficiency against one process, and whether the tables are equal.

    `words` are the command's, but for the ways' own and ``--out``; `warm` those of a smaller one, which is
    not timed and compiles and reads whatever is needed once.
    """
    seconds_of([*warm, "--out", str(folder / "warm"), "--jobs", "2"])
    seconds, digests = {}, {}
    for number, (way, (_, options)) in enumerate(WAYS.items()):
        out = folder / str(number)
        seconds[way] = seconds_of([*words, "--out", str(out), *options])
        digests[way] = tables_digest(out)
    alone = seconds["joblib, 1 process"]
    print(f"{title:<22}{'seconds':>9}{'efficiency':>12}  tables")
    for way, (processes, _) in WAYS.items():
        spent = seconds[way]
        print(f"{way:<22}{spent:>9.1f}{alone / (processes * spent):>12.2f}  {digests[way][:12]}")
    print("tables are", "equal" if len(set(digests.values())) == 1 else "NOT EQUAL")
