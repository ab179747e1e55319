"""Disks and folders that take nothing, and places that are taken."""

from __future__ import annotations

import errno
import resource
import tempfile
from pathlib import Path

import pandas as pd

from pipeline.artifacts.sole_writer import sole_writer

from .scene import Outcome, Scene, fault

GROUP = "Disks and folders"
SIMULATE = ("simulate", "keynote_189", "--n", 60, "--out")


@fault(GROUP, "the disk is full while a cohort is written")
def full(scene: Scene) -> Outcome:
    scene.refuse(pd.DataFrame, "to_parquet", OSError(errno.ENOSPC, "No space left on device"))
    return scene.lungio(*SIMULATE, "deep/cohort")


@fault(GROUP, "files may not grow beyond a kilobyte (ulimit -f)")
def limited(scene: Scene) -> Outcome:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
    try:
        return scene.lungio(*SIMULATE, "cohort")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@fault(GROUP, "the folder is read-only")
def read_only(scene: Scene) -> Outcome:
    scene.refuse(tempfile, "mkdtemp", OSError(errno.EROFS, "Read-only file system"))
    return scene.lungio("run", scene.experiment(), "--out", "runs/one")


@fault(GROUP, "the folder belongs to somebody else")
def closed(scene: Scene) -> Outcome:
    scene.refuse(tempfile, "mkdtemp", PermissionError(errno.EACCES, "Permission denied"))
    return scene.lungio("run", scene.experiment(), "--out", "theirs/one")


@fault(GROUP, "part of the path is a file")
def file_above(scene: Scene) -> Outcome:
    scene.file("runs", "")
    return scene.lungio("run", scene.experiment(), "--out", "runs/one")


@fault(GROUP, "something is there already")
def there(scene: Scene) -> Outcome:
    (scene.here / "one").mkdir()
    return scene.lungio("run", scene.experiment(), "--out", "one")


@fault(GROUP, "a link that leads nowhere is there already")
def dangling(scene: Scene) -> Outcome:
    (scene.here / "one").symlink_to("nowhere")
    return scene.lungio(*SIMULATE, "one")


@fault(GROUP, "a name of three hundred letters")
def long_name(scene: Scene) -> Outcome:
    return scene.lungio(*SIMULATE, "x" * 300)


@fault(GROUP, "another process makes the folder meanwhile")
def meanwhile(scene: Scene) -> Outcome:
    true = pd.DataFrame.to_parquet

    def other_first(table: pd.DataFrame, *words: object, **options: object) -> object:
        (scene.here / "cohort").mkdir(exist_ok=True)
        (scene.here / "cohort" / "theirs.txt").write_text("theirs")
        return true(table, *words, **options)  # type: ignore[call-overload]

    scene.patch.setattr(pd.DataFrame, "to_parquet", other_first)
    return scene.lungio(*SIMULATE, "cohort")


@fault(GROUP, "two runs at once in one folder")
def two_runs(scene: Scene) -> Outcome:
    config = scene.experiment()
    with sole_writer(Path("one")):
        return scene.lungio("run", config, "--out", "one")


@fault(GROUP, "two sweeps at once in one folder")
def two_sweeps(scene: Scene) -> Outcome:
    scene.experiment()
    scene.file("sweep.yaml", {"name": "s", "experiment": "mine.yaml", "vary": {"train.patients": [120, 150]}})
    with sole_writer(Path("one")):
        return scene.lungio("sweep", "sweep.yaml", "--out", "one")
