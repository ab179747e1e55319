"""A fitted model as a folder of one JSON file and one array file, without pickle."""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.archives import check_unpacked
from pipeline.models.contract import SurvivalModel
from pipeline.models.registry import MODELS
from pipeline.schema import InputError, lookup

FORMAT = 1
DOCUMENT, ARRAYS = "model.json", "arrays.npz"


class Saveable(Protocol):
    """A fitted model that knows how to put itself on record."""

    name: str

    def export(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return all that predicting needs: a JSON-ready document and plain arrays."""


def save_model(model: Saveable, folder: Path) -> Path:
    """Write `model` to `folder` as model.json and arrays.npz; the same model gives the same bytes."""
    document, arrays = model.export()
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"format": FORMAT, "model": model.name} | document, indent=1, allow_nan=False)
    (folder / DOCUMENT).write_text(text + "\n", encoding="utf-8")
    with zipfile.ZipFile(folder / ARRAYS, "w") as archive:
        for name, array in arrays.items():
            # A member's default date is fixed, unlike that of np.savez: equal models stay equal files.
            info = zipfile.ZipInfo(f"{name}.npy")
            info.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(info, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=False)
    return folder


def _check_sizes(archive: zipfile.ZipFile) -> None:
    """Raise a ValueError when an array is not of the size it says: room would be made by its word."""
    for member in archive.infolist():
        with archive.open(member) as content:
            version = np.lib.format.read_magic(content)
            read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
            if version not in read:
                raise ValueError(f"{member.filename} is of a format that is not ours")
            shape, _, dtype = read[version](content)
            if not dtype.hasobject and math.prod(shape) * dtype.itemsize + content.tell() != member.file_size:
                raise ValueError(f"{member.filename} says that it is of shape {shape}, which it is not")


def load_model(folder: Path) -> SurvivalModel:
    """Return the fitted survival model in `folder`; raises InputError when it holds none that can be read."""
    model: SurvivalModel = load_fitted(folder, MODELS)
    return model


def load_fitted(folder: Path, kinds: Mapping[str, Any]) -> Any:
    """Return the fitted model in `folder`, one of `kinds`; raises InputError when it holds none to be read.

    Nothing in the folder is executed: it may come from anywhere.
    """
    path = folder / DOCUMENT
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        with zipfile.ZipFile(folder / ARRAYS) as archive:
            check_unpacked(archive, folder / ARRAYS)
            _check_sizes(archive)
        with np.load(folder / ARRAYS, allow_pickle=False) as stored:
            arrays: dict[str, NDArray[Any]] = {name: stored[name] for name in stored.files}
    except (OSError, ValueError, RecursionError, MemoryError, zipfile.BadZipFile) as error:
        raise InputError(f"{folder} holds no model that can be read: {error}") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        found = document.get("format") if isinstance(document, dict) else document
        raise InputError(f"{path}: format must be {FORMAT}. Got {found!r} instead")
    kind = lookup(kinds, str(document.get("model")), "model")
    try:
        return kind.restore(document, arrays)
    except InputError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{folder} holds no whole model: {error!r}") from error
