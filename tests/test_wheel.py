"""The wheel: everything a run reads is in it, and it works away from the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
import yaml

from pipeline.artifacts import load_run

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("pipeline", "synthetic_data", "experiments", "configs")
# What makes the run short: a new installation compiles forest and further metrics for half a minute.
SHORT = {
    "models": {"cox": {"penalties": [0.1]}, "oracle": {}},
    "published": "none",
    "metrics": ["harrell_c", "brier"],
    "cross_validation": {"folds": 2, "repeats": 1},
    "bootstrap": {"replicates": 20},
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, for building leaves folders behind."""
    place = tmp_path_factory.mktemp("wheel")
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, place / "source" / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, place / "source")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index",
               "--no-build-isolation", "--wheel-dir", str(place), str(place / "source")]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    (made,) = place.glob("*.whl")
    return made


def called(folder: Path, environment: dict[str, str], *words: str) -> None:
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_file_of_the_packages_is_in_the_wheel(wheel: Path) -> None:
    here = {
        p.relative_to(ROOT).as_posix()
        for name in PACKAGES
        for p in (ROOT / name).rglob("*")
        if p.is_file() and "__pycache__" not in p.parts and not any("egg-info" in part for part in p.parts)
    }
    packed = set(zipfile.ZipFile(wheel).namelist())
    assert sorted(here - packed) == []


@pytest.mark.slow
def test_a_starter_project_runs_from_an_installed_wheel_outside_the_checkout(
    wheel: Path, tmp_path: Path
) -> None:
    environment = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    (site,) = environment.glob("lib/python*/site-packages")
    # The libraries are those of this interpreter; lungio itself comes from the wheel.
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    python = environment / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-index",
               "--no-deps", "--force-reinstall", "--disable-pip-version-check", str(wheel)]  # fmt: skip
    subprocess.run(install, check=True, capture_output=True)
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "MLFLOW_TRACKING_URI")}
    clean["NUMBA_DISABLE_JIT"] = "1"  # compiling takes longer than this run
    place = subprocess.run(
        [str(python), "-c", "import experiments.cli, pipeline; print(experiments.cli.__file__)"],
        cwd=tmp_path, env=clean, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert place.stdout.startswith(str(site))
    lungio = str(environment / "bin" / "lungio")
    demo = tmp_path / "demo"
    called(tmp_path, clean, lungio, "init", "demo", "--n", "100")
    config = yaml.safe_load((demo / "config.yaml").read_text(encoding="utf-8"))
    config["analysis"] |= SHORT
    (demo / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    called(demo, clean, lungio, "run", "config.yaml", "--n", "120", "--quiet", "--no-track", "--out", "first")
    run = tmp_path / "demo" / "first"
    assert load_run(run).facts["git"] is None
    assert len(load_run(run).table("scores"))
    assert (run / "report.html").stat().st_size > 100_000
