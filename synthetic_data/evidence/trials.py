"""What a published trial looks like: arms, readouts, response, safety, baseline, each with its source."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

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
CrossoverShare = Literal["on_study", "in_any_way", "of_those_progressed", "of_those_with_pfs_event"]
ROUNDING = 0.006  # by which a share printed in whole per cents may differ from its count


class Arm(Spec):
    """One arm: what was given, to how many."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    role: Literal["experimental", "control", "single"]
    patients: Patients | None = None
    patients_in: dict[str, Patients] = {}  # sizes of named populations
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


class Crossover(Spec):
    """How many control patients later received checkpoint inhibition.

    Figures without a source of their own come from the sources of the readouts (`from_readouts`).
    `counts` and `follow_up_months` belong to the share of the same name: whom it was counted in, and
    the median follow-up at that cut. `of_those_progressed` divides by who progressed,
    `of_those_with_pfs_event` by who progressed or died.
    """

    allowed: bool  # by the protocol; patients may receive it off study all the same
    on_study: Fraction | None = None
    in_any_way: Fraction | None = None  # on or off study
    of_those_progressed: Fraction | None = None
    of_those_with_pfs_event: Fraction | None = None
    counts: dict[CrossoverShare, Count] = {}
    follow_up_months: dict[CrossoverShare, Month] = {}
    after_primary_analysis: bool = False  # only once the primary analyses were complete
    from_readouts: bool = False
    remark: str | None = None
    source: Source | None = None

    @model_validator(mode="after")
    def _shares_are_those_counted(self) -> Crossover:
        for share in {*self.counts, *self.follow_up_months}:
            if self.share(share) is None:
                raise ValueError(f"says more about `{share}`, but does not give that share")
        for name, count in self.counts.items():
            stated = self.share(name)
            if count.of is None or stated is None:
                continue
            if abs(count.patients / count.of - stated) > ROUNDING:
                raise ValueError(
                    f"{name} is {stated:g}, but {count.patients} of {count.of} are "
                    f"{count.patients / count.of:.3f}; check the transcription"
                )
        if self.on_study is not None and self.in_any_way is not None and self.on_study > self.in_any_way:
            raise ValueError(f"on_study {self.on_study:g} exceeds in_any_way {self.in_any_way:g}, its part")
        return self

    def share(self, name: CrossoverShare) -> float | None:
        """Return one of the published shares, if there."""
        value = getattr(self, name)
        return None if value is None else float(value)


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
