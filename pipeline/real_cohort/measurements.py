"""Measurements without outcomes: a table of patients, or of one quantity over time, read by a map."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import BeforeValidator, Field, ValidationError

from pipeline.real_cohort.column_map import (
    NAME,
    USUAL_MISSING,
    ColumnMap,
    Condition,
    Header,
    MapSpec,
    Recode,
    Tokens,
    token,
)
from pipeline.real_cohort.conversion import Faults, baseline, numbers
from pipeline.real_cohort.table_file import TableFile, read_table
from pipeline.schema import Column, InputError
from pipeline.yaml_file import read_yaml

Keys = Annotated[tuple[str, ...], BeforeValidator(lambda v: v if isinstance(v, list | tuple) else (v,))]


class GroupMap(MapSpec):
    """A part of the patients, named by a column of the file or of another one in its folder."""

    column: Header
    equals: Tokens
    file: str | None = Field(None, description="in the folder of the data file; the same file when left out")


class MeasurementMap(MapSpec):
    """How a table of measurements, one row a patient, becomes columns; no outcome is needed."""

    kind: Literal["measurements"]
    name: str = Field(pattern=r"^[a-z0-9_]+$")
    label: str = ""
    citation: str = Field(min_length=1)
    patient: Header
    where: tuple[Condition, ...] = ()
    missing: tuple[str, ...] = USUAL_MISSING
    estimated_prefix: str = Field("", description="before values outside the standard curve; taken off")
    columns: dict[Annotated[str, Field(pattern=NAME)], ColumnMap] = Field(min_length=1)
    groups: dict[str, GroupMap] = {}


class SeriesMap(MapSpec):
    """How a long table of one quantity, measured again and again, is read."""

    kind: Literal["series"]
    name: str = Field(pattern=r"^[a-z0-9_]+$")
    label: str = ""
    citation: str = Field(min_length=1)
    patient: Keys
    where: tuple[Condition, ...] = ()
    missing: tuple[str, ...] = USUAL_MISSING
    day: Header
    value: Header
    recode: Recode = {}
    column: str = Field(pattern=NAME, description="the visits' column it is compared with")
    baseline_until_day: float = 7.0
    smallest_baseline: float = Field(0.0, ge=0)
    measurements_at_least: int = Field(
        1, ge=1, description="after baseline; patients with fewer are left out"
    )
    weeks: tuple[float, ...] = Field((6, 12, 18, 24), min_length=1)
    window_days: float = Field(10.5, gt=0)


@dataclass(frozen=True)
class Measurements:
    """Patients and their measured columns, as a file holds them; `groups` name parts of the patients."""

    observed: pd.DataFrame
    columns: tuple[Column, ...]
    groups: dict[str, pd.Index]


def read_measurement_map(path: Path) -> MeasurementMap | SeriesMap:
    """Read a map of kind ``measurements`` or ``series``; InputError names every fault of it."""
    raw = read_yaml(path)
    kinds: dict[str, type[MeasurementMap | SeriesMap]] = {
        "measurements": MeasurementMap,
        "series": SeriesMap,
    }
    kind = kinds.get(str(raw.get("kind")))
    if kind is None:
        raise InputError(f"{path}: kind must be one of {', '.join(kinds)}")
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise InputError(f"{path}:\n  " + "\n  ".join(faults)) from error


def read_measurements(spec: MeasurementMap, data: Path) -> Measurements:
    """Read the table; one InputError names every fault.

    Raises
    ------
    InputError
        Headers that are missing, no row left, patients twice, texts among numbers.
    """
    used = [spec.patient, *(c.column for c in spec.columns.values()), *(c.column for c in spec.where)]
    used += [g.column for g in spec.groups.values() if g.file is None]
    file = _rows(read_table(data), spec.where, used, data)
    patients = pd.Index([p or "" for p in file.text(spec.patient)], name="patient")
    faults = Faults()
    if patients.has_duplicates:
        faults.add(spec.patient, "patient", "a patient has more than one row; narrow `where`")
    if spec.estimated_prefix:
        cells = file.cells.map(lambda v: v.removeprefix(spec.estimated_prefix) if isinstance(v, str) else v)
        file = TableFile(file.name, cells, file.rows, file.sha256, file.size_bytes, file.encoding)
    observed = pd.DataFrame(index=patients)
    columns = []
    for name, column in spec.columns.items():
        observed[name] = baseline(file, name, column, faults, spec.missing, ".").to_numpy()
        levels = tuple(sorted(observed[name].dropna().unique())) if column.kind == "category" else ()
        columns.append(
            Column(name, "baseline", column.kind, column.label, column.unit, column.modality, column.low,
                   column.high, levels, column.positive)
        )  # fmt: skip
    groups = {
        name: _group(group, spec, file, patients, Path(data), faults) for name, group in spec.groups.items()
    }
    if faults.listed:
        raise InputError(f"{data} cannot be read with the map {spec.name!r}\n  " + "\n  ".join(faults.listed))
    return Measurements(observed, tuple(columns), groups)


def read_series(spec: SeriesMap, data: Path) -> pd.DataFrame:
    """Read a series as `patient`, `day`, `value`; rows without a value are left out."""
    used = [*spec.patient, spec.day, spec.value, *(c.column for c in spec.where)]
    file = _rows(read_table(data), spec.where, used, data)
    faults = Faults()
    value = numbers(
        file,
        file.text(spec.value, spec.missing),
        spec.value,
        spec.column,
        faults,
        decimal=".",
        recode=spec.recode,
    )
    day = numbers(file, file.text(spec.day, spec.missing), spec.day, "day", faults, decimal=".")
    if faults.listed:
        raise InputError(f"{data} cannot be read with the map {spec.name!r}\n  " + "\n  ".join(faults.listed))
    keys = [" ".join(part or "" for part in row) for row in zip(*map(file.text, spec.patient), strict=True)]
    return pd.DataFrame({"patient": keys, "day": day, "value": value}).dropna()


def _rows(file: TableFile, where: tuple[Condition, ...], used: list[str], data: Path) -> TableFile:
    gone = [h for h in dict.fromkeys(used) if h not in file.cells]
    if gone:
        raise InputError(
            f"{data}: no column {', '.join(map(repr, gone))}; it has {', '.join(map(str, file.cells))}"
        )
    kept = np.ones(len(file.cells), dtype=bool)
    for condition in where:
        values = file.text(condition.column)
        kept &= np.array([v is not None and token(v) in condition.equals for v in values])
    if not kept.any():
        raise InputError(f"{data}: no row is left by `where`")
    cells = file.cells[kept].reset_index(drop=True)
    return TableFile(file.name, cells, file.rows[kept], file.sha256, file.size_bytes, file.encoding)


def _group(
    group: GroupMap, spec: MeasurementMap, file: TableFile, patients: pd.Index, data: Path, faults: Faults
) -> pd.Index:
    source: Any = file
    if group.file is not None:
        beside = data.with_name(group.file)
        source = _rows(read_table(beside), (), [spec.patient, group.column], beside)
    values = zip(source.text(spec.patient), source.text(group.column), strict=True)
    inside = {p for p, v in values if v is not None and token(v) in group.equals}
    found = patients[patients.isin(inside)]
    if found.empty:
        faults.add(group.column, "groups", f"no patient has {', '.join(map(repr, group.equals))}")
    return found
