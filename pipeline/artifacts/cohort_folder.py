"""A cohort as a folder: the patients, what their columns mean, how they were made and, apart, the truth."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, Final

import pandas as pd

from pipeline.artifacts.digests import table_digest
from pipeline.artifacts.folders import new_folder
from pipeline.schema import Cohort, Column, InputError, Truth, outcome

RESEARCH_USE: Final = (
    "For research only. Not a medical device; not for decisions about the care of any patient."
)


def describe_cohort(cohort: Cohort) -> dict[str, Any]:
    """Return the JSON-ready facts of a cohort: size, arms, columns, follow-up, SHA-256 and manifest."""
    arms = cohort.observed["arm"].value_counts().to_dict() if "arm" in cohort.observed else {}
    visits = {} if cohort.visits is None else {"visits_sha256": table_digest(cohort.visits)}
    return {
        "name": cohort.name,
        "simulated": cohort.simulated,
        "patients": len(cohort),
        "arms": {str(arm): int(patients) for arm, patients in arms.items()},
        "control_arm": cohort.control_arm,
        "endpoints": cohort.endpoints(),
        "sha256": table_digest(cohort.observed),
        "columns": [column_as_json(c) for c in cohort.columns],
        "longest_months": {
            name: float(outcome(cohort.observed, name)["time"].max(initial=0.0))
            for name in cohort.endpoints()
        },
        **visits,
        "manifest": dict(cohort.manifest),
    } | ({} if cohort.events is None else {"events_sha256": table_digest(cohort.events)})


def save_cohort(cohort: Cohort, folder: Path, extra: dict[str, pd.DataFrame] | None = None) -> Path:
    """Write a cohort as a new folder and return it.

    ``observed.parquet`` and ``observed.csv`` hold the same patients; ``columns.json`` declares each column;
    ``manifest.json`` tells how the cohort was made and its SHA-256; ``truth/`` holds what only the
    simulation knows, and nothing in it belongs into a model. Serial measurements stand in
    ``visits.parquet`` and ``visits.csv``, adverse events in ``events.parquet`` and ``events.csv``, where
    there are some. Tables of `extra` are added as CSV.

    Raises
    ------
    InputError
        When the folder exists or cannot be written; nothing half-written stays.
    """
    with new_folder(folder) as partial:
        cohort.observed.to_parquet(partial / "observed.parquet")
        cohort.observed.to_csv(partial / "observed.csv")
        write_json(partial / "columns.json", [column_as_json(c) for c in cohort.columns])
        if cohort.visits is not None:
            cohort.visits.to_parquet(partial / "visits.parquet")
            cohort.visits.to_csv(partial / "visits.csv", index=False)
        notice = {"research_use": RESEARCH_USE, "patients_are": "simulated" if cohort.simulated else "real"}
        write_json(partial / "manifest.json", notice | describe_cohort(cohort))
        if cohort.events is not None:
            cohort.events.to_parquet(partial / "events.parquet")
            cohort.events.to_csv(partial / "events.csv", index=False)
        for name, table in (extra or {}).items():
            table.to_csv(partial / f"{name}.csv", index=False)
        if cohort.truth is not None:
            (partial / "truth").mkdir()
            cohort.truth.patients.to_parquet(partial / "truth" / "patients.parquet")
            cohort.truth.hazards.to_parquet(partial / "truth" / "hazards.parquet")
            if cohort.truth.visits is not None:
                cohort.truth.visits.to_parquet(partial / "truth" / "visits.parquet")
    return folder


def load_cohort(folder: Path) -> Cohort:
    """Read a cohort written by `save_cohort` or, in parts, by ``lungio simulate --chunk``, and check it.

    Raises
    ------
    InputError
        When a file is missing or a table is not the one that was written, by its SHA-256.
    """
    needed = {name: folder / name for name in ("columns.json", "manifest.json")}
    missing = [name for name, path in needed.items() if not path.is_file()]
    if not _path_of(folder, "observed").exists():
        missing.insert(0, "observed.parquet")
    if missing:
        raise InputError(f"{folder} is not a cohort folder: {', '.join(missing)} missing")
    facts, columns = (json.loads(needed[f].read_text("utf-8")) for f in ("manifest.json", "columns.json"))
    observed = _unchanged(folder, "observed", facts)
    assert observed is not None  # noqa: S101 - looked for above
    patients, hazards = (_read_if_there(folder, f"truth/{name}") for name in ("patients", "hazards"))
    truth = None
    if patients is not None and hazards is not None:
        truth = Truth(patients, hazards, _read_if_there(folder, "truth/visits"))
    return Cohort(
        name=facts["name"],
        observed=observed,
        columns=tuple(column_from_json(c) for c in columns),
        simulated=facts["simulated"],
        manifest=facts["manifest"],
        control_arm=facts["control_arm"],
        truth=truth,
        visits=_unchanged(folder, "visits", facts),
        events=_unchanged(folder, "events", facts),
    )


def _read_if_there(folder: Path, name: str) -> pd.DataFrame | None:
    """Return a table, written as one file or as a folder of parts, if there is one."""
    path = _path_of(folder, name)
    return pd.read_parquet(path) if path.exists() else None


def _path_of(folder: Path, name: str) -> Path:
    """Return where a table stands: its folder of parts, or else its one file, whether or not that exists."""
    return folder / name if (folder / name).is_dir() else folder / f"{name}.parquet"


def _unchanged(folder: Path, name: str, facts: dict[str, Any]) -> pd.DataFrame | None:
    """Return a table that the manifest vouches for, as a whole or block by block.

    Raises
    ------
    InputError
        When it is another one.
    """
    table = _read_if_there(folder, name)
    found: Any
    if "blocks" in facts:
        stored = facts["blocks"].get(name)
        found = None if table is None else block_digests(table, [rows for rows, _ in stored or ()])
    else:
        stored = facts.get("sha256" if name == "observed" else f"{name}_sha256")
        found = None if table is None else table_digest(table)
    if found != stored:
        raise InputError(f"{_path_of(folder, name)} has changed since it was written; simulate it again")
    return table


def block_digests(table: pd.DataFrame, rows: Iterable[int]) -> list[list[Any]]:
    """Return the rows and SHA-256 of consecutive blocks of a table, and of what they leave, if anything.

    A row's number is not part of it: in a block, rows count from its own first one.
    """
    ends = [0, *accumulate(rows)]
    blocks = [table.iloc[start:end] for start, end in pairwise(ends)]
    blocks += [] if ends[-1] >= len(table) else [table.iloc[ends[-1] :]]
    if table.index.name is None:
        blocks = [block.reset_index(drop=True) for block in blocks]
    return [[len(block), table_digest(block)] for block in blocks]


def json_text(value: Any) -> str:
    """Return `value` as indented JSON; a number that is not finite becomes null, as JSON has none."""
    return json.dumps(finite(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: Path, value: Any) -> None:
    """Write `value` as `json_text`."""
    path.write_text(json_text(value), encoding="utf-8")


def finite(value: Any) -> Any:
    """Return `value` as JSON can hold it: plain containers, and None for a number that is not finite."""
    if isinstance(value, dict):
        return {str(k): finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [finite(v) for v in value]
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        value = value.item()
    if hasattr(value, "tolist"):
        return finite(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def column_as_json(column: Column) -> dict[str, Any]:
    """Return a column's declaration, ready for `write_json`."""
    return asdict(column)


def column_from_json(stored: dict[str, Any]) -> Column:
    """Return the declaration of a column as `write_json` stores it; a bound of None is no bound."""
    low = -math.inf if stored["low"] is None else stored["low"]
    high = math.inf if stored["high"] is None else stored["high"]
    return Column(**(stored | {"low": low, "high": high, "categories": tuple(stored["categories"])}))
