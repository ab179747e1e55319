"""Runs and sweeps killed outright at random moments, resumed, and held against undisturbed ones by bits."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from experiments.replicates import read_journal

MOMENTS = 20
TRIES = 3  # moments drawn, at most, for each that is to strike
SEED = 20
SETTINGS: dict[str, Any] = {
    "horizons_months": [6, 12],
    "models": {"cox": {"penalties": [0.1]}, "rsf": {"n_estimators": 10}, "oracle": {}},
    "published": "none",
    "cross_validation": {"folds": 2, "repeats": 1},
    "bootstrap": {"replicates": 20},
    "explanation": {"patients": 5, "waterfalls": 1},
}
EXPERIMENT = {
    "name": "small",
    "seed": 1,
    "train": {"cohort": "keynote_189", "patients": 200},
    "external": {"patients": 150},
    "analysis": SETTINGS,
}
SWEEP = {
    "name": "small",
    "experiment": "run.yaml",
    "vary": {"train.patients": [120, 200]},
    "seeds": [1, 2, 3],
}
COMMANDS = {
    "run": ("run", "run.yaml", "--out", "out"),
    "sweep": ("sweep", "sweep.yaml", "--out", "out", "--jobs", "2"),
}
# Of run.json: when, where and for how long.
PASSING = ("started", "identity", "seconds", "system", "command", "processors", "outstanding", "git")
PATIENCE_SECONDS = 120
FINISHED = "finished before"


@dataclass(frozen=True)
class Outcome:
    """What a kill left, and whether the resumed job is the undisturbed one.

    Attributes
    ----------
    command : str
    seconds : float
        Into the job; beyond its end it was not killed.
    left : str
        What was on disk after the kill.
    faults : list of str
        Anything half written, lost or different; empty when all is well.
    """

    command: str
    seconds: float
    left: str
    faults: list[str]


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    """Start the command in `folder`."""
    command = [sys.executable, "-m", "experiments.cli", *words]
    return subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def prepare(folder: Path) -> Path:
    """Make a folder with the two configs and return it."""
    folder.mkdir()
    (folder / "run.yaml").write_text(yaml.safe_dump(EXPERIMENT), encoding="utf-8")
    (folder / "sweep.yaml").write_text(yaml.safe_dump(SWEEP), encoding="utf-8")
    return folder


def undisturbed(folder: Path, command: str) -> tuple[dict[str, str], float]:
    """Carry out a job twice from first to last; return its digests and how long the second took.

    The first reads every library from disk, and moments drawn from its length would come after the end.
    """
    for number in (1, 2):
        place = prepare(folder.with_name(f"{folder.name}_{number}"))
        begun = time.perf_counter()
        output, _ = (job := start(place, *COMMANDS[command])).communicate()
        if job.returncode:
            raise SystemExit(f"undisturbed, {command} ends with {job.returncode}:\n{output}")
    return dict(digests(place / "out")), time.perf_counter() - begun


def digests(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield each artefact's name and SHA-256: of ``run.json`` without times and places, of pages "there".

    A page shows times, so that two of equal runs differ; the model card is taken without when its run began.
    """
    run = folder / "run.json"
    begun = json.loads(run.read_text(encoding="utf-8")).get("started", "") if run.is_file() else ""
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        if name.startswith("report."):
            yield name, "there"
        elif name == "run.json":
            facts = {
                k: v for k, v in json.loads(path.read_text(encoding="utf-8")).items() if k not in PASSING
            }
            yield name, hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
        elif path.suffix == ".md":
            text = path.read_text(encoding="utf-8").replace(begun, "")
            yield name, hashlib.sha256(text.encode()).hexdigest()
        else:
            yield name, hashlib.sha256(path.read_bytes()).hexdigest()


def killed_and_resumed(folder: Path, command: str, after: float, expected: dict[str, str]) -> Outcome:
    """Kill a job `after` seconds, look at what is there, resume it, and look again."""
    prepare(folder)
    job = start(folder, *COMMANDS[command])
    try:
        output, _ = job.communicate(timeout=after)
        left = FINISHED
    except subprocess.TimeoutExpired:
        job.send_signal(signal.SIGKILL)
        output, _ = job.communicate(timeout=PATIENCE_SECONDS)  # until all it had started has ended too
        left = state(folder)
    faults = list(half_written(folder, expected, output))
    more = ("--resume",) if command == "run" else ()
    if left != FINISHED:
        again, _ = (job := start(folder, *COMMANDS[command], *more)).communicate()
        if job.returncode:
            faults.append(f"resuming ended with {job.returncode}: {again.strip().splitlines()[-1]}")
    found = dict(digests(folder / "out"))
    faults += [
        f"{name} differs" for name in sorted(expected.keys() | found) if expected.get(name) != found.get(name)
    ]
    faults += list(store_faults(folder / "mlflow.db"))
    faults += [f"left behind: {p.name}" for p in folder.iterdir() if p.name.startswith(".")]
    return Outcome(command, after, left, faults)


def state(folder: Path) -> str:
    """Say what a killed job left."""
    lines = kept_runs(folder)
    facts = folder / "out" / "run.json"
    waiting = json.loads(facts.read_text(encoding="utf-8")).get("outstanding", []) if facts.is_file() else []
    said = ["folder whole" if facts.is_file() else "no folder"]
    said += [f"outstanding: {', '.join(waiting)}"] * bool(waiting)
    said += [f"{lines} runs in the journal"] * bool(lines)
    said += ["marked as killed"] * (folder / ".out.lock").is_file()
    return "; ".join(said)


def half_written(folder: Path, expected: dict[str, str], output: str) -> Iterator[str]:
    """Yield what stands under its final name and is not what it should be, or was reported and is not."""
    out = folder / "out"
    if out.is_dir():
        for name, digest in digests(out):
            if expected.get(name) != digest and not Path(name).name.startswith("."):
                yield f"{name} half written"
        for name in expected:
            if not (out / name).is_file() and not of_the_report(name):
                yield f"{name} missing from a folder under its final name"
    if "folder  out" in output or "run     out" in output:
        for name in expected:
            if not (out / name).is_file():
                yield f"reported, and {name} is not there"


def of_the_report(name: str) -> bool:
    """Whether a file is made with the page, which a whole folder may have outstanding: checklists too."""
    return name.startswith("report.") or Path(name).suffix == ".md"


def kept_runs(folder: Path) -> int:
    """Return how many runs of a killed sweep are kept."""
    return len(read_journal(folder / ".out.journal.jsonl"))


def store_faults(file: Path) -> Iterator[str]:
    """Yield what is wrong in a store whose job was resumed: one finished parent, nothing left running."""
    with sqlite3.connect(file) as store:
        running = store.execute("select count(*) from runs where status = 'RUNNING'").fetchone()[0]
        parents = store.execute(
            "select count(*) from runs r where status = 'FINISHED' and not exists (select 1 from tags t "
            "where t.run_uuid = r.run_uuid and t.key = 'mlflow.parentRunId')"
        ).fetchone()[0]
    if running:
        yield f"{running} runs are marked as running in MLflow"
    if parents != 1:
        yield f"{parents} finished parent runs in MLflow"


def outcomes(folder: Path, command: str, moments: int, seed: int = SEED) -> Iterator[Outcome]:
    """Yield what came of killing a job at random moments of its length, `moments` of them while it ran.

    A moment that comes after the end of a job that was quicker is told too, and another is drawn for it.
    """
    expected, seconds = undisturbed(folder / "undisturbed", command)
    draw = random.Random(f"{seed} {command}")  # noqa: S311 - moments, not secrets
    struck = 0
    for number in range(TRIES * moments):
        place = folder / f"{number}"
        outcome = killed_and_resumed(place, command, draw.random() * seconds, expected)
        shutil.rmtree(place)
        yield outcome
        struck += outcome.left != FINISHED
        if struck == moments:
            return
    raise SystemExit(f"{command} was struck {struck} times in {TRIES * moments}; expected {moments}")


def main() -> None:
    """Print one line a kill, and how many were resumed to the same bits."""
    for command in COMMANDS:
        well = kills = 0
        print(f"{command:<7}{'killed after':>13}  what was left")
        with tempfile.TemporaryDirectory() as name:
            for outcome in outcomes(Path(name), command, MOMENTS):
                kills += outcome.left != FINISHED
                well += outcome.left != FINISHED and not outcome.faults
                print(f"{'':<7}{outcome.seconds:>11.1f} s  {outcome.left}", flush=True)
                for fault in outcome.faults[:5]:
                    print(f"{'':<22}FAULT {fault}")
        print(f"{command}: {well} of {kills} kills resumed to the bits of an undisturbed {command}")


if __name__ == "__main__":
    main()
