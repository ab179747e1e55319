"""Independent tasks: the same table from every backend, and after a kill."""

import json
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from killed_process import python

from experiments.replicates import run_tasks
from pipeline.schema import InputError

TASKS = [{"seed": [5, k], "n": 10 + k} for k in range(12)]


def mean_of_draws(task):
    return {"mean": float(np.random.default_rng(task["seed"]).normal(size=task["n"]).mean())}


def refused(task):
    raise AssertionError("nothing was left to do")


@pytest.fixture(scope="module")
def expected():
    return [mean_of_draws(task) for task in TASKS]


def test_processes_change_nothing(tmp_path, expected):
    assert run_tasks(mean_of_draws, TASKS, tmp_path / "one", jobs=1) == expected
    assert run_tasks(mean_of_draws, TASKS, tmp_path / "two", jobs=2) == expected


def test_dask_gives_the_same_bits(tmp_path, expected):
    pytest.importorskip("distributed")
    assert run_tasks(mean_of_draws, TASKS, tmp_path / "dask", backend="dask", jobs=2) == expected


def test_a_killed_job_goes_on(tmp_path, expected):
    journal = tmp_path / "journal.jsonl"
    run_tasks(mean_of_draws, TASKS[:7], journal, jobs=1)
    lines = journal.read_bytes()
    journal.write_bytes(lines[:-15])  # the kill came while the last line was written
    counted = []

    def counting(task):
        counted.append(task)
        return mean_of_draws(task)

    assert run_tasks(counting, TASKS, journal, jobs=1) == expected
    assert len(counted) == 6  # the line cut short, and five that were never begun
    assert run_tasks(refused, TASKS, journal, jobs=1) == expected
    assert all("task" in json.loads(line) for line in journal.read_text().splitlines()[-6:])


def test_results_of_other_tasks_are_not_taken(tmp_path):
    journal = tmp_path / "journal.jsonl"
    run_tasks(mean_of_draws, TASKS[:2], journal, jobs=1)
    other = [{"seed": [6, 0], "n": 10}]
    assert run_tasks(mean_of_draws, other, journal, jobs=1) == [mean_of_draws(other[0])]


def test_a_scheduler_that_is_not_there_is_named(tmp_path):
    pytest.importorskip("distributed")
    with pytest.raises(InputError, match="no Dask scheduler answers there"):
        run_tasks(mean_of_draws, TASKS, tmp_path / "x", backend="dask", scheduler="tcp://127.0.0.1:9")


SLOW = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_replicates import told_and_slow
from experiments.replicates import run_tasks
tasks = [{"place": sys.argv[1], "k": k} for k in range(50)]
run_tasks(told_and_slow, tasks, Path(sys.argv[1]) / "journal", jobs=2)
"""


def told_and_slow(task):
    (Path(task["place"]) / f"worker.{os.getpid()}").touch()
    time.sleep(0.2)
    return {}


def test_processes_end_with_the_job_that_was_killed(tmp_path):
    job = python(SLOW, str(tmp_path), str(Path(__file__).parent))
    until = time.monotonic() + 60
    while not list(tmp_path.glob("worker.*")) and time.monotonic() < until:
        time.sleep(0.1)
    job.send_signal(signal.SIGKILL)
    job.communicate(timeout=30)  # ends when nobody holds its output any more; left alone they stay for 300 s
    workers = [int(p.suffix[1:]) for p in tmp_path.glob("worker.*")]
    assert workers
    assert not [pid for pid in workers if alive(pid)]


def alive(pid):
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"
