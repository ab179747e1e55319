"""Saved models from a place that is not to be trusted."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import numpy as np

from pipeline.models import load_model
from pipeline.schema import InputError

from .scene import Outcome, Scene, contents, fault, zip_bomb

GROUP = "Models from elsewhere"


def load(scene: Scene, folder: Path) -> Outcome:
    """Load a model as `mlflow models serve` and `lungio drift` do; a test client of both."""
    scene.before = contents(scene.here)
    try:
        load_model(folder)
    except InputError as error:
        outcome = Outcome("a model is loaded", 2, str(error))
    scene.after = contents(scene.here)
    return outcome


def forest(scene: Scene) -> Path:
    return scene.finished_run() / "models" / "rsf"


def change_array(folder: Path, name: str, place: int, value: int) -> None:
    with np.load(folder / "arrays.npz") as stored:
        arrays = dict(stored)
    arrays[name][place] = value
    with zipfile.ZipFile(folder / "arrays.npz", "w") as archive:
        for key, array in arrays.items():
            with archive.open(f"{key}.npy", "w") as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


class Runs:
    """What a pickle would run."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch executed",)


@fault(GROUP, "arrays with a pickle that runs a program")
def pickle(scene: Scene) -> Outcome:
    folder = forest(scene)
    np.savez(folder / "arrays.npz", left=np.array([Runs()], dtype=object))
    return load(scene, folder)


@fault(GROUP, "trees that lead in a circle")
def circle(scene: Scene) -> Outcome:
    folder = forest(scene)
    change_array(folder, "left", 0, 0)
    return load(scene, folder)


@fault(GROUP, "trees that point outside their memory")
def outside(scene: Scene) -> Outcome:
    folder = forest(scene)
    change_array(folder, "feature", 0, 2**30)
    return load(scene, folder)


@fault(GROUP, "arrays that unpack to 8 TB")
def huge(scene: Scene) -> Outcome:
    folder = forest(scene)
    head = b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }"
    with zipfile.ZipFile(folder / "arrays.npz", "w") as archive:
        archive.writestr("left.npy", head.ljust(127) + b"\n")
    return load(scene, folder)


@fault(GROUP, "a zip bomb for arrays: they unpack to 4 GiB")
def bomb(scene: Scene) -> Outcome:
    folder = forest(scene)
    zip_bomb(folder / "arrays.npz", "more.npy")
    return load(scene, folder)


@fault(GROUP, "a model of a name that is none of ours")
def unknown(scene: Scene) -> Outcome:
    folder = forest(scene)
    document = json.loads((folder / "model.json").read_text()) | {"model": "../../os.system"}
    (folder / "model.json").write_text(json.dumps(document))
    return load(scene, folder)


@fault(GROUP, "a model cut short")
def torn(scene: Scene) -> Outcome:
    folder = forest(scene)
    (folder / "model.json").write_text((folder / "model.json").read_text()[:300])
    return load(scene, folder)
