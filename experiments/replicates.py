"""Many independent tasks, on this machine or on a cluster; a killed job goes on where it stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from pipeline.artifacts import value_digest
from pipeline.schema import InputError, Progress, silent

Task = Mapping[str, Any]
Backend = Literal["joblib", "dask"]
BACKENDS: Final[tuple[Backend, ...]] = ("joblib", "dask")
JOURNAL: Final = "journal.jsonl"


def run_tasks(
    function: Callable[[Task], Mapping[str, Any]],
    tasks: Sequence[Task],
    journal: Path,
    backend: Backend = "joblib",
    jobs: int = 2,
    scheduler: str | None = None,
    progress: Progress = silent,
) -> list[dict[str, Any]]:
    """Return the result of each task in their order, whatever the backend and the order of finishing.

    Every result is appended to `journal` as one line once it is there, with the digest of its task; results
    of tasks that the journal holds are read instead of computed. A last line that a kill cut short is passed
    over, and so are lines of other tasks.

    Parameters
    ----------
    function : callable
        Of a JSON-ready task, to a JSON-ready result; importable by name, and drawing from the task's own
        seed alone.
    tasks : sequence of mapping
    journal : Path
    backend : {"joblib", "dask"}
    jobs : int
        Processes.
    scheduler : str, optional
        Address of a Dask scheduler; a cluster of `jobs` processes on this machine when left out.
    progress : Progress, optional

    Raises
    ------
    InputError
        Dask is asked for and not installed, or its scheduler does not answer.
    """
    done = _read(journal)
    keys = [value_digest(dict(task)) for task in tasks]
    waiting = [k for k, key in enumerate(keys) if key not in done]
    journal.parent.mkdir(parents=True, exist_ok=True)
    progress("replicates", len(tasks) - len(waiting), len(tasks))
    if waiting:
        results = _dask if backend == "dask" else _joblib
        with journal.open("a", encoding="utf-8") as lines:
            if journal.stat().st_size and not _ends_whole(journal):
                lines.write("\n")
            found = results(function, [tasks[k] for k in waiting], jobs, scheduler)
            for number, (place, result) in enumerate(found, start=len(tasks) - len(waiting) + 1):
                key = keys[waiting[place]]
                done[key] = json.loads(json.dumps(dict(result)))
                lines.write(json.dumps({"task": key, "result": done[key]}) + "\n")
                lines.flush()
                os.fsync(lines.fileno())
                progress("replicates", number, len(tasks))
    return [done[key] for key in keys]


def _read(journal: Path) -> dict[str, dict[str, Any]]:
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


def _joblib(
    function: Callable[[Task], Mapping[str, Any]], tasks: Sequence[Task], jobs: int, _: str | None
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    from joblib import Parallel, delayed

    if jobs == 1:
        yield from (_numbered(function, place, task) for place, task in enumerate(tasks))
        return
    pool = Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1)
    yield from pool(delayed(_numbered)(function, place, task) for place, task in enumerate(tasks))


def _dask(
    function: Callable[[Task], Mapping[str, Any]], tasks: Sequence[Task], jobs: int, scheduler: str | None
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        from dask.distributed import Client, LocalCluster, as_completed
    except ImportError as error:
        raise InputError("--backend dask: Dask is not installed; pip install 'lungio[dask]'") from error
    connect: Any = Client
    if scheduler is None:
        local: Any = LocalCluster
        cluster = local(
            n_workers=jobs, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, silence_logs=40
        )
        with cluster, connect(cluster) as client:
            yield from _submitted(client, as_completed, function, tasks)
        return
    try:
        client = connect(scheduler, timeout="10s")
    except (OSError, ValueError, TimeoutError) as error:
        raise InputError(f"--scheduler {scheduler}: no Dask scheduler answers there ({error})") from error
    with client:
        yield from _submitted(client, as_completed, function, tasks)


def _submitted(
    client: Any, as_completed: Any, function: Callable[[Task], Mapping[str, Any]], tasks: Sequence[Task]
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    futures = [
        client.submit(_numbered, function, place, dict(task), pure=False) for place, task in enumerate(tasks)
    ]
    for future in as_completed(futures):
        yield future.result()
        future.release()
