"""What a published trial looks like: arms, readouts, response, safety, baseline, each with its source."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from synthetic_data.evidence.crossover import Crossover
from synthetic_data.evidence.values import (
    Count,
    FollowUp,
    Fraction,
    Landmark,
    Median,
    Month,
    Rate,
    Ratio,
    Source,
    Spec,
)
from synthetic_data.evidence.vocabulary import Histology, Phase, Setting, TreatmentClass, TrialEndpoint

CHECKPOINT_INHIBITORS: frozenset[str] = frozenset({"pd1", "pdl1", "ctla4"})
ALL_ARMS = "all"  # key of a figure that was printed for the arms together

Patients = Annotated[int, Field(gt=0)]


class Arm(Spec):
    """One arm: what was given, to how many."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    role: Literal["experimental", "control", "single"]
    patients: Patients | None = None
    patients_in: dict[str, Patients] = {}  # sizes of named populations
    untreated: Annotated[int, Field(ge=0)] | None = None  # of `patients`: randomised and never treated
    regimen: str
    classes: Annotated[tuple[TreatmentClass, ...], Field(min_length=1)]

    @property
    def has_checkpoint_inhibitor(self) -> bool:
        """Whether the arm receives an antibody against PD-1, PD-L1 or CTLA-4."""
        return bool(CHECKPOINT_INHIBITORS & set(self.classes))


class Contrast(Spec):
    """What a readout compares.

    A treatment contrast sets two arms side by side. A prognostic contrast divides patients by
    something that happens or is measured, and is never a treatment effect, even where the two
    sides are the arms within such a group.
    """

    kind: Literal["treatment", "prognostic"]
    experimental: str
    control: str
    within: tuple[str, ...] = ()  # arms the patients of a prognostic contrast come from
    basis: (
        Literal[
            "adverse_event",
            "ctdna",
            "exposure",
            "genotype",
            "immune_cells",
            "pathological_response",
            "objective_response",
            "time_on_study",
        ]
        | None
    ) = None  # what divides the patients of a prognostic contrast
    randomised: bool = True

    @model_validator(mode="after")
    def _basis_fits_kind(self) -> Contrast:
        if (self.kind == "prognostic") is (self.basis is None):
            raise ValueError("a prognostic contrast names its `basis`; a treatment contrast has none")
        if self.experimental == self.control:
            raise ValueError(f"sets {self.control!r} against itself")
        return self


class SurvivalFigures(Spec):
    """What was published about one arm or group for one endpoint."""

    patients: Patients | None = None
    events: Annotated[int, Field(ge=0)] | None = None
    share_of_randomised: Fraction | None = None
    median: Median | None = None
    landmarks: tuple[Landmark, ...] = ()


class Readout(Spec):
    """One endpoint in one population at one analysis."""

    endpoint: TrialEndpoint
    population: str
    data_cut: str | None = None
    follow_up: FollowUp | None = None
    assessor: Literal["BICR", "investigator", "IRC", "IRF"] | None = None
    patients: Patients | None = None
    contrast: Contrast | None = None
    hazard_ratio: Ratio | None = None
    arms: dict[str, SurvivalFigures] = {}
    groups: dict[str, SurvivalFigures] = {}  # of a prognostic contrast
    approximate: bool = False  # spoken, or read off a figure
    without_crossover: bool = False  # adjusted for what control patients received later
    remark: str | None = None
    source: Source
    other_sources: tuple[Source, ...] = ()

    @model_validator(mode="after")
    def _a_ratio_compares_something(self) -> Readout:
        if self.hazard_ratio is not None and self.contrast is None:
            raise ValueError("has a hazard ratio but no `contrast`; say what is compared with what")
        return self


class Response(Spec):
    """Tumour response and other shares of patients who got better, in one population."""

    population: str
    follow_up_months: Month | None = None
    patients: dict[str, Patients] = {}
    rates: dict[str, dict[str, Rate]] = {}  # outcome -> arm -> rate
    counts: dict[str, dict[str, Count]] = {}
    values: dict[str, dict[str, float]] = {}  # outcome with its unit -> arm -> value
    median_duration: dict[str, Median] = {}
    remark: str | None = None
    source: Source
    other_sources: tuple[Source, ...] = ()


class Safety(Spec):
    """Shares of patients with an adverse event; the name says grade and attribution."""

    population: str | None = None
    data_cut: str | None = None
    follow_up_months: Month | None = None
    patients: Patients | None = None
    rates: dict[str, dict[str, Fraction]] = {}  # event -> arm -> share
    counts: dict[str, dict[str, Count]] = {}
    values: dict[str, dict[str, float]] = {}
    remark: str | None = None
    source: Source


class DurationOfResponse(Spec):
    """How long responses lasted: medians, and the share of responders still in response."""

    population: str
    follow_up_months: Month | None = None
    median: dict[str, Median] = {}
    landmarks: dict[str, tuple[Landmark, ...]] = {}
    source: Source


class DepthOfResponse(Spec):
    """How many tumours shrank by at least so much, and how those patients lived."""

    population: str
    reduction_percent: Annotated[float, Field(gt=0, le=100)]
    share: dict[str, Fraction]
    survival_months: Annotated[float, Field(gt=0)]
    survival: dict[str, Fraction]
    source: Source


class BaselineSubset(Spec):
    """Baseline characteristics of a part of the trial."""

    population: str
    share_of_evaluable: Fraction | None = None
    evaluable_share_of_randomised: Fraction | None = None
    patients: dict[str, Patients] = {}
    overall: dict[str, float] = {}
    by_arm: dict[str, dict[str, float]] = {}
    remark: str | None = None
    source: Source


class Baseline(Spec):
    """Who was enrolled: shares 0 to 1, ages in years, other units in the names.

    Figures without a source of their own come from the sources of the readouts (`from_readouts`).
    """

    overall: dict[str, float] = {}
    by_arm: dict[str, dict[str, float]] = {}
    patients: dict[str, Patients] = {}  # of the table, where they differ from the arms
    subsets: tuple[BaselineSubset, ...] = ()
    stratification: tuple[str, ...] = ()
    from_readouts: bool = False
    remark: str | None = None
    sources: tuple[Source, ...] = ()


class Assessments(Spec):
    """When tumours are scanned, in weeks from randomisation."""

    every_weeks: Annotated[float, Field(gt=0)]
    until_week: Annotated[float, Field(gt=0)] | None = None
    then_every_weeks: Annotated[float, Field(gt=0)] | None = None
    source: Source

    @model_validator(mode="after")
    def _both_or_none(self) -> Assessments:
        if (self.until_week is None) != (self.then_every_weeks is None):
            raise ValueError("until_week and then_every_weeks belong together")
        if self.until_week is not None and self.until_week < self.every_weeks:
            raise ValueError("until_week comes before the first scan")
        return self


class TrialSpec(Spec):
    """One published trial."""

    id: Annotated[str, Field(min_length=2)]
    registry: str | None = None
    other_registries: tuple[str, ...] = ()
    pooled_from: tuple[str, ...] = ()  # registry numbers or trial ids
    phase: Phase
    setting: Setting
    histology: Histology
    selection: str
    main_population: str | None = None  # label of the main analysis population among the readouts
    remark: str | None = None
    references: tuple[Source, ...] = ()
    arms: Annotated[tuple[Arm, ...], Field(min_length=1)]
    crossover: Crossover | None = None
    baseline: Baseline | None = None
    assessments: Assessments | None = None
    readouts: tuple[Readout, ...] = ()
    response: tuple[Response, ...] = ()
    duration_of_response: tuple[DurationOfResponse, ...] = ()
    depth_of_response: tuple[DepthOfResponse, ...] = ()
    safety: tuple[Safety, ...] = ()

    @property
    def pooled(self) -> bool:
        """Whether the figures come from several trials together."""
        return bool(self.pooled_from)

    @property
    def lung(self) -> bool:
        """Whether the patients had lung cancer; the others are kept as references."""
        return self.histology in {"nsclc", "nonsquamous", "squamous", "sclc"}

    def arm(self, arm_id: str) -> Arm:
        """Return the arm of that id; KeyError when there is none."""
        for arm in self.arms:
            if arm.id == arm_id:
                return arm
        raise KeyError(arm_id)

    def main_readouts(self, endpoint: str) -> tuple[Readout, ...]:
        """Return the readouts of `endpoint` in the main analysis population, in the file's order."""
        return tuple(
            r for r in self.readouts if r.endpoint == endpoint and r.population == self.main_population
        )

    def sources(self) -> Iterator[tuple[str, Source]]:
        """Every source with the field it stands in."""
        for i, reference in enumerate(self.references):
            yield f"references[{i}]", reference
        if self.crossover is not None and self.crossover.source is not None:
            yield "crossover.source", self.crossover.source
        if self.baseline is not None:
            for i, source in enumerate(self.baseline.sources):
                yield f"baseline.sources[{i}]", source
            for i, subset in enumerate(self.baseline.subsets):
                yield f"baseline.subsets[{i}].source", subset.source
        for i, readout in enumerate(self.readouts):
            yield f"readouts[{i}].source", readout.source
            for j, source in enumerate(readout.other_sources):
                yield f"readouts[{i}].other_sources[{j}]", source
        for i, response in enumerate(self.response):
            yield f"response[{i}].source", response.source
            for j, source in enumerate(response.other_sources):
                yield f"response[{i}].other_sources[{j}]", source
        for name in ("duration_of_response", "depth_of_response", "safety"):
            for i, item in enumerate(getattr(self, name)):
                yield f"{name}[{i}].source", item.source
