"""How far a long job is: bars on a terminal, one line a finished stage elsewhere; and how long each took."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID


class StageProgress:
    """A `pipeline.schema.Progress` that shows and times the stages it is told of.

    The clock of a stage starts when the one before ends, so that `seconds` of stages that follow each
    other adds up to the whole job. Use as a context manager; nothing is drawn before it is entered.
    """

    def __init__(self, console: Console) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        from experiments.output import Output, chatty

        self.seconds: dict[str, float] = {}
        self._console = console
        self._quiet = not chatty(console)
        without = isinstance(console, Output) and console.without_bars
        self._start = self._last_end = time.perf_counter()
        self._start_cpu = _cpu_seconds()
        self._began: dict[str, float] = {}
        self._bars = Progress(
            TextColumn("{task.description:<28}"),
            BarColumn(bar_width=32),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            disable=without or not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> StageProgress:
        self._last_end = time.perf_counter()
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def used(self) -> dict[str, float]:
        """Return what the job has taken so far: time on the clock, of processors, and the largest memory.

        Processor time is that of this process and of those it started that have ended; memory is the most
        that this process alone has held since it began.
        """
        return {
            "wall_seconds": round(time.perf_counter() - self._start, 3),
            "cpu_seconds": round(_cpu_seconds() - self._start_cpu, 3),
            "peak_memory_megabytes": round(_peak_bytes() / 2**20, 1),
        }

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Take note that `done` of `total` steps of `stage` are done."""
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(stage, total=max(total, 1))
        self._began.setdefault(stage, self._last_end)
        self._bars.update(self._tasks[stage], completed=done, total=max(total, 1))
        if done < total:
            return
        now = time.perf_counter()
        spent = now - self._began.pop(stage)
        self._last_end = now
        self.seconds[stage] = round(self.seconds.get(stage, 0.0) + spent, 3)
        if not self._quiet and not self._console.is_terminal:
            self._console.print(f"{stage}: {spent:.1f} s", highlight=False)


def _cpu_seconds() -> float:
    return sum(os.times()[:4])


def _peak_bytes() -> int:
    import resource  # there is none on Windows, where no job of ours runs

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
