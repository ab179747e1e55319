"""lungio power: a small plan from first to last, resumed, and what it refuses."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from pipeline.artifacts import load_run
from synthetic_data.safety_figures import wilson_interval

from .calling import lungio

SMALL = {
    "name": "small",
    "seed": 3,
    "cohort": "keynote_189",
    "sizes": [120, 240],
    "replicates": 10,
    "evidence_draw": "point",
    "questions": {"pdl1": {"kind": "interaction", "endpoint": "pfs", "marker": "pdl1_tps_percent"}},
}


def config(folder: Path, **changes: object) -> str:
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(SMALL | changes))
    return str(path)


def test_a_plan_gives_a_table_with_monte_carlo_intervals(here: Path) -> None:
    result = lungio("power", config(here), "--jobs", 1, "--out", "made")
    assert result.exit_code == 0, result.output
    table = load_run(here / "made").table("power")
    assert list(table["patients"]) == [120, 240]
    assert (table["replicates"] == 10).all()
    assert ((table["low"] <= table["value"]) & (table["value"] <= table["high"])).all()
    assert not list(here.glob(".made*"))
    assert "Chance of finding it" in (here / "made" / "report.html").read_text()


def found(folder: Path) -> dict[str, bytes]:
    """What a plan found, as the bytes of its tables."""
    return {name: (folder / "tables" / f"{name}.csv").read_bytes() for name in ("power", "replicates")}


@pytest.fixture(scope="module")
def in_one_process(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("one")
    result = lungio("power", config(folder), "--jobs", 1, "--no-report", "--out", folder / "made")
    assert result.exit_code == 0, result.output
    return found(folder / "made")


def test_two_dask_workers_find_the_same_to_the_bit(here: Path, in_one_process: dict[str, bytes]) -> None:
    pytest.importorskip("distributed")
    result = lungio("power", config(here), "--backend", "dask", "--jobs", 2, "--no-report", "--out", "made")
    assert result.exit_code == 0, result.output
    assert found(here / "made") == in_one_process
    other = lungio("power", config(here), "--jobs", 1, "--seed", 4, "--no-report", "--out", "other")
    assert other.exit_code == 0, other.output
    assert found(here / "other")["replicates"] != in_one_process["replicates"]  # or nothing is shown above


def test_a_plan_killed_in_the_middle_goes_on_and_finds_the_same(
    here: Path, in_one_process: dict[str, bytes]
) -> None:
    words = ["power", config(here), "--jobs", "1", "--no-report", "--out", "made"]
    # Drawn at full speed, all twenty studies could be done before the kill arrives.
    slowly = (
        "import time, experiments.power_command as p; whole = p.one_replicate\n"
        "p.one_replicate = lambda task: (time.sleep(0.2), whole(task))[1]\n"
        "from experiments.cli import main; main()"
    )
    journal = here / ".made.journal.jsonl"
    command = [sys.executable, "-c", slowly, *words]
    with subprocess.Popen(command, cwd=here, stdout=subprocess.DEVNULL) as process:
        try:
            end = time.monotonic() + 120
            while not journal.is_file() or journal.read_bytes().count(b"\n") < 5:
                assert process.poll() is None, "it ended before it could be killed"
                assert time.monotonic() < end
                time.sleep(0.02)
        finally:
            process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    kept = journal.read_bytes().count(b"\n")
    assert 5 <= kept < 20
    assert not (here / "made").exists()
    result = lungio(*words)
    assert result.exit_code == 0, result.output
    assert found(here / "made") == in_one_process
    assert not journal.exists()


def test_wilson_interval_of_a_textbook() -> None:
    low, high = wilson_interval(0.8, 10)  # Newcombe, Stat Med 1998;17:857, by hand
    assert (low, high) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson_interval(0.0, 10)[0] == 0.0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"questions": {"x": {"kind": "interaction", "marker": "shoe"}}}, "has no column 'shoe'"),
        ({"questions": {"x": {"kind": "interaction"}}}, "marker is missing"),
        ({"questions": {"x": {"kind": "models", "model": "magic"}}}, "unknown model 'magic'"),
        ({"replicates": 2}, "replicates"),
    ],
)
def test_bad_plans_are_refused(here: Path, changes: dict[str, object], said: str) -> None:
    result = lungio("power", config(here, **changes), "--out", "made")
    assert result.exit_code == 2, result.output
    assert said in result.stderr
    assert not (here / "made").exists()
    backend = lungio("power", config(here), "--backend", "spark", "--out", "made")
    assert backend.exit_code == 2
