"""Many independent tasks, on this machine or on a cluster; a killed job goes on where it stopped."""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal

from experiments.conventions import ONE_THREAD
from pipeline.artifacts import value_digest
from pipeline.schema import InputError, Progress, lookup, silent

Task = Mapping[str, Any]
Backend = Literal["joblib", "dask"]
Results = Iterator[tuple[int, Mapping[str, Any]]]
Workers = Callable[[Callable[[Task], Mapping[str, Any]], Sequence[Task]], Results]
BACKENDS: Final[tuple[Backend, ...]] = ("joblib", "dask")
JOURNAL: Final = "journal.jsonl"
WATCH_SECONDS: Final = 1.0
# Without Dask's own addition, that freed memory is handed back at once: tasks made of arrays then pay for
# every page anew, a third of their time. And without what it measures of tasks beside them, on the same
# processor.
QUIET_WORKERS: Final = {
    "distributed.nanny.pre-spawn-environ": ONE_THREAD,
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.monitor-interval": "1s",
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.admin.system-monitor.gil.enabled": False,
}


def journal_file(folder: Path) -> Path:
    """Return the file beside `folder` that keeps what was found until the folder is whole."""
    return folder.with_name(f".{folder.name}.{JOURNAL}")


def journalled_place(journal: Path) -> Path:
    """Return the folder that `journal` stands beside."""
    return journal.with_name(journal.name.removeprefix(".").removesuffix(f".{JOURNAL}"))


def known_backend(name: str) -> Backend:
    """Return the backend called `name`; raise an InputError when there is none."""
    return lookup({known: known for known in BACKENDS}, name, "backend")


def run_tasks(
    function: Callable[[Task], Mapping[str, Any]],
    tasks: Sequence[Task],
    journal: Path,
    backend: Backend = "joblib",
    jobs: int = 2,
    scheduler: str | None = None,
    progress: Progress = silent,
) -> list[dict[str, Any]]:
    """Return the result of each task in their order; see `TaskPool`, which does them in one go."""
    with TaskPool(journal, backend, jobs, scheduler) as pool:
        return pool.run(function, tasks, progress)


class TaskPool:
    """Processes, and a journal that keeps what they found, for as long as the block lasts.

    Every result is appended to the journal as one line once it is there, with the digest of its task; results
    of tasks that the journal holds are read instead of computed. A last line that a kill cut short is passed
    over, and so are lines of other tasks. Results do not depend on the backend or the order of finishing.
    Processes are started for the first task that is not in the journal.

    Parameters
    ----------
    journal : Path
        Locked while the block lasts: two jobs at once would do the same work.
    backend : {"joblib", "dask"}
    jobs : int
        Processes.
    scheduler : str, optional
        Address of a Dask scheduler; a cluster of `jobs` processes on this machine when left out.

    Raises
    ------
    InputError
        Another process is at work on the journal, Dask is asked for and not installed, or its scheduler
        does not answer.
    """

    def __init__(
        self, journal: Path, backend: Backend = "joblib", jobs: int = 2, scheduler: str | None = None
    ) -> None:
        self.journal = journal
        self._backend, self._jobs, self._scheduler = backend, jobs, scheduler
        self._stack = ExitStack()
        self._workers: Workers | None = None
        self._done: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> TaskPool:
        self.journal.parent.mkdir(parents=True, exist_ok=True)
        self._lines = self._stack.enter_context(self.journal.open("a", encoding="utf-8"))
        try:
            fcntl.flock(self._lines, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._stack.close()
            raise InputError(
                f"another process is at work on {self.journal}; wait for it, or choose another --out"
            ) from None
        self._done = read_journal(self.journal)
        if self.journal.stat().st_size and not _ends_whole(self.journal):
            self._lines.write("\n")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.journal.exists() and not self.journal.stat().st_size:
            self.journal.unlink()
        self._stack.close()

    def run(
        self,
        function: Callable[[Task], Mapping[str, Any]],
        tasks: Sequence[Task],
        progress: Progress = silent,
        stage: str = "replicates",
    ) -> list[dict[str, Any]]:
        """Return the result of each task in their order.

        Parameters
        ----------
        function : callable
            Of a JSON-ready task, to a JSON-ready result; importable by name, and drawing from the task's own
            seed alone.
        tasks : sequence of mapping
            Two that are equal are one.
        progress : Progress, optional
        stage : str
            What progress is told of.
        """
        keys = [value_digest(dict(task)) for task in tasks]
        waiting = {key: task for key, task in zip(keys, tasks, strict=True) if key not in self._done}
        names, total = list(waiting), len(set(keys))
        progress(stage, total - len(waiting), total)
        if waiting:
            if self._workers is None:
                starting = (
                    _dask(self._jobs, self._scheduler) if self._backend == "dask" else _joblib(self._jobs)
                )
                self._workers = self._stack.enter_context(starting)
            found = self._workers(function, list(waiting.values()))
            for number, (place, result) in enumerate(found, start=total - len(waiting) + 1):
                key = names[place]
                self._done[key] = json.loads(json.dumps(dict(result)))
                self._lines.write(json.dumps({"task": key, "result": self._done[key]}) + "\n")
                self._lines.flush()
                os.fsync(self._lines.fileno())
                progress(stage, number, total)
        return [self._done[key] for key in keys]


def read_journal(journal: Path) -> dict[str, dict[str, Any]]:
    """Return the results a journal holds, by the digest of their task."""
    done: dict[str, dict[str, Any]] = {}
    if journal.is_file():
        for line in journal.read_text(encoding="utf-8").splitlines():
            try:
                entry = json.loads(line)
                done[str(entry["task"])] = entry["result"]
            except (ValueError, KeyError, TypeError):
                continue  # a line that a kill cut short
    return done


def _ends_whole(journal: Path) -> bool:
    with journal.open("rb") as content:
        content.seek(-1, os.SEEK_END)
        return content.read(1) == b"\n"


def _numbered(function: Callable[[Task], Mapping[str, Any]], place: int, task: Task) -> tuple[int, Any]:
    return place, function(task)


@contextmanager
def _joblib(jobs: int) -> Iterator[Workers]:
    from joblib import Parallel, delayed

    def results(function: Callable[[Task], Mapping[str, Any]], tasks: Sequence[Task]) -> Results:
        if jobs == 1:
            yield from (_numbered(function, place, task) for place, task in enumerate(tasks))
            return
        pool = Parallel(
            n_jobs=jobs, return_as="generator_unordered", batch_size=1,
            initializer=end_with, initargs=(os.getpid(),),
        )  # fmt: skip
        yield from pool(delayed(_numbered)(function, place, task) for place, task in enumerate(tasks))

    yield results


def end_with(parent: int) -> None:
    """Let this process, one of joblib's, end when `parent` does.

    Those whose parent was killed would wait for five minutes for more work, holding their memory and whatever
    the parent wrote to.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(WATCH_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _dask(jobs: int, scheduler: str | None) -> Iterator[Workers]:
    try:
        from dask import config as dask_config
        from dask import distributed
    except ImportError as error:
        raise InputError("--backend dask: Dask is not installed; pip install 'lungio[dask]'") from error
    dask: Any = distributed  # its types say less than it does
    with ExitStack() as stack:
        if scheduler is None:
            stack.enter_context(dask_config.set(QUIET_WORKERS))
            place: Any = stack.enter_context(
                dask.LocalCluster(
                    n_workers=jobs, threads_per_worker=1, host="127.0.0.1", dashboard_address=None,
                    silence_logs=40,
                )
            )  # fmt: skip
        else:
            place = scheduler
        try:
            client = stack.enter_context(dask.Client(place, timeout="10s"))
        except (OSError, ValueError, TimeoutError) as error:
            raise InputError(f"--scheduler {scheduler}: no Dask scheduler answers there ({error})") from error

        def results(function: Callable[[Task], Mapping[str, Any]], tasks: Sequence[Task]) -> Results:
            futures = [
                client.submit(_numbered, function, place, dict(task), pure=False)
                for place, task in enumerate(tasks)
            ]
            for future in dask.as_completed(futures):
                yield future.result()
                future.release()

        yield results
