"""A run as a folder: Parquet tables, JSON, models and figures; everything else is a view of it."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipeline.artifacts.cohort_folder import RESEARCH_USE, json_text, write_json
from pipeline.artifacts.digests import folder_digest
from pipeline.artifacts.folders import new_folder, replace_file
from pipeline.schema import InputError, Progress, silent

if TYPE_CHECKING:
    from pipeline.run import RunResult

# The libraries whose version can change a number in a run.
LIBRARIES = (
    "lungio",
    "numpy",
    "pandas",
    "scipy",
    "scikit-learn",
    "scikit-survival",
    "lifelines",
    "shap",
    "numba",
    "optuna",
    "xgboost-cpu",
)


def save_run(
    result: RunResult,
    folder: Path,
    *,
    facts: Mapping[str, Any],
    files: Mapping[str, str] | None = None,
    progress: Progress = silent,
) -> Path:
    """Write a run as a new folder and return it.

    Parameters
    ----------
    result : RunResult
    folder : Path
        Made here; must not exist.
    facts : mapping
        JSON-ready facts of the run that the analysis does not know: name, seed, cohorts, hashes, timings.
    files : mapping, optional
        Further text files, name to content, such as the experiment's YAML.
    progress : Progress, optional

    Raises
    ------
    InputError
        When the folder exists or the disk is full, read-only or closed; nothing half-written stays.
    """
    from pipeline.artifacts.gallery import draw_gallery
    from pipeline.metrics import METRICS
    from pipeline.models import save_model

    with new_folder(folder) as partial:
        (partial / "tables").mkdir()
        for name, table in result.tables.items():
            table.to_parquet(partial / "tables" / f"{name}.parquet")
        result.tables["scores"].to_csv(partial / "scores.csv", index=False)
        for name, model in result.models.items():
            if model.portable:
                save_model(model, partial / "models" / name)
        for name, classifier in result.classifiers.items():
            save_model(classifier, partial / "response_models" / name)
        for name, content in (files or {}).items():
            (partial / name).write_text(content, encoding="utf-8")
        told = {
            "research_use": RESEARCH_USE,
            **facts,
            "analysis": result.analysis.model_dump(mode="json"),
            "models": {
                name: _model_facts(model, partial / "models" / name) for name, model in result.models.items()
            },
            "response": {
                name: {"parameters": dict(found), "saved": name in result.classifiers}
                for name, found in result.response_parameters.items()
            },
            "metrics": {
                name: {"label": METRICS[name].label, "better": METRICS[name].better}
                for name in result.analysis.metrics
            },
            "checks": [asdict(check) for check in result.checks],
            "notes": list(result.notes),
            "versions": library_versions(),
        }
        write_json(partial / "run.json", told)
        drawn = {
            **told,
            "endpoint": result.analysis.endpoint,
            "explained_months": result.analysis.explanation.horizon_months,
        }
        draw_gallery(result.tables, drawn, partial / "figures", progress)
    return folder


def _model_facts(model: Any, folder: Path) -> dict[str, Any]:
    stored = {"sha256": folder_digest(folder, "*")} if model.portable else {}
    return {
        "parameters": model.parameters(),
        "saved": model.portable,
        "explained": model.explainable,
        "features": len(getattr(model, "feature_names", ())),  # none: fixed beforehand, or the truth itself
        **stored,
    }


@dataclass(frozen=True)
class RunView:
    """A finished run, read from its folder; tables are read when asked for, each once."""

    folder: Path

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What ``run.json`` says; an InputError when it is not whole."""
        try:
            content = json.loads((self.folder / "run.json").read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise InputError(f"{self.folder}/run.json is not whole: {error}") from error
        if not isinstance(content, dict):
            raise InputError(f"{self.folder}/run.json is not a run's: it holds a {type(content).__name__}")
        return content

    @property
    def tables(self) -> list[str]:
        """Names of the tables."""
        return sorted(p.stem for p in (self.folder / "tables").glob("*.parquet"))

    def table(self, name: str) -> pd.DataFrame:
        """Return table `name`; the caller's own, to be changed at will."""
        if name not in self._read:
            self._read[name] = self._table(name)
        return self._read[name].copy()

    @cached_property
    def _read(self) -> dict[str, pd.DataFrame]:
        return {}

    def _table(self, name: str) -> pd.DataFrame:
        path = self.folder / "tables" / f"{name}.parquet"
        if not path.is_file():
            raise InputError(f"{self.folder} has no table {name!r}; it has {', '.join(self.tables)}")
        try:
            return pd.read_parquet(path)
        except (ValueError, OSError) as error:  # pyarrow's own errors are of these kinds
            raise InputError(f"{path} is not a whole table: {str(error).splitlines()[0]}") from error

    def figures(self, pattern: str = "*") -> list[Path]:
        """Return the figures as PNG whose name matches `pattern`; each has an SVG twin beside it."""
        return sorted((self.folder / "figures").glob(f"{pattern}.png"))

    def models(self) -> dict[str, Path]:
        """Return the folders of the saved models."""
        return {p.parent.name: p.parent for p in sorted((self.folder / "models").glob("*/model.json"))}


def load_run(folder: Path) -> RunView:
    """Open a run folder.

    Raises
    ------
    InputError
        When the folder is missing or not a run's.
    """
    if not folder.is_dir():
        raise InputError(f"there is no run folder {folder}")
    if not (folder / "run.json").is_file() or not (folder / "tables").is_dir():
        raise InputError(f"{folder} is not a run folder: it holds no run.json with tables/ beside it")
    return RunView(folder)


def update_facts(folder: Path, changes: Mapping[str, Any]) -> None:
    """Set entries of a run's ``run.json``, which is replaced whole or not at all."""
    facts = load_run(folder).facts | dict(changes)
    replace_file(folder / "run.json", json_text(facts).encode())


def library_versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that decide a run's numbers."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def git_commit(folder: Path) -> dict[str, Any] | None:
    """Return the commit checked out at `folder` and whether files differ from it; None outside a checkout."""

    def ask(*words: str) -> str:
        command = ["git", "-C", str(folder), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()  # noqa: S603

    try:
        if Path(ask("rev-parse", "--show-toplevel")) != folder.resolve():
            return None  # installed inside somebody else's checkout
        return {"commit": ask("rev-parse", "HEAD"), "changed": bool(ask("status", "--porcelain", "-uno"))}
    except (OSError, subprocess.SubprocessError):
        return None
