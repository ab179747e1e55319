"""Sweeps as they are written: keys that exist, values that may vary, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from experiments.config import CONFIGS, Experiment, path_fault
from experiments.sweep_spec import Sweep, read_sweep, with_setting
from pipeline.schema import InputError

BASE = {"name": "grid", "experiment": "keynote_189"}


def written(folder: Path, **content: Any) -> str:
    path = folder / "sweep.yaml"
    path.write_text(yaml.safe_dump(BASE | content), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("analysis.bootstrap.replicates", None),
        ("analysis.models.rsf.anything", None),  # whoever builds the model judges its options
        ("train.cohort", None),
        ("external.patients", None),
        ("analysis.explanation", None),
        ("anlysis.endpoint", "no key 'anlysis'; did you mean 'analysis'?"),
        (
            "analysis.bootstrap.replicate",
            "no key 'replicate' in 'analysis.bootstrap'; did you mean 'replicates'",
        ),
        ("seed.first", "'seed' is a value and holds no key 'first'"),
        ("analysis.zzz", "known: ablation, bootstrap"),
    ],
)
def test_a_dotted_path_is_held_against_the_experiment(path: str, said: str | None) -> None:
    found = path_fault(path, Experiment)
    assert found is None if said is None else said in str(found)


def test_a_grid_is_every_combination_with_the_last_key_fastest() -> None:
    sweep = Sweep.model_validate(
        BASE | {"vary": {"train.patients": [100, 200], "analysis.endpoint": ["os", "pfs"]}}
    )
    assert [tuple(s.values()) for s in sweep.grid()] == [(100, "os"), (100, "pfs"), (200, "os"), (200, "pfs")]
    places = Sweep.model_validate(BASE | {"cohorts": ["a", "b"], "seeds": [1, 2]}).places()
    assert [tuple(p.values()) for p in places] == [("a", 1), ("a", 2), ("b", 1), ("b", 2)]


def test_a_setting_is_set_and_checked() -> None:
    _, base = read_sweep("forest_settings")
    changed = with_setting(base, {"analysis.models.rsf.max_depth": 3, "seed": 9, "external.patients": 7})
    assert changed.analysis.models["rsf"] == {"max_depth": 3}
    assert (changed.seed, changed.external and changed.external.patients) == (9, 7)
    with pytest.raises(InputError, match=r"seed: must be greater than or equal to 0. Got -1 instead"):
        with_setting(base, {"seed": -1})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"vary": {"analysis.modles.rsf.n": [1]}}, "no key 'modles' in 'analysis'; did you mean 'models'"),
        ({"fixed": {"trian.patients": 5}, "seeds": [1]}, "fixed: no key 'trian'; did you mean 'train'"),
        ({"vary": {"train.patients": ["many"]}}, "train.patients: must be a valid integer"),
        ({"vary": {"train.patients": []}}, "train.patients: must not be empty"),
        ({"vary": {"train.patients": [5, 5]}}, "train.patients: a value stands twice"),
        ({"vary": {"report.title": ["a"]}}, "'report.title' decides no number"),
        ({"vary": {"seed": [1]}, "seeds": [2]}, "seeds and vary: seed set the same"),
        ({"vary": {"train.patients": {"low": 5, "high": 9}}}, "a range is for `search: optuna`"),
        ({"vary": {"train.patients": {"low": 9, "high": 5}}, "search": "optuna"}, "low must be below high"),
        ({"seeds": [1], "search": "optuna"}, "needs something to vary"),
        ({}, "nothing varies"),
        ({"sedes": [1]}, "sedes: unknown key; did you mean 'seeds'?"),
        ({"seeds": list(range(10_001))}, "10,001 runs; at most 10,000"),
        (
            {"seeds": [1], "experiment": "keynote_198"},
            "no experiment 'keynote_198'; did you mean keynote_189",
        ),
    ],
)
def test_what_cannot_be_swept_is_refused(tmp_path: Path, content: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as caught:
        read_sweep(written(tmp_path, **content))
    assert said in str(caught.value)


def test_faults_of_values_are_told_once_each(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_sweep(written(tmp_path, vary={"train.patients": [-1, -2]}, seeds=[1, 2, 3]))
    assert len(str(caught.value).splitlines()) == 2


def test_an_experiment_beside_the_sweep_is_found(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text((CONFIGS / "experiments" / "poplar.yaml").read_text(encoding="utf-8"))
    _, base = read_sweep(written(tmp_path, experiment="mine.yaml", seeds=[1]))
    assert base.name == "poplar"


@pytest.mark.parametrize("path", sorted((CONFIGS / "sweeps").glob("*.yaml")), ids=lambda p: p.stem)
def test_shipped_sweeps_can_be_read(path: Path) -> None:
    sweep, _ = read_sweep(str(path))
    assert sweep.name == path.stem
