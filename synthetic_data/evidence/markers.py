"""What a published marker looks like: how it is distributed, what it goes with, what it does to patients."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from pipeline.schema import Modality
from synthetic_data.evidence.simulation import Simulation
from synthetic_data.evidence.values import Fraction, Interval, Level, Median, Rate, Ratio, Source, Spec
from synthetic_data.evidence.vocabulary import CorrelationMethod, MarkerEndpoint, Measure, Treatment

COEFFICIENTS: frozenset[str] = frozenset({"spearman", "pearson", "pearson_or_spearman"})

Patients = Annotated[int, Field(gt=0)]


class MarkerContrast(Spec):
    """Which patients are compared: the published words, and as much of them as can be typed.

    The estimate is that of the first side against the second. `per_unit` effects are per `per` units
    on `scale`; `threshold` ones compare sides of `cutoff`; `quantile` ones parts of the distribution;
    `level` ones high with low where no cut-off is given; `category` ones two named states; `stratum`
    ones treatments within a group of patients; `single` figures describe one group.
    """

    text: Annotated[str, Field(min_length=2)]
    kind: Literal["per_unit", "threshold", "quantile", "level", "category", "stratum", "single"]
    scale: Literal["linear", "log", "log2", "doubling", "ordinal"] | None = None
    per: Annotated[float, Field(gt=0)] | None = None
    unit: str | None = None
    cutoff: float | None = None
    first_side: Literal["above", "below"] | None = None  # side of the cut-off, or of the scale
    first: str | None = None  # the compared states of a category
    second: str | None = None
    on_treatment: bool = False  # measured, or changing, after treatment began

    @model_validator(mode="after")
    def _typed(self) -> MarkerContrast:
        if self.kind == "per_unit" and (self.scale is None or self.per is None):
            raise ValueError("a per_unit contrast gives `scale` and `per`")
        if self.kind == "threshold" and (self.cutoff is None or self.first_side is None):
            raise ValueError("a threshold contrast gives `cutoff` and `first_side`")
        if self.kind == "level" and self.first_side is None:
            raise ValueError("a level contrast gives `first_side`")
        if self.kind == "category" and (self.first is None or self.second is None):
            raise ValueError("a category contrast gives `first` and `second`")
        return self


class PValue(Spec):
    """A p-value as printed: a number, or that it lies below one."""

    value: Fraction
    below: bool = False


class Discrimination(Spec):
    """An area under the ROC curve or a concordance, with its interval."""

    value: Fraction
    interval: Interval | None = None
    level: Level = 0.95


class Effect(Spec):
    """What a marker does to an endpoint, or how a treatment's effect differs by the marker."""

    endpoint: MarkerEndpoint
    kind: Literal["prognostic", "treatment_effect"]
    treatment: Treatment | None = None  # of all compared patients; None where treatments are compared
    comparison: str | None = None  # the treatments compared within a stratum
    trial: str | None = None
    contrast: MarkerContrast
    measure: Measure | None = None
    ratio: Ratio | None = None
    medians: dict[str, Median] = {}  # of the endpoint, by group
    rates: dict[str, dict[str, Rate]] = {}  # outcome -> group -> rate
    discrimination: Discrimination | None = None
    direction: Literal["better", "worse", "none", "mixed", "not_reported"] | None = None
    adjusted: Literal["yes", "no", "not_stated"] = "not_stated"
    covariates: tuple[str, ...] = ()
    guarantee_time_handled: bool | None = None  # landmark or time-dependent, where it matters
    i_squared: Fraction | None = None
    p: PValue | None = None
    interaction_p: Fraction | None = None
    histology: Literal["sclc"] | None = None
    agent: str | None = None
    analyte: str | None = None
    population: str | None = None
    patients: Patients | None = None
    remark: str | None = None
    source: Source

    @model_validator(mode="after")
    def _says_something(self) -> Effect:
        if (self.ratio is None) is not (self.measure is None):
            raise ValueError("`measure` and `ratio` come together")
        if not any((self.ratio, self.medians, self.rates, self.discrimination, self.direction)):
            raise ValueError("has no figure; give a ratio, medians, rates, a discrimination or a direction")
        if self.kind == "treatment_effect" and self.comparison is None:
            raise ValueError("a treatment effect names the treatments in `comparison`")
        if self.kind == "prognostic" and self.treatment is None:
            raise ValueError("a prognostic effect names the `treatment` all patients had")
        return self

    @property
    def estimate(self) -> float | None:
        """The ratio's estimate, if there is one."""
        return None if self.ratio is None else self.ratio.estimate

    @property
    def log_estimate(self) -> float | None:
        """Natural logarithm of the estimate."""
        return None if self.ratio is None else math.log(self.ratio.estimate)


class Distribution(Spec):
    """How a marker is distributed in one population; numbers in `unit`, shares from 0 to 1."""

    population: str
    patients: Patients | None = None
    definition: str | None = None
    unit: str | None = None
    median: float | None = None
    iqr: tuple[float, float] | None = None
    p5_p95: tuple[float, float] | None = None
    mean: float | None = None
    sd: Annotated[float, Field(gt=0)] | None = None
    range: tuple[float | None, float | None] | None = None
    prevalence: Rate | None = None
    prevalence_range: tuple[Fraction, Fraction] | None = None
    categories: dict[str, Fraction] = {}
    counts: dict[str, Annotated[int, Field(ge=0)]] = {}
    shares: dict[str, Fraction] = {}  # other shares printed with it
    values: dict[str, float] = {}  # other numbers printed with it
    remark: str | None = None
    source: Source

    @model_validator(mode="after")
    def _in_order(self) -> Distribution:
        for name in ("iqr", "p5_p95", "range", "prevalence_range"):
            pair = getattr(self, name)
            if pair is not None and None not in pair and not pair[0] <= pair[1]:
                raise ValueError(f"{name} runs from {pair[0]} to {pair[1]}; write the lower bound first")
        for name in ("iqr", "p5_p95", "range"):
            pair = getattr(self, name)
            if pair is None or self.median is None:
                continue
            low, high = pair
            if (low is not None and self.median < low) or (high is not None and self.median > high):
                raise ValueError(f"median {self.median} lies outside {name} {low} to {high}")
        return self


class Correlation(Spec):
    """What a marker goes with: a coefficient, figures by group, or a stated association."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    other: str = Field(alias="with")
    method: CorrelationMethod
    value: float | None = None
    interval: Interval | None = None
    p: PValue | None = None
    patients: Patients | None = None
    population: str | None = None
    groups: dict[str, float] = {}
    ranges: dict[str, tuple[Fraction, Fraction]] = {}
    finding: str | None = None
    source: Source

    @model_validator(mode="after")
    def _a_coefficient_is_one(self) -> Correlation:
        if self.method in COEFFICIENTS:
            if self.value is None:
                raise ValueError(f"method {self.method} needs a `value`")
            if not -1 <= self.value <= 1:
                raise ValueError(f"{self.value} is no correlation; it must lie in -1 to 1")
        low, high = self.interval or (None, None)
        if self.value is not None and self.interval is not None:
            outside = (low is not None and self.value <= low) or (high is not None and self.value >= high)
            if outside:
                raise ValueError(f"interval {low} to {high} does not contain {self.value}")
        if self.value is None and not self.groups and not self.ranges and self.finding is None:
            raise ValueError("says nothing; give a value, groups or a finding")
        return self


class FindingRatio(Spec):
    """One ratio among the figures of an on-treatment finding."""

    label: str
    endpoint: MarkerEndpoint | Literal["progression"]
    measure: Measure = "hazard_ratio"
    ratio: Ratio
    p: PValue | None = None


class ClinicalFinding(Spec):
    """A published fact about time on treatment: changes of markers, times to events, outcomes of cohorts."""

    topic: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    statement: Annotated[str, Field(min_length=10)]
    patients: Patients | None = None
    sampling: str | None = None
    sampling_weeks: tuple[tuple[float, float], ...] = ()
    thresholds: tuple[float, ...] = ()
    ratios: tuple[FindingRatio, ...] = ()
    values: dict[str, dict[str, float]] = {}  # quantity with its unit -> group -> value
    source: Source


class MarkerSpec(Spec):
    """One marker with all that was published about it, and how to simulate it."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    name: str
    modality: Modality
    synonyms: tuple[str, ...] = ()  # how tables head its column, words apart, in lower case
    distributions: tuple[Distribution, ...] = ()
    correlations: tuple[Correlation, ...] = ()
    effects: tuple[Effect, ...] = ()
    dynamics: tuple[ClinicalFinding, ...] = ()
    simulate: Simulation | None = None

    def sources(self) -> Iterator[tuple[str, Source]]:
        """Every source with the field it stands in."""
        for name in ("distributions", "correlations", "effects", "dynamics"):
            for i, item in enumerate(getattr(self, name)):
                yield f"{name}[{i}].source", item.source
