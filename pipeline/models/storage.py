"""A fitted model as a folder of one JSON file and one array file, without pickle."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

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


def load_model(folder: Path, kinds: Mapping[str, Any] = MODELS) -> Any:
    """Return the fitted model in `folder`, one of `kinds`; InputError when it holds none that can be read."""
    path = folder / DOCUMENT
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        with np.load(folder / ARRAYS, allow_pickle=False) as archive:
            arrays: dict[str, NDArray[Any]] = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"{folder} holds no model that can be read: {error}") from error
    if document.get("format") != FORMAT:
        raise InputError(f"{path}: format must be {FORMAT}. Got {document.get('format')!r} instead")
    return lookup(kinds, str(document.get("model")), "model").restore(document, arrays)
