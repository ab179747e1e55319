"""Parts of the map of a cohort file: which column is which, in which unit, and what its values mean."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from pipeline.schema import ENDPOINTS, Kind, Modality

DAYS_PER_MONTH: Final = 30.4375
MONTHS_PER: Final = {
    "days": 1 / DAYS_PER_MONTH,
    "weeks": 7 / DAYS_PER_MONTH,
    "months": 1.0,
    "years": 12.0,
}
USUAL_MISSING: Final = ("NA", "N/A", "NaN", "nan", "NULL", "null", "None", ".", "#N/A")
NAME: Final = r"^[a-z][a-z0-9_]*$"


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
        odd = {
            raw: value for raw, value in self.recode.items()
            if not isinstance(value, wanted) and not (self.kind == "category" and isinstance(value, float))
        }  # fmt: skip
        if odd:
            got = ", ".join(map(repr, dict.fromkeys(odd.values())))
            raise ValueError(
                f"recode of {', '.join(map(repr, odd))} must give a {self.kind}. Got {got} instead"
            )
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


class RespondedMap(EventMap):
    """Which values of a column stand for an objective response, where a file says no more than yes or no."""


class OutcomesMap(MapSpec):
    """The outcomes of the file: at least one endpoint with both of its columns."""

    os_months: TimeMap | None = None
    died: EventMap | None = None
    pfs_months: TimeMap | None = None
    progressed_or_died: EventMap | None = None
    best_response: ResponseMap | None = None
    responded: RespondedMap | None = None

    @model_validator(mode="after")
    def _endpoints_are_whole(self) -> OutcomesMap:
        given = {name for name in type(self).model_fields if getattr(self, name) is not None}
        halves = [{e.months, e.event} for e in ENDPOINTS.values() if len({e.months, e.event} & given) == 1]
        if halves:
            said = [f"{min(half - given)} is missing beside {min(half & given)}" for half in halves]
            raise ValueError(f"{'; '.join(said)}: a time and its event belong together, give both or neither")
        if not any(e.months in given for e in ENDPOINTS.values()):
            raise ValueError("give os_months and died, or pfs_months and progressed_or_died")
        if {"best_response", "responded"} <= given:
            raise ValueError("best_response tells who responded: give it or responded, not both")
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
