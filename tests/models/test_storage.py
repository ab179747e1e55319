"""Saved models: the same file, the same predictions, without the libraries that fitted them."""

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from pipeline.models import MODELS, load_model, save_model
from pipeline.schema import InputError

from .fitting import MONTHS

PORTABLE = sorted(name for name, kind in MODELS.items() if kind.portable)


@pytest.mark.parametrize("name", PORTABLE)
def test_saved_and_loaded_it_predicts_the_same(name, fitted, cohort, tmp_path):
    save_model(fitted[name], tmp_path / name)
    loaded = load_model(tmp_path / name)
    got, want = (model.predict(cohort.observed, MONTHS) for model in (loaded, fitted[name]))
    np.testing.assert_array_equal(got.survival, want.survival)
    np.testing.assert_array_equal(got.risk, want.risk)
    assert loaded.parameters() == fitted[name].parameters()


@pytest.mark.parametrize("name", PORTABLE)
def test_the_same_model_is_the_same_file(name, fitted, tmp_path):
    first, second = (save_model(fitted[name], tmp_path / side) for side in "ab")
    for file in ("model.json", "arrays.npz"):
        assert (first / file).read_bytes() == (second / file).read_bytes()


def test_loaded_models_predict_in_a_new_process_without_the_libraries_that_fitted_them(
    fitted, cohort, tmp_path
):
    cohort.observed.to_pickle(tmp_path / "table.pkl")
    for name in PORTABLE:
        save_model(fitted[name], tmp_path / name)
    program = """
import sys, json, pathlib, numpy as np, pandas as pd
from pipeline.models import load_model
folder = pathlib.Path(sys.argv[1])
table = pd.read_pickle(folder / "table.pkl")
for name in sys.argv[2:]:
    survival = load_model(folder / name).predict(table, np.arange(0.5, 18.1, 0.5)).survival
    np.save(folder / f"{name}.npy", survival)
print(json.dumps([m for m in ("lifelines", "sksurv", "shap", "mlflow", "matplotlib") if m in sys.modules]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path), *PORTABLE],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2], env=dict(os.environ),
    )  # fmt: skip
    assert json.loads(done.stdout) == []
    for name in PORTABLE:
        np.testing.assert_allclose(
            np.load(tmp_path / f"{name}.npy"),
            fitted[name].predict(cohort.observed, MONTHS).survival,
            atol=1e-12,
        )


def test_a_folder_without_a_model_is_one_plain_message(tmp_path):
    with pytest.raises(InputError, match="holds no model that can be read"):
        load_model(tmp_path)


def test_a_model_of_another_format_is_refused(fitted, tmp_path):
    save_model(fitted["pdl1"], tmp_path)
    text = (tmp_path / "model.json").read_text().replace('"format": 1', '"format": 99')
    (tmp_path / "model.json").write_text(text)
    with pytest.raises(InputError, match=r"format must be 1\. Got 99"):
        load_model(tmp_path)


# --- a folder from an untrusted place


@pytest.mark.parametrize("document", ["[" * 100_000, "[]", '"format"', '{"format": 1', "\x00"])
def test_a_document_that_is_none(fitted, tmp_path, document):
    save_model(fitted["cox"], tmp_path)
    (tmp_path / "model.json").write_text(document)
    with pytest.raises(InputError, match=r"no model that can be read|format must be 1"):
        load_model(tmp_path)


@pytest.mark.parametrize("name", PORTABLE)
def test_what_is_missing_or_of_another_kind_is_one_plain_message(name, fitted, tmp_path):
    save_model(fitted[name], tmp_path)
    whole = json.loads((tmp_path / "model.json").read_text())
    for key in sorted(whole.keys() - {"format", "model"}):
        for broken in (
            {k: v for k, v in whole.items() if k != key},
            whole | {key: 7},
            whole | {key: [{"a": []}]},
        ):
            (tmp_path / "model.json").write_text(json.dumps(broken))
            with suppress(InputError):  # and some keys are only looked at when the model is used
                load_model(tmp_path)


def test_arrays_with_objects_are_not_unpickled(fitted, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (os.system, (f"touch {tmp_path}/executed",))

    save_model(fitted["cox"], tmp_path)
    np.savez(tmp_path / "arrays.npz", beta=np.array([Bomb()], dtype=object))
    with pytest.raises(InputError, match="allow_pickle=False"):
        load_model(tmp_path)
    assert not (tmp_path / "executed").exists()


def test_arrays_that_unpack_to_terabytes_are_refused(fitted, tmp_path):
    import zipfile

    save_model(fitted["cox"], tmp_path)
    head = b"\x93NUMPY\x01\x00v\x00" + b"{'descr': '<f8', 'fortran_order': False, 'shape': (10**12,), }"
    with zipfile.ZipFile(tmp_path / "arrays.npz", "w") as archive:
        archive.writestr("beta.npy", head.replace(b"10**12", b"1000000000000").ljust(127) + b"\n")
    with pytest.raises(InputError, match="no model that can be read"):
        load_model(tmp_path)


def rewritten(fitted, folder, **changes):
    """Save the forest with some of its arrays changed."""
    import zipfile

    save_model(fitted["rsf"], folder)
    with np.load(folder / "arrays.npz") as stored:
        arrays = dict(stored)
    for name, change in changes.items():
        key = name.replace("__", ".")
        arrays[key] = change(arrays[key].copy())
    with zipfile.ZipFile(folder / "arrays.npz", "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def at(place, value):
    def change(array):
        array[place] = value
        return array

    return change


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"left": at(0, 0)}, "not behind its parent"),  # a circle: no prediction would ever end
        ({"right": at(0, 2**31 - 1)}, "not behind its parent"),
        ({"feature": at(0, 2**30)}, "a feature that is none of"),
        ({"leaf": at(-1, 2**30)}, "does not end at a leaf"),
        ({"leaf": at(-1, -5)}, "does not end at a leaf"),
        ({"tree_start": at(-1, 10**9)}, "do not divide the nodes"),
        ({"threshold": lambda a: a[:-1]}, "different lengths"),
        ({"left": lambda a: a.astype(float)}, "no whole numbers"),
        ({"leaves__starts": at(-1, 10**9)}, "do not divide the entries"),
        ({"leaves__rank": lambda a: a[:-3]}, "leaving of another length|another length"),
        ({"leaves__baseline": lambda a: a[:, :-1]}, "baseline of another length"),
    ],
)
def test_trees_that_lead_nowhere_are_refused(fitted, tmp_path, changes, said):
    rewritten(fitted, tmp_path, **changes)
    with pytest.raises(InputError, match=said):
        load_model(tmp_path)


def test_the_test_above_would_pass_an_unchanged_forest(fitted, cohort, tmp_path):
    rewritten(fitted, tmp_path)
    got = load_model(tmp_path).predict(cohort.observed, MONTHS).survival
    np.testing.assert_array_equal(got, fitted["rsf"].predict(cohort.observed, MONTHS).survival)
