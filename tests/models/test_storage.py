"""Saved models: the same file, the same predictions, without the libraries that fitted them."""

import json
import os
import subprocess
import sys
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
