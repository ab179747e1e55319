"""Evidence that belongs to no single marker: published prediction models, and facts about cohorts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from synthetic_data.evidence.markers import ClinicalFinding
from synthetic_data.evidence.values import Fraction, Interval, Level, Source, Spec

Id = Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]


class Term(Spec):
    """One summand of a linear score."""

    feature: str
    unit: str | None = None
    coefficient: float
    cap: float | None = None  # larger values count as this
    mean: float | None = None  # of a standardised feature
    scale: Annotated[float, Field(gt=0)] | None = None


class Formula(Spec):
    """A linear score as published: the intercept plus the terms, passed through the link."""

    name: str
    link: Literal["logistic", "identity"]
    intercept: float
    terms: Annotated[tuple[Term, ...], Field(min_length=1)]
    remark: str | None = None
    source: Source


class Performance(Spec):
    """How well a model did in one cohort."""

    task: str
    metric: Literal["auc", "time_dependent_auc", "c_index", "accuracy", "npv", "ppv"]
    value: Fraction
    interval: Interval | None = None
    level: Level = 0.95
    standard_error: Annotated[float, Field(gt=0)] | None = None
    cohort: str
    patients: Annotated[int, Field(gt=0)] | None = None
    in_sample: bool = False
    remark: str | None = None
    source: Source

    @model_validator(mode="after")
    def _interval_holds_the_value(self) -> Performance:
        if self.interval is not None:
            low, high = self.interval
            if (low is not None and self.value < low) or (high is not None and self.value > high):
                raise ValueError(f"interval {low} to {high} does not contain the value {self.value}")
        return self


class ModelSpec(Spec):
    """A published prediction model: its formula where printed, and how it performed."""

    id: Id
    name: str
    formulas: tuple[Formula, ...] = ()
    performance: tuple[Performance, ...] = ()

    def sources(self) -> Iterator[tuple[str, Source]]:
        """Every source with the field it stands in."""
        for i, formula in enumerate(self.formulas):
            yield f"formulas[{i}].source", formula.source
        for i, performance in enumerate(self.performance):
            yield f"performance[{i}].source", performance.source


class TopicSpec(Spec):
    """Facts about one topic that no single marker or trial owns."""

    id: Id
    name: str
    findings: Annotated[tuple[ClinicalFinding, ...], Field(min_length=1)]

    def sources(self) -> Iterator[tuple[str, Source]]:
        """Every source with the field it stands in."""
        for i, finding in enumerate(self.findings):
            yield f"findings[{i}].source", finding.source
