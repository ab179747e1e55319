"""lungio --help: it names the commands and loads nothing heavy."""

from __future__ import annotations

import subprocess
import sys

import pytest

from .calling import lungio

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def test_help_names_the_commands() -> None:
    result = lungio("--help")
    assert result.exit_code == 0
    for name in ("run", "simulate", "verify", "report", "ui", "evidence"):
        assert name in result.output
    assert "research only" in result.output


def test_help_imports_nothing_heavy() -> None:
    script = "import sys, experiments.cli; print([m for m in sys.modules if m in sys.argv[1:]])"
    heavy = [
        "numpy",
        "pandas",
        "pydantic",
        "mlflow",
        "shap",
        "sksurv",
        "lifelines",
        "matplotlib",
        "numba",
        "yaml",
    ]
    done = subprocess.run([sys.executable, "-c", script, *heavy], capture_output=True, text=True, check=True)
    assert set(eval(done.stdout)) <= {"pydantic"}  # noqa: S307 - our own output; typer itself may use pydantic


def test_an_unknown_command_or_option_is_a_usage_error() -> None:
    assert lungio("rum").exit_code == 2
    assert lungio("run", "keynote_189", "--patiens", 3).exit_code == 2
