"""A plan of 96 drawn studies: one process, two, two of a Dask cluster; a kill (-9), and the same table."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import yaml

from benchmarks.backends import ONE_THREAD, compare_ways, seconds_of, tables_digest

PLAN: Final = {
    "name": "bench",
    "seed": 5,
    "cohort": "keynote_189",
    "sizes": [300, 1200],
    "replicates": 48,
    "evidence_draw": "sample",
    "questions": {
        "pdl1": {"kind": "interaction", "endpoint": "pfs", "marker": "pdl1_tps_percent"},
        "nlr": {"kind": "interaction", "endpoint": "pfs", "marker": "nlr"},
    },
}
KILLED_AFTER: Final = 32  # studies


def killed(words: list[str], journal: Path) -> int:
    """Start the plan, kill it with signal 9 once KILLED_AFTER studies are done, and return how many were."""
    command = [sys.executable, "-m", "experiments.cli", *words]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, env=os.environ | ONE_THREAD, start_new_session=True
    ) as process:
        while process.poll() is None:
            if journal.is_file() and journal.read_bytes().count(b"\n") >= KILLED_AFTER:
                os.killpg(process.pid, signal.SIGKILL)  # its workers with it
            time.sleep(0.05)
    return journal.read_bytes().count(b"\n")


def main() -> None:
    """Print seconds, efficiency against one process, whether tables are equal, also after a kill."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = folder / "bench.yaml"
        config.write_text(yaml.safe_dump(PLAN), encoding="utf-8")
        words = ["power", str(config), "--no-report"]
        compare_ways("96 studies", words, [*words, "--replicates", "10"], folder)
        again = [*words, "--jobs", "2", "--out", str(folder / "again")]
        done = killed(again, folder / ".again.journal.jsonl")
        spent = seconds_of(again)
        same = tables_digest(folder / "again") == tables_digest(folder / "0")
        print(f"killed (-9) after {done} studies, taken up in {spent:.1f} s: "
              f"tables are {'equal' if same else 'NOT EQUAL'}")  # fmt: skip


if __name__ == "__main__":
    main()
