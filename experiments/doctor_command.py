"""lungio doctor: whether an installation can work, and what killed jobs have left in a store and a folder."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from experiments.conventions import MISSED, AsJson

PYTHON: Final = (3, 11)
LEAST_MEMORY_GIB: Final = 2.0  # the default run peaks below it
LEAST_DISK_GIB: Final = 1.0
GIB: Final = 2**30
Status = Literal["well", "note", "wrong", "mended"]
MARKS: Final = {"well": "ok", "note": "note", "wrong": "WRONG", "mended": "mended"}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: how it is, and what to do where it is wrong."""

    subject: str
    status: Status
    detail: str
    remedy: str = ""


def doctor(
    folder: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FOLDER]...", help="where runs are made [default: . and runs]"),
    ] = None,
    tracking_uri: Annotated[
        str | None, typer.Option(help="MLflow store [default: MLFLOW_TRACKING_URI, else ./mlflow.db]")
    ] = None,
    mend: Annotated[
        bool, typer.Option("--mend", help="mark runs of killed processes as failed, remove what they left")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check installation, MLflow store and folders of runs; ends with code 1 when one is wrong."""
    from experiments.output import Output, show

    places = folder or [Path(), Path("runs")]
    findings = [*installation(), *store(tracking_uri, mend), *folders(places, mend)]
    wrong = any(f.status == "wrong" for f in findings)
    out = Output(as_json)

    def draw() -> None:
        for f in findings:
            style = {"wrong": "bold red", "mended": "yellow"}.get(f.status)
            remedy = f"; {f.remedy}" if f.remedy else ""
            out.print(
                f"{MARKS[f.status]:<7}{f.subject}: {f.detail}{remedy}",
                style=style,
                highlight=False,
                soft_wrap=True,
            )

    show(out, {"well": not wrong, "findings": [asdict(f) for f in findings]}, draw)
    if wrong:
        raise typer.Exit(MISSED)


def installation() -> Iterator[Finding]:
    """Yield what was found of Python, libraries, compiled code, processors, memory and disk."""
    import shutil

    from synthetic_data.cohort_memory import free_memory

    new_enough = tuple(map(int, platform.python_version_tuple()[:2])) >= PYTHON
    yield Finding("Python", "well" if new_enough else "wrong", platform.python_version(),
                  "" if new_enough else f"install {PYTHON[0]}.{PYTHON[1]} or later")  # fmt: skip
    yield from libraries()
    yield compiled_cache()
    threads = os.environ.get("OMP_NUM_THREADS", "not set")
    yield Finding("processors", "well", f"{os.cpu_count()}; OMP_NUM_THREADS {threads}")
    free = free_memory() / GIB
    enough = free >= LEAST_MEMORY_GIB
    yield Finding("memory", "well" if enough else "wrong", f"{free:.1f} GiB free",
                  "" if enough else f"end other programs; {LEAST_MEMORY_GIB:g} GiB are needed")  # fmt: skip
    disk = shutil.disk_usage(Path()).free / GIB
    yield Finding("disk", "well" if disk >= LEAST_DISK_GIB else "wrong", f"{disk:.1f} GiB free here",
                  "" if disk >= LEAST_DISK_GIB else "free some space, or work elsewhere")  # fmt: skip


def libraries() -> Iterator[Finding]:
    """Yield one finding for the libraries that are as required, and one for each that is not."""
    from importlib import metadata

    from packaging.requirements import Requirement

    try:
        required = [Requirement(line) for line in metadata.requires("lungio") or []]
    except metadata.PackageNotFoundError:
        yield Finding(
            "libraries", "wrong", "lungio is not installed", "pip install . in an environment of its own"
        )
        return
    fine = 0
    for one in required:
        if one.marker is not None and not one.marker.evaluate({"extra": ""}):
            continue
        try:
            version = metadata.version(one.name)
        except metadata.PackageNotFoundError:
            yield Finding("libraries", "wrong", f"{one.name} is missing", f"pip install '{one}'")
            continue
        if one.specifier.contains(version, prereleases=True):
            fine += 1
        else:
            yield Finding("libraries", "wrong", f"{one.name} is {version}", f"pip install '{one}'")
    yield Finding("libraries", "well", f"{fine} in the versions required")


def compiled_cache() -> Finding:
    """Return whether compiled functions can be kept, which saves half a minute a process."""
    import pipeline

    beside = Path(pipeline.__path__[0]) / "survival_forest" / "__pycache__"
    place = Path(os.environ.get("NUMBA_CACHE_DIR") or beside)
    standing = next(p for p in (place, *place.absolute().parents) if p.exists())
    try:
        with tempfile.TemporaryFile(dir=standing):
            pass
    except OSError as error:
        said = (error.strerror or str(error)).lower()
        return Finding("compiled code", "wrong", f"cannot be kept in {place}: {said}",
                       "set NUMBA_CACHE_DIR to a folder that can be written")  # fmt: skip
    return Finding("compiled code", "well", f"kept in {place}")


def store(tracking_uri: str | None, mend: bool) -> Iterator[Finding]:
    """Yield what was found of the MLflow store."""
    from pipeline.schema import InputError
    from pipeline.tracking.store import check_store, plain_uri, resolve_store

    try:
        uri = resolve_store(tracking_uri)
        check_store(uri)
        from pipeline.tracking.health import store_health

        found = store_health(uri, mend)
    except InputError as error:
        yield Finding("MLflow store", "wrong", str(error))
        return
    if not found.there:
        yield Finding("MLflow store", "note", f"{plain_uri(uri)} is not there yet; the first run makes it")
        return
    shown = plain_uri(uri)
    if found.schema != found.expected:
        remedy = f"MLflow wants {found.expected}: mlflow db upgrade '{shown}'"
        yield Finding("MLflow store", "wrong", f"{shown} has schema {found.schema}", remedy)
        return
    schema = found.schema or "kept by the server"
    yield Finding("MLflow store", "well", f"{shown}, {found.runs} runs, schema {schema}")
    alive = found.running - len(found.abandoned)
    if alive:
        said = f"{alive} are marked as running by processes that live or are elsewhere"
        yield Finding("MLflow runs", "note", said)
    for name in found.abandoned:
        said = f"{name} is marked as running, and its process is gone"
        yield (
            Finding("MLflow runs", "mended", f"{said}: marked as failed")
            if mend
            else Finding("MLflow runs", "wrong", said, "lungio doctor --mend marks it as failed")
        )


def folders(places: list[Path], mend: bool) -> Iterator[Finding]:
    """Yield what killed jobs have left in folders of runs."""
    from experiments.replicates import JOURNAL, journalled_place, read_journal
    from pipeline.artifacts.owners import left_behind, remove
    from pipeline.artifacts.sole_writer import LOCK, is_held, locked_place, read_lock

    for place in dict.fromkeys(p.resolve() for p in places if p.is_dir()):
        left = [
            p
            for inside in (place, *(f.parent for f in place.glob("*/run.json")))
            for p in left_behind(inside)
        ]
        killed = [p for p in sorted(place.glob(f".*{LOCK}")) if read_lock(p) and not is_held(p)]
        for lock in killed:
            target = locked_place(lock)
            since = (read_lock(lock) or {})["since"]
            if mend:
                remove(lock)
                yield Finding("killed run", "mended", f"{target}, begun {since}: its traces are removed")
            else:
                remedy = "the same command with --resume does it anew; --mend removes its traces"
                yield Finding("killed run", "wrong", f"{target}, begun {since}", remedy)
        for path in left:
            if mend:
                remove(path)
                yield Finding("left behind", "mended", f"{path} is removed")
            else:
                yield Finding("left behind", "wrong", f"{path}, half written", "--mend removes it")
        for journal in sorted(place.glob(f".*.{JOURNAL}")):
            if not is_held(journal):
                kept = len(read_journal(journal))
                yield Finding("killed sweep", "note", f"{journalled_place(journal)}: {kept} runs are kept",
                              "the same command goes on from there")  # fmt: skip
        for facts in sorted(place.glob("*/run.json")):
            yield from unfinished_run(facts.parent)


def unfinished_run(folder: Path) -> Iterator[Finding]:
    """Yield a finding when a folder is not whole, or something is outstanding of a whole one."""
    from pipeline.artifacts import load_run
    from pipeline.artifacts.sole_writer import is_held, lock_file
    from pipeline.schema import InputError

    try:
        waiting = load_run(folder).facts.get("outstanding", [])
    except InputError as error:
        yield Finding("run folder", "wrong", f"{folder}: {error}", "make the run anew")
        return
    if waiting and not is_held(lock_file(folder)):
        yield Finding("run folder", "note", f"{folder}: its {' and its '.join(waiting)} is outstanding",
                      "the same command with --resume finishes it (a sweep: the same command)")  # fmt: skip
