"""Files and requests nobody should send, for as long as asked: taken or refused in plain words, nothing else.

Each door (`benchmarks.fuzz_cases`) is thrown at in a process of its own, with a bound on its memory and on
the time of each case. What breaks is cut down by hypothesis and kept in a folder. Ends with code 1 when
anything but an answer or a refusal was seen: another exception, a case that took too long, a dead process.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing as mp
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from rich.console import Console
from rich.table import Table

from benchmarks.fuzz_cases import Door, doors
from benchmarks.fuzz_requests import bodies

MINUTES = 1.0
SERVED = "served"
SECONDS_A_CASE = 10.0
SECONDS_UNTIL_KILLED = 40.0  # a case that the alarm inside does not end, as in compiled code
EXTRA_MEMORY = 2 * 2**30  # address space beyond what the process has once everything is loaded
ROUND = 60  # cases of one generator of hypothesis's
MLFLOWS_READER = "mlflow.utils.proto_json_utils"
ROOT = Path(__file__).resolve().parents[1]


class TooSlow(Exception):
    """One case took longer than it may."""


@dataclass
class Tally:
    """What became of the cases of one door."""

    cases: int = 0
    refused: int = 0
    slowest: float = 0.0
    grown_mib: float = 0.0
    faults: dict[str, str] = field(default_factory=dict)


def refusal(error: BaseException) -> bool:
    """Whether the command would tell the user this error in plain words."""
    from experiments.cli import plain_message

    return isinstance(error, Exception) and plain_message(error) is not None


def place_of(error: BaseException) -> str:
    """Name an error by its kind and the innermost line of ours that it came through."""
    while isinstance(error, BaseExceptionGroup):  # hypothesis's, of a fault that did not come twice
        error = error.exceptions[0]
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if Path(f.filename).is_relative_to(ROOT) and "benchmarks" not in f.filename]
    last = (ours or frames)[-1]
    return f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno} in {last.name}"


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `TooSlow` when what is done inside takes longer."""

    def ring(signum: int, frame: FrameType | None) -> None:
        raise TooSlow(f"more than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def enter(door: Door, case: Any) -> bool:
    """Try one case in an empty folder; return whether it was taken, raise what is no refusal."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            door.enter(case, Path(folder))
        except Exception as error:
            if not refusal(error):
                raise
            return False
    return True


def attack(name: str, seconds: float, start: int, keep: Path, began: Any, answers: Any) -> None:
    """Throw cases at one door until the time is over and send the tally; runs in a process of its own."""
    sys.stdout = sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - until the process ends
    with contextlib.ExitStack() as open_until_the_end:
        door = find(name, open_until_the_end)
        tally = Tally()
        tried: list[Any] = []

        def throw(case: Any) -> None:
            tried[:] = [case]
            (keep / f"{name} in hand").write_text(repr(case), encoding="utf-8", errors="replace")
            began.value = here = time.monotonic()
            try:
                with time_limit(SECONDS_A_CASE):
                    taken = enter(door, case)
            except Exception as error:
                if place_of(error) not in tally.faults:
                    raise
                taken = True
            finally:
                began.value = 0.0
                tally.slowest = max(tally.slowest, time.monotonic() - here)
            tally.cases += 1
            tally.refused += not taken

        throw_first(door)
        _bound_memory()
        base, end = _peak_mib(), time.monotonic() + seconds
        for number in range(start, start + 10**6):
            if time.monotonic() > end:
                break
            run = settings(
                max_examples=ROUND, deadline=None, database=None, phases=(Phase.generate, Phase.shrink),
                suppress_health_check=list(HealthCheck), report_multiple_bugs=False, print_blob=False,
                verbosity=Verbosity.quiet,
            )(seed(number)(given(door.cases)(throw)))  # fmt: skip
            try:
                run()
            except Exception as error:
                what = place_of(error)
                told = "".join(traceback.format_exception(error))
                tally.faults[what] = f"{tried[0]!r}\n\n{told}"
            tally.grown_mib = _peak_mib() - base
            answers.send(tally)
    answers.close()


def throw_first(door: Door) -> None:
    """Load everything a case needs, so that neither time nor memory of a case holds the loading."""
    plain = settings(max_examples=20, deadline=None, database=None, phases=(Phase.generate,),
                     suppress_health_check=list(HealthCheck))  # fmt: skip
    plain(seed(0)(given(door.cases)(_quietly(door))))()


def _quietly(door: Door) -> Any:
    def throw(case: Any) -> None:
        with contextlib.suppress(Exception):
            enter(door, case)

    return throw


def find(name: str, stack: contextlib.ExitStack) -> Door:
    """Return the door of that name; the one that wants a served model makes it first."""
    return served_door(stack) if name == SERVED else next(d for d in doors() if d.name == name)


def served_door(stack: contextlib.ExitStack) -> Door:
    """Return MLflow's own scoring server around a forest, in this process: 200, 400 or 415, nothing else."""
    import json

    from benchmarks.bench_serving import a_run, fresh_patients
    from benchmarks.scoring_app import ScoringApp

    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    run = a_run(folder)
    app = ScoringApp(f"sqlite:///{folder / 'mlflow.db'}", "rsf", "lungio")
    good = json.loads(fresh_patients(run, 2_000).dropna().head(1).to_json(orient="records"))[0]

    def ask(case: Any, _: Path) -> None:
        from pipeline.schema import InputError

        answer = app.ask(case.body, case.content_type)
        if answer.status_code in (400, 415):
            raise InputError(answer.text)
        if answer.raised_in == MLFLOWS_READER:  # before it asks the model, which cannot help it
            raise InputError(answer.text)
        if answer.status_code != 200:
            raise RuntimeError(f"answered with code {answer.status_code}: {answer.text[:300]}")

    return Door(SERVED, bodies(good), ask)


def _bound_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    bound = pages * os.sysconf("SC_PAGE_SIZE") + EXTRA_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (bound, bound))


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def siege(name: str, seconds: float, start: int, keep: Path) -> Tally:
    """Attack one door from another process and return the tally, a death or a hang among its faults."""
    context = mp.get_context("spawn")
    began = context.Value("d", 0.0)
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=attack, args=(name, seconds, start, keep, began, sending))
    process.start()
    sending.close()
    tally, hung = Tally(), False
    while process.is_alive() or receiving.poll():
        try:
            if receiving.poll(0.5):
                tally = receiving.recv()
        except EOFError:
            break
        here = began.value  # once: it becomes 0 when a case ends, between two looks as well
        if here and time.monotonic() - here > SECONDS_UNTIL_KILLED:
            hung = True
            process.kill()
    process.join()
    in_hand = keep / f"{name} in hand"
    if hung or process.exitcode:
        what = "hung and was killed" if hung else f"the process died with code {process.exitcode}"
        tally.faults[what] = in_hand.read_text(encoding="utf-8") if in_hand.is_file() else "before any case"
    in_hand.unlink(missing_ok=True)
    for number, (what, told) in enumerate(tally.faults.items(), start=1):
        (keep / f"{name} {number}.txt").write_text(f"{what}\n\n{told}", encoding="utf-8", errors="replace")
    return tally


def main() -> None:
    """Attack every door for its share of the minutes and print what became of it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks fuzz")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=None, help="doors")
    parser.add_argument("--keep", type=Path, default=Path("runs") / "fuzz", help="folder of what was found")
    asked = parser.parse_args()
    names = [d.name for d in doors()] + [SERVED]
    if unknown := sorted(set(asked.only or ()) - set(names)):
        parser.error(f"no door {', '.join(unknown)}; there are {', '.join(names)}")
    names = asked.only or names
    asked.keep.mkdir(parents=True, exist_ok=True)
    console = Console(width=140)
    table = Table("door", "cases", "taken", "refused", "slowest case (s)", "memory grown (MiB)", "faults")
    found: list[str] = []
    for name in names:
        tally = siege(name, 60 * asked.minutes / len(names), asked.seed, asked.keep)
        table.add_row(
            name, f"{tally.cases:,}", f"{tally.cases - tally.refused:,}", f"{tally.refused:,}",
            f"{tally.slowest:.2f}", f"{tally.grown_mib:.0f}", str(len(tally.faults)),
        )  # fmt: skip
        found += [f"{name}: {what}" for what in tally.faults]
    console.print(table)
    for line in found:
        console.print(line, style="bold red", highlight=False, markup=False)
    console.print(f"{len(found)} faults{f', kept in {asked.keep}' if found else ''}")
    if found:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
