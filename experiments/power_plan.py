"""A plan of `lungio power`: sizes, what is asked of every draw, and the scenarios it is asked under."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import Field, model_validator

from experiments.config import NAME_PATTERN
from pipeline.config import Spec
from pipeline.schema import MODALITIES
from synthetic_data.conduct.gaps import GapSpec
from synthetic_data.trajectories.schedule import ASSAYS, VisitSpec

PLAIN: Final = ""  # the scenario of a plan that names none: the cohort as its file says
AS_FILED: Final = "as the cohort's file says"
FIRST_MODEL: Final = {"landmark_auc": "supermodel", "landmark_gain": "supermodel"}


class Question(Spec):
    """What the study is to find."""

    kind: Literal["interaction", "models", "discrimination", "landmark_auc", "landmark_gain"]
    endpoint: Literal["os", "pfs"] = "pfs"
    marker: str | None = Field(None, description="interaction: the column whose effect differs by arm")
    alpha: float = Field(0.05, gt=0, lt=0.5)
    model: str = Field(
        "cox", description="judged by cross-validation; of landmark questions a dynamic one, the supermodel"
    )
    against: str = Field("pdl1", description="models: the one it is to be better than")
    target: float = Field(
        0.6, gt=0.5, lt=1, description="discrimination: Uno's C to be reached; landmark_auc: the AUC"
    )
    landmark_months: float = Field(3.0, ge=0, description="landmark questions: from the start of treatment")
    horizon_months: float = Field(6.0, gt=0, description="landmark questions: from the landmark")
    scenarios: tuple[str, ...] | None = Field(
        None, min_length=1, description="under which it is asked; under all when left out"
    )

    @model_validator(mode="before")
    @classmethod
    def _model_suits_the_kind(cls, raw: Any) -> Any:
        kind = raw.get("kind") if isinstance(raw, Mapping) else None
        if isinstance(kind, str) and "model" not in raw and kind in FIRST_MODEL:
            return {**raw, "model": FIRST_MODEL[kind]}
        return raw

    @model_validator(mode="after")
    def _marker_is_named(self) -> Question:
        if self.kind == "interaction" and self.marker is None:
            raise ValueError("marker is missing: whose interaction with treatment is looked for?")
        return self

    def described(self) -> str:
        """Return in words what is looked for, and when it counts as found."""
        landmark = (
            f"at {self.landmark_months:g} months, AUC of {self.model} for {self.endpoint} within the next "
            f"{self.horizon_months:g}"
        )
        match self.kind:
            case "interaction":
                said = f"treatment by {self.marker} in a Cox model of {self.endpoint}, p below {self.alpha:g}"
            case "models":
                said = f"Uno's C for {self.endpoint} of {self.model} above {self.against}'s, interval above 0"
            case "discrimination":
                said = (
                    f"Uno's C for {self.endpoint} of {self.model} at least {self.target:g}, cross-validated"
                )
            case "landmark_auc":
                said = f"{landmark} at least {self.target:g}, cross-validated"
            case "landmark_gain":
                said = f"{landmark} above that of baseline alone, interval above 0"
        return said + (f"; under {', '.join(self.scenarios)}" if self.scenarios else "")

    @property
    def dynamic(self) -> bool:
        """Whether it is asked at a landmark, of serial measurements."""
        return self.kind in FIRST_MODEL


class Scenario(Spec):
    """How the planned study would be run, where that differs from the cohort's file.

    The patients, what befalls them and the luck of every draw are the same under each scenario.
    """

    markers: tuple[str, ...] | None = Field(
        None, min_length=1,
        description="columns, or whole modalities, measured before treatment; all when left out",
    )  # fmt: skip
    missing: dict[str, GapSpec] = Field(
        {}, description="how often, and why, a column is missing; a modality is missing whole and at random"
    )
    visits: VisitSpec | None = Field(None, description="schedule and assays; the cohort's when left out")

    @property
    def samples_missing(self) -> dict[str, float]:
        """Share of patients without any value of a modality."""
        return {name: gap.share for name, gap in self.missing.items() if name in MODALITIES}

    @property
    def columns_missing(self) -> dict[str, GapSpec]:
        """How single columns go missing."""
        return {name: gap for name, gap in self.missing.items() if name not in MODALITIES}

    def described(self) -> str:
        """Return in words what differs from the cohort's file."""
        said = [f"before treatment only {', '.join(self.markers)}"] if self.markers else []
        for name, gap in self.missing.items():
            by = [*gap.drivers, *["its own value"] * (gap.mechanism == "mnar")]
            why = f"{gap.mechanism.upper()}, by {', '.join(by)}" if by else gap.mechanism.upper()
            said.append(f"{name} missing in {gap.share:.0%} ({why})")
        if (visits := self.visits) is not None:
            said.append(
                f"visits every {visits.every_weeks:g} weeks until {visits.until_months:g} months"
                if visits.every_weeks is not None
                else f"visits at months {', '.join(f'{m:g}' for m in visits.months or ())}"
            )
            said[-1] += f", with {', '.join(visits.assays)}" if set(visits.assays) != set(ASSAYS) else ""
        return "; ".join(said) or AS_FILED


class PowerStudy(Spec):
    """A plan: sizes, how often each is drawn, scenarios, and the questions asked of every draw."""

    name: str = Field(pattern=NAME_PATTERN)
    seed: int = Field(ge=0)
    cohort: str = Field(min_length=1)
    sizes: tuple[int, ...] = Field((200, 400, 800), min_length=1)
    replicates: int = Field(200, ge=10, le=100_000)
    evidence_draw: Literal["point", "sample"] = Field(
        "sample", description="sample: each replicate draws its evidence from published intervals"
    )
    scenarios: dict[str, Scenario] = Field(
        {}, description="marker sets, missingness and schedules compared; the cohort as it is when left out"
    )
    questions: dict[str, Question] = Field(min_length=1)
    title: str | None = None

    @model_validator(mode="after")
    def _scenarios_are_known(self) -> PowerStudy:
        faults = [f"sizes: a value stands twice in {list(self.sizes)}"] * (
            len(set(self.sizes)) < len(self.sizes)
        )
        known = ", ".join(self.scenarios) or "none"
        faults += [
            f"questions.{name}.scenarios: there is no scenario {wanted!r}; known: {known}"
            for name, question in self.questions.items()
            for wanted in question.scenarios or ()
            if wanted not in self.scenarios
        ]
        faults += [
            f"scenarios.{name}.missing.{modality}: a modality goes missing as a whole and completely at "
            f"random. Got {scenario.missing[modality].mechanism} instead; name its columns for that"
            for name, scenario in self.scenarios.items()
            for modality in scenario.samples_missing
            if scenario.missing[modality].mechanism != "mcar"
        ]
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def compared(self) -> dict[str, Scenario]:
        """Return the scenarios by name; a plan without any has one that changes nothing."""
        return self.scenarios or {PLAIN: Scenario()}

    def asked(self, scenario: str) -> dict[str, Question]:
        """Return the questions asked under a scenario."""
        return {n: q for n, q in self.questions.items() if q.scenarios is None or scenario in q.scenarios}
