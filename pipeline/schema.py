"""Every shape that crosses a border: columns, cohorts, endpoints, the truth and predictions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypeVar, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.adverse_events import event_faults
from pipeline.truth import ResponseChance as ResponseChance
from pipeline.truth import Switch as Switch
from pipeline.truth import Truth as Truth
from pipeline.visit_table import visit_faults

T = TypeVar("T")
Floats = NDArray[np.float64]
# Only `baseline` and `arm` columns reach a model. `post_baseline` is known after the clock has started,
# without being an outcome: crossover, say.
Role = Literal["arm", "site", "baseline", "post_baseline", "outcome"]
Kind = Literal["number", "boolean", "category"]
Modality = Literal["clinical", "tumour", "blood", "cytokine", "cellular", "ctdna", "microbiome", "imaging"]
MODALITIES: Final[tuple[str, ...]] = get_args(Modality)

# Told how far a long job is: the stage's name, steps done, steps in all.
Progress = Callable[[str, int, int], None]


def silent(stage: str, done: int, total: int) -> None:
    """Report no progress."""


class InputError(ValueError):
    """What a user gave cannot be used: says what, what was got, and what to do."""


@dataclass(frozen=True)
class Column:
    """One declared column of a cohort table."""

    name: str
    role: Role
    kind: Kind
    label: str = ""
    unit: str = ""
    modality: Modality | None = None  # of baseline columns
    low: float = -math.inf
    high: float = math.inf
    categories: tuple[str, ...] = ()
    positive: bool = False  # a number on a ratio scale: compared by factors, shown on a log axis

    @property
    def title(self) -> str:
        """The label with its unit, for axes and tables."""
        name = self.label or self.name
        return f"{name} ({self.unit})" if self.unit else name


@dataclass(frozen=True)
class Endpoint:
    """A time-to-event outcome: which column holds the months, which the event."""

    name: str
    label: str
    months: str
    event: str


ENDPOINTS: Final[Mapping[str, Endpoint]] = {
    "os": Endpoint("os", "Overall survival", "os_months", "died"),
    "pfs": Endpoint("pfs", "Progression-free survival", "pfs_months", "progressed_or_died"),
}
HYPOTHETICAL: Final = "hypothetical_"  # the name of an arm that no patient has been treated in begins so
RESPONSES: Final = ("CR", "PR", "SD", "PD", "NE")  # RECIST best overall response; NE is not evaluable

ARM: Final = Column("arm", "arm", "category", "Treatment arm")
SITE: Final = Column("site", "site", "category", "Site")
# Of patients whose response was recorded as yes or no, in place of `best_response`.
RESPONDED: Final = Column("responded", "outcome", "boolean", "Objective response")
OUTCOMES: Final[tuple[Column, ...]] = (
    Column("os_months", "outcome", "number", "Overall survival", "months", low=0),
    Column("died", "outcome", "boolean", "Died"),
    Column("pfs_months", "outcome", "number", "Progression-free survival", "months", low=0),
    Column("progressed_or_died", "outcome", "boolean", "Progressed or died"),
    Column("best_response", "outcome", "category", "Best overall response", categories=RESPONSES),
)


@dataclass(frozen=True)
class Cohort:
    """A table of patients, what its columns mean, where it came from and, if simulated, the truth.

    Attributes
    ----------
    name : str
        Short name used in figures and folders.
    observed : DataFrame
        One row a patient, index named "patient"; only declared columns.
    columns : tuple of Column
        Declares every column of `observed`.
    simulated : bool
        Whether the patients are drawn rather than real.
    manifest : mapping
        JSON-ready account of the cohort's making: sources, choices, warnings.
    control_arm : str, optional
        The arm that treatment effects are measured against.
    truth : Truth, optional
    visits : DataFrame, optional
        Serial measurements, long: `patient`, `visit`, `planned`, `months` and a column each.
    events : DataFrame, optional
        Their dated adverse events (`pipeline.adverse_events`); later than baseline, so no model sees them.
    """

    name: str
    observed: pd.DataFrame
    columns: tuple[Column, ...]
    simulated: bool
    manifest: Mapping[str, Any] = field(default_factory=dict)
    control_arm: str | None = None
    truth: Truth | None = None
    visits: pd.DataFrame | None = None
    events: pd.DataFrame | None = None

    def __len__(self) -> int:
        return len(self.observed)

    def __post_init__(self) -> None:
        check_table(self.observed, self.columns, self.name)
        faults = [] if self.visits is None else visit_faults(self.visits, self.observed)
        faults += [] if self.events is None else event_faults(self.events, self.observed["os_months"])
        if faults:
            raise InputError(f"{self.name} is not a valid cohort:\n  " + "\n  ".join(faults))

    def column(self, name: str) -> Column:
        """Return the declaration of column `name`."""
        for column in self.columns:
            if column.name == name:
                return column
        raise InputError(f"cohort {self.name!r} has no column {name!r}; it has {', '.join(self.names())}")

    def names(self, role: Role | None = None) -> list[str]:
        """Names of the columns, all or those of one role."""
        return [c.name for c in self.columns if role is None or c.role == role]

    def endpoints(self) -> list[str]:
        """Names of the endpoints whose two columns are both there."""
        return [e.name for e in ENDPOINTS.values() if {e.months, e.event} <= set(self.observed)]

    def take(self, patients: pd.Index) -> Cohort:
        """Return the same cohort with only `patients`; the truth keeps every patient."""
        visits, events = self.visits, self.events
        if visits is not None:
            visits = visits[visits["patient"].isin(patients)].reset_index(drop=True)
        if events is not None:
            events = events[events["patient"].isin(patients)]
        observed = self.observed.loc[patients].rename_axis("patient")
        return replace(self, observed=observed, visits=visits, events=events)


@dataclass(frozen=True)
class Prediction:
    """What a model says about n patients.

    Attributes
    ----------
    risk : array, shape (n,)
        Higher is worse.
    months : array, shape (m,)
        Increasing horizons.
    survival : array, shape (n, m)
        Probability of being event-free past each horizon; never rising along months.
    """

    risk: Floats
    months: Floats
    survival: Floats

    def __post_init__(self) -> None:
        if self.survival.shape != (len(self.risk), len(self.months)):
            raise ValueError(
                f"survival must have shape ({len(self.risk)}, {len(self.months)}). "
                f"Got {self.survival.shape} instead."
            )

    def __len__(self) -> int:
        return len(self.risk)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Prediction:
        """Return the prediction for `rows` only."""
        return replace(self, risk=self.risk[rows], survival=self.survival[rows])

    def at(self, months: float) -> Floats:
        """Survival probabilities at one of the predicted horizons, shape (n,)."""
        position = int(np.argmin(np.abs(self.months - months)))
        if not math.isclose(float(self.months[position]), months):
            raise ValueError(f"no prediction at {months:g} months; predicted are {self.months.tolist()}")
        return np.asarray(self.survival[:, position])


def lookup(registry: Mapping[str, T], key: str, what: str) -> T:
    """Return ``registry[key]``, or raise an InputError that lists what could have been written."""
    if key not in registry:
        raise InputError(f"unknown {what} {key!r}; known: {', '.join(sorted(registry))}")
    return registry[key]


def outcome(frame: pd.DataFrame, endpoint: str) -> NDArray[np.void]:
    """Return the endpoint as the structured array of `event` (bool) and `time` (months)."""
    e = lookup(ENDPOINTS, endpoint, "endpoint")
    y = np.empty(len(frame), dtype=[("event", bool), ("time", float)])
    y["event"] = frame[e.event].to_numpy(dtype=bool)
    y["time"] = frame[e.months].to_numpy(dtype=float)
    return y


def check_table(frame: pd.DataFrame, columns: Sequence[Column], name: str = "cohort") -> None:
    """Raise one InputError naming every way in which `frame` is not what `columns` declare.

    An undeclared column is a fault: that is how leakage is caught.
    """
    declared = {c.name: c for c in columns}
    faults = [f"column {n!r} is missing" for n in declared if n not in frame]
    faults += [f"column {n!r} is not declared" for n in frame if n not in declared]
    if frame.index.name != "patient":
        faults.append(f"the index must be named 'patient'. Got {frame.index.name!r} instead")
    if not frame.index.is_unique:
        faults.append(f"{int(frame.index.duplicated().sum())} patients stand in more than one row")
    for c in columns:
        if c.name in frame:
            faults += [f"column {c.name!r} {fault}" for fault in _column_faults(frame[c.name], c)]
    if faults:
        raise InputError(f"{name} is not a valid cohort:\n  " + "\n  ".join(faults))


def _column_faults(values: pd.Series[Any], column: Column) -> list[str]:
    present = values.dropna()
    if column.kind == "category":
        unknown = sorted(set(present.astype(str)) - set(column.categories)) if column.categories else []
        return [f"has unknown categories {', '.join(map(repr, unknown))}"] if unknown else []
    if column.kind == "boolean":
        wrong = int((~present.isin([0, 1])).sum())
        return [f"has {wrong} values that are neither true nor false"] if wrong else []
    if not pd.api.types.is_numeric_dtype(values):
        return [f"must hold numbers. Got {values.dtype} instead"]
    outside = int(((present < column.low) | (present > column.high)).sum())
    faults = [f"has {outside} values outside [{column.low:g}, {column.high:g}]"] if outside else []
    if column.role == "outcome" and len(present) < len(values):
        faults.append(f"is missing for {len(values) - len(present)} patients")
    return faults
