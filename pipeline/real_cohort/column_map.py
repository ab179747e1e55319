"""The map of a cohort file: which column is which, in which unit, and what its values mean."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from pipeline.cohort_check import counted
from pipeline.schema import ENDPOINTS, OUTCOMES, InputError, Kind, Modality

DAYS_PER_MONTH: Final = 30.4375
MONTHS_PER: Final = {
    "days": 1 / DAYS_PER_MONTH,
    "weeks": 7 / DAYS_PER_MONTH,
    "months": 1.0,
    "years": 12.0,
}
USUAL_MISSING: Final = ("NA", "N/A", "NaN", "nan", "NULL", "null", "None", ".", "#N/A")
NAME: Final = r"^[a-z][a-z0-9_]*$"
Confirmable = Literal["event_coding", "time_unit"]
Correction = Literal["death_is_pfs_event"]


def token(value: object) -> str:
    """Return a cell or a key of a map as the text by which the two are compared.

    Whole numbers lose their decimals, because a column with missing values is often saved as 1.0.

    >>> token(" 1.0"), token(1), token("IV")
    ('1', '1', 'IV')
    """
    if isinstance(value, bool):
        raise ValueError(f"YAML reads it as {str(value).lower()}; put the value in quotes")  # noqa: TRY004
    text = str(value).strip()
    try:
        number = float(text)
    except ValueError:
        return text
    return str(int(number)) if math.isfinite(number) and number == int(number) else text


def _tokens(value: object) -> tuple[str, ...]:
    values = value if isinstance(value, list | tuple) else [value]
    return tuple(token(v) for v in values)


def _texts(value: object) -> object:
    return tuple(str(v).strip() for v in value) if isinstance(value, list | tuple) else value


Token = Annotated[str, BeforeValidator(token)]
Tokens = Annotated[tuple[str, ...], BeforeValidator(_tokens)]
Header = Annotated[str, BeforeValidator(lambda v: str(v) if isinstance(v, int) else v), Field(min_length=1)]
Recode = dict[Token, str | bool | float]


class MapSpec(BaseModel):
    """Part of a map: immutable, and no key it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Condition(MapSpec):
    """Rows in which another column has one of the values."""

    column: Header
    equals: Tokens


class ColumnMap(MapSpec):
    """Where one baseline column comes from and what it becomes."""

    column: Header
    kind: Kind
    label: str
    modality: Modality
    unit: str = ""
    recode: Recode = Field({}, description="raw value -> value; others are a fault, or kept if numbers")
    divide: float = Field(1.0, gt=0, description="unit conversion: the raw number is divided by this")
    suffix: str = Field("", description="text after a number, such as %, that is taken off")
    low: float = -math.inf
    high: float = math.inf
    positive: bool = Field(False, description="a ratio scale, compared by factors")
    only_where: Condition | None = Field(None, description="missing in all other rows")

    @model_validator(mode="after")
    def _recode_fits_kind(self) -> ColumnMap:
        wanted = {"boolean": bool, "category": str, "number": float}[self.kind]
        for raw, value in self.recode.items():
            if not isinstance(value, wanted) and not (self.kind == "category" and isinstance(value, float)):
                raise ValueError(f"recode of {raw!r} must give a {self.kind}. Got {value!r} instead")
        if self.low > self.high:
            raise ValueError(f"low {self.low:g} exceeds high {self.high:g}")
        return self


class TimeMap(MapSpec):
    """Where a time to an event comes from, and in which unit it stands there."""

    column: Header
    unit: Literal["days", "weeks", "months", "years"] = "months"


class EventMap(MapSpec):
    """Which values of a column stand for the event, which for its absence; one of the two suffices."""

    column: Header
    event_value: Tokens = ()
    censored_value: Tokens = ()

    @model_validator(mode="after")
    def _one_side_is_named(self) -> EventMap:
        if not self.event_value and not self.censored_value:
            raise ValueError("give event_value or censored_value")
        if both := set(self.event_value) & set(self.censored_value):
            raise ValueError(f"{sorted(both)} cannot stand for the event and for its absence")
        return self


class ResponseMap(MapSpec):
    """Where the best response (known only after baseline) comes from."""

    column: Header
    recode: dict[Token, Literal["CR", "PR", "SD", "PD", "NE"]] = {}


class OutcomesMap(MapSpec):
    """The outcomes of the file: at least one endpoint with both of its columns."""

    os_months: TimeMap | None = None
    died: EventMap | None = None
    pfs_months: TimeMap | None = None
    progressed_or_died: EventMap | None = None
    best_response: ResponseMap | None = None

    @model_validator(mode="after")
    def _endpoints_are_whole(self) -> OutcomesMap:
        given = {name for name in type(self).model_fields if getattr(self, name) is not None}
        for e in ENDPOINTS.values():
            if len({e.months, e.event} & given) == 1:
                raise ValueError(f"{e.months} and {e.event} belong together: give both or neither")
        if not any(e.months in given for e in ENDPOINTS.values()):
            raise ValueError("give os_months and died, or pfs_months and progressed_or_died")
        return self

    def parts(self) -> Iterator[tuple[str, TimeMap | EventMap | ResponseMap]]:
        """Yield the outcomes that are there, by name."""
        for name in type(self).model_fields:
            part = getattr(self, name)
            if part is not None:
                yield name, part


class ArmMap(MapSpec):
    """Where the treatment arm comes from, or the one arm that all patients were in."""

    column: Header | None = None
    constant: str | None = None
    recode: dict[Token, str] = {}
    control: str | None = None

    @model_validator(mode="after")
    def _column_or_constant(self) -> ArmMap:
        if (self.column is None) == (self.constant is None):
            raise ValueError("give either column or constant")
        known = set(self.recode.values()) or ({self.constant} if self.constant else set())
        if self.control is not None and known and self.control not in known:
            raise ValueError(f"control {self.control!r} is none of the arms {sorted(map(str, known))}")
        return self


class SiteMap(MapSpec):
    """Where the hospital or centre comes from."""

    column: Header


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


class CohortMap(MapSpec):
    """How a file becomes a cohort: its columns, their units and their meaning."""

    kind: Literal["file"]
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    label: str = ""
    citation: str = Field(min_length=1, description="what to cite wherever a figure from it is shown")
    patient: Header
    missing: Annotated[tuple[str, ...], BeforeValidator(_texts)] = USUAL_MISSING
    decimal: Literal[".", ","] = "."
    columns: dict[Annotated[str, Field(pattern=NAME)], ColumnMap] = Field(min_length=1)
    outcomes: OutcomesMap
    arm: ArmMap | None = None
    site: SiteMap | None = None
    visits: VisitsMap | None = Field(None, description="serial measurements")
    ignore: tuple[Header, ...] = Field((), description="columns knowingly left out")
    leave_out_without: tuple[str, ...] = Field((), description="patients without these are left out")
    confirmed: tuple[Confirmable, ...] = Field((), description="findings that were looked into")
    corrections: tuple[Correction, ...] = Field((), description="corrections to make, each reported")

    @model_validator(mode="after")
    def _columns_have_one_role(self) -> CohortMap:
        reserved = {c.name for c in OUTCOMES} | {"arm", "site", "patient"}
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
        used = {self.patient: "patient"}
        parts: list[tuple[str, Any]] = [*self.outcomes.parts(), ("arm", self.arm), ("site", self.site)]
        for name, part in parts:
            if part is not None and part.column is not None:
                used.setdefault(part.column, name)
        for name, column in self.columns.items():
            used.setdefault(column.column, name)
            if column.only_where is not None:
                used.setdefault(column.only_where.column, f"condition of {name}")
        return used


def read_map(path: Path | str) -> CohortMap:
    """Return the map in a YAML file, or raise one InputError naming every faulty field."""
    path = Path(path)
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a text file ({error})") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}: " if mark is not None else ""
        raise InputError(f"{path}: {place}not valid YAML ({getattr(error, 'problem', error)})") from error
    if not isinstance(raw, dict):
        raise InputError(f"{path}: must hold the keys of a cohort map. Got {type(raw).__name__} instead")
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
        "best_response": ResponseMap, "only_where": Condition,
    }  # fmt: skip
    owner: type[MapSpec] = CohortMap
    for part in location[:-1]:
        owner = parts.get(str(part), owner)
    return list(owner.model_fields)
