"""The map of a cohort file as a whole, and how it is read from YAML."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from pipeline.cohort_check import counted
from pipeline.real_cohort.column_map import (
    NAME,
    USUAL_MISSING,
    ArmMap,
    ColumnMap,
    Condition,
    EventMap,
    Header,
    MapSpec,
    OutcomesMap,
    Recode,
    RespondedMap,
    ResponseMap,
    SiteMap,
    TimeMap,
    Token,
    Tokens,
)
from pipeline.real_cohort.table_file import ROW
from pipeline.schema import OUTCOMES, RESPONDED, InputError
from pipeline.yaml_file import read_yaml

Confirmable = Literal["event_coding", "time_unit"]
Correction = Literal["death_is_pfs_event"]


def _texts(value: object) -> object:
    return tuple(str(v).strip() for v in value) if isinstance(value, list | tuple) else value


class SeriesColumn(MapSpec):
    """Where one serial measurement comes from; its name says what it is and in which unit."""

    column: Header
    recode: Recode = Field({}, description="raw value -> number, e.g. not detected: 0")
    divide: float = Field(1.0, gt=0, description="unit conversion: the raw number is divided by this")


class VisitsMap(MapSpec):
    """Serial measurements, one row a visit, in the cohort's own file or in another one of its folder."""

    file: str | None = Field(None, pattern=r"^[^/\\]+$", description="beside the data file")
    patient: Header | None = Field(None, description="the cohort's own when left out")
    months: TimeMap
    columns: dict[Annotated[str, Field(pattern=NAME)], SeriesColumn] = Field(min_length=1)

    def headers(self) -> list[str]:
        """Every header of its table that the map uses, but for the patient's."""
        return [self.months.column, *(c.column for c in self.columns.values())]


class AdverseEventMap(MapSpec):
    """A patient's first adverse event: when it began and, where recorded, its organ and grade."""

    onset: TimeMap = Field(description="from the start of treatment; empty where there was none")
    event: str = Field("immune-mediated event", min_length=1)
    organ: Header | None = None
    organs: dict[Token, str] = Field({}, description="raw value -> organ; others are unspecified")
    grade: Header | None = None
    immune_mediated: bool = True

    def headers(self) -> list[str]:
        """Every header of the file that the map uses."""
        return [h for h in (self.onset.column, self.organ, self.grade) if h is not None]


class CohortMap(MapSpec):
    """How a file becomes a cohort: its columns, their units and their meaning."""

    kind: Literal["file"]
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    label: str = ""
    simulated: bool = Field(False, description="whether the file's patients were drawn and are no persons")
    citation: str = Field(min_length=1, description="what to cite wherever a figure from it is shown")
    also_known_as: tuple[str, ...] = Field(
        (), description="words by which published figures name these patients, beside the citation"
    )
    sheet: str | None = Field(None, description="of an Excel workbook with several")
    rows: dict[Header, Annotated[Tokens, Field(min_length=1)]] = Field(
        {}, description="column -> value or values: only rows with one of them in each column are patients"
    )
    patient: Header = Field(description="(row) where the file has no ids: its rows are numbered")
    missing: Annotated[tuple[str, ...], BeforeValidator(_texts)] = USUAL_MISSING
    decimal: Literal[".", ","] = "."
    columns: dict[Annotated[str, Field(pattern=NAME)], ColumnMap] = Field(min_length=1)
    outcomes: OutcomesMap
    arm: ArmMap | None = None
    site: SiteMap | None = None
    visits: VisitsMap | None = Field(None, description="serial measurements")
    adverse_events: AdverseEventMap | None = Field(None, description="each patient's first adverse event")
    ignore: tuple[Header, ...] = Field((), description="columns knowingly left out")
    leave_out_without: tuple[str, ...] = Field((), description="patients without these are left out")
    confirmed: tuple[Confirmable, ...] = Field((), description="findings that were looked into")
    corrections: tuple[Correction, ...] = Field((), description="corrections to make, each reported")

    @model_validator(mode="after")
    def _columns_have_one_role(self) -> CohortMap:
        reserved = {c.name for c in (*OUTCOMES, RESPONDED)} | {"arm", "site", "patient"}
        if clash := sorted(reserved & set(self.columns)):
            raise ValueError(f"{clash[0]!r} is not a baseline column; it belongs under outcomes, arm or site")
        outcomes = {part.column: name for name, part in self.outcomes.parts()}
        for name, column in self.columns.items():
            if column.column in outcomes:
                raise ValueError(
                    f"column {column.column!r} is the outcome {outcomes[column.column]} and cannot also be "
                    f"the baseline column {name}"
                )
        given = {name for name, _ in self.outcomes.parts()} | {"arm"}
        if unknown := sorted(set(self.leave_out_without) - given - set(self.columns)):
            raise ValueError(f"leave_out_without names {unknown[0]!r}, which is not mapped")
        return self

    def headers(self) -> dict[str, str]:
        """Every header of the file that the map uses, with the first thing it is used for."""
        used = {} if self.patient == ROW else {self.patient: "patient"}
        parts: list[tuple[str, Any]] = [*self.outcomes.parts(), ("arm", self.arm), ("site", self.site)]
        for name, part in parts:
            if part is not None and part.column is not None:
                used.setdefault(part.column, name)
        for header in [] if self.adverse_events is None else self.adverse_events.headers():
            used.setdefault(header, "adverse_events")
        for name, column in self.columns.items():
            used.setdefault(column.column, name)
            if column.only_where is not None:
                used.setdefault(column.only_where.column, f"condition of {name}")
        for header in self.rows:
            used.setdefault(header, "rows")
        return used


def read_map(path: Path | str) -> CohortMap:
    """Return the map in a YAML file, or raise one InputError naming every faulty field."""
    path = Path(path)
    raw = read_yaml(path)
    try:
        return CohortMap.model_validate(raw)
    except ValidationError as error:
        faults = [_fault(dict(e), raw) for e in error.errors()]
        raise InputError(f"{path}: {counted(len(faults), 'fault')}\n  " + "\n  ".join(faults)) from error


def _fault(error: dict[str, Any], raw: dict[str, Any]) -> str:
    where = ".".join(str(part) for part in error["loc"]) or "the map"
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(error["loc"][-1]), _siblings(error["loc"]), 1)
        return f"{where}: unknown key" + (f"; did you mean {near[0]!r}?" if near else "")
    if error["type"] == "missing":
        return f"{where}: is missing"
    message = str(error["msg"]).removeprefix("Value error, ")
    given = error.get("input")
    got = f". Got {given!r} instead" if isinstance(given, str | int | float) else ""
    return f"{where}: {message}{'' if 'Got' in message else got}"


def _siblings(location: tuple[Any, ...]) -> list[str]:
    parts: dict[str, type[MapSpec]] = {
        "columns": ColumnMap, "outcomes": OutcomesMap, "arm": ArmMap, "site": SiteMap,
        "os_months": TimeMap, "pfs_months": TimeMap, "died": EventMap, "progressed_or_died": EventMap,
        "best_response": ResponseMap, "responded": RespondedMap, "only_where": Condition, "visits": VisitsMap,
        "adverse_events": AdverseEventMap, "onset": TimeMap,
    }  # fmt: skip
    owner: type[MapSpec] = CohortMap
    for part in location[:-1]:
        owner = parts.get(str(part), owner)
    return list(owner.model_fields)
