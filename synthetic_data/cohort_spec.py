"""What a synthetic cohort is to be: the spec a user writes, and the plan it resolves to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from pipeline.schema import Floats, InputError
from pipeline.yaml_file import read_yaml
from synthetic_data.assumed_curves import completed_curves
from synthetic_data.conduct.crossover import CrossoverSpec
from synthetic_data.conduct.gaps import GapSpec
from synthetic_data.conduct.leaving import LeavingSpec
from synthetic_data.conduct.sites import SitesSpec
from synthetic_data.evidence import MarkerSpec, Register, TrialSpec, load_register
from synthetic_data.evidence.values import Spec
from synthetic_data.follow_up import Accrual, AccrualPattern
from synthetic_data.published_figures import ACCRUAL_MONTHS
from synthetic_data.response_rates import ResponseRate, completed_response
from synthetic_data.scans import scan_months
from synthetic_data.setting import Eligibility
from synthetic_data.subgroup_effects import load_learnt_effects
from synthetic_data.trajectories import VisitSpec
from synthetic_data.treatments import HypotheticalArm, Treatment, with_hypothetical
from synthetic_data.trial_completion import CompletedTrial, complete_trial
from synthetic_data.trial_curves import TrialCurves

DEFAULT_FOLLOW_UP_MONTHS = 24.0  # of a cohort whose arms all rest on hazard ratios


class CohortSpec(Spec):
    """A synthetic cohort to draw, as a file under ``configs/cohorts`` states it.

    Only `trial` is needed; everything else has a stated default.
    """

    kind: Literal["trial"] = "trial"
    name: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    trial: str
    arms: tuple[str, ...] | None = Field(None, description="arms to draw; all with figures when left out")
    hypothetical_arms: tuple[HypotheticalArm, ...] = Field(
        (), description="arms no trial had, composed of entries of the register"
    )
    eligibility: dict[str, Eligibility] = Field({}, description="marker column -> what all enrolled have")
    markers: tuple[str, ...] | None = Field(None, description="markers to draw; all that can when left out")
    accrual_months: Annotated[float, Field(gt=0, le=120)] = ACCRUAL_MONTHS
    accrual_pattern: AccrualPattern = Field(
        "even", description="rising: enrolment speeds up in proportion to time, as sites open one by one"
    )
    follow_up_months: Annotated[float, Field(gt=0, le=180)] | None = Field(
        None, description="median follow-up at the cut; that of the latest OS figures when left out"
    )
    dropout_per_month: Annotated[float, Field(ge=0, lt=0.2)] = 0.003
    unmeasured_log_hazard_sd: Annotated[float, Field(ge=0, le=2)] = Field(
        0.5, description="spread of log hazard no marker shows, shared by death and progression (assumed)"
    )
    association: Annotated[float, Field(ge=1, le=10)] | None = Field(
        None, description="of a patient's progression with death; the least that fits when left out"
    )
    benefit_weight: Annotated[float, Field(ge=0, le=3)] | None = Field(
        None, description="times the published effects on benefit are drawn; the learnt weight when left out"
    )
    evidence_draw: Literal["point", "sample"] = Field(
        "point", description="sample: each replicate draws curves and effects from their published intervals"
    )
    defects: bool = Field(True, description="missing values and detection limits in the observed table")
    visits: VisitSpec | None = Field(None, description="serial measurements; none when left out")
    adverse_events: bool = Field(False, description="draw a table of dated adverse events")
    sites: SitesSpec | None = Field(None, description="regions and sites with their own patients and tests")
    missing: dict[str, GapSpec] = Field(
        {}, description="marker column -> how often and why it is missing; as its marker declares if left out"
    )
    informative_dropout: LeavingSpec | None = Field(None, description="on what loss to follow-up depends")
    crossover: CrossoverSpec | None = Field(
        None, description="control patients who switch after progression; without it, nobody is seen to"
    )

    @property
    def accrual(self) -> Accrual:
        """When patients enrol."""
        return Accrual(self.accrual_months, self.accrual_pattern)

    @model_validator(mode="after")
    def _blocks_fit_each_other(self) -> CohortSpec:
        if self.missing and not self.defects:
            raise ValueError("`missing` says how values go missing, but `defects: false` keeps them all")
        if self.crossover is not None and self.association not in {None, 1.0}:
            raise ValueError("`crossover` is drawn with progression and death associated by 1 only")
        return self


@dataclass(frozen=True)
class Plan:
    """All of a cohort that does not depend on the patients drawn."""

    spec: CohortSpec
    trial: TrialSpec
    arms: tuple[str, ...]
    curves: TrialCurves
    responses: Mapping[str, ResponseRate]
    follow_up_months: float
    completed: CompletedTrial  # `trial` is its trial; says which curves are assumed
    benefit_weight: float  # times which the published effects of markers on benefit are drawn
    evidence: Mapping[str, Any] = field(default_factory=lambda: {"mode": "point"})  # how it was drawn

    @property
    def hypothetical(self) -> dict[str, HypotheticalArm]:
        """Arms drawn that no trial had, by name."""
        return {a.name: a for a in self.spec.hypothetical_arms if a.name in self.arms}

    def treatment(self, arm: str) -> Treatment:
        """Return what of an arm its patients answer to differently."""
        composed = self.hypothetical.get(arm)
        return Treatment(self.trial.arm(arm).has_checkpoint_inhibitor, composed.modifiers if composed else ())

    @property
    def cut_month(self) -> float:
        """Calendar month of the data cut."""
        return self.spec.accrual.cut_month(self.follow_up_months)

    @property
    def schedule(self) -> Floats | None:
        """Months of the scans that are due, where the trial states them."""
        return None if self.trial.assessments is None else scan_months(self.trial.assessments)

    def untreated_share(self, arm: str) -> float:
        """Share of an arm's patients who were randomised and never treated, where published."""
        published = self.trial.arm(arm)
        return (published.untreated or 0) / published.patients if published.patients else 0.0

    @property
    def control_arm(self) -> str | None:
        """The control arm, when the trial has one."""
        return next((a for a in self.arms if self.trial.arm(a).role == "control"), None)


def read_cohort_spec(path: Path) -> CohortSpec:
    """Read a cohort file.

    Raises
    ------
    InputError
        Naming the file and every field that is not as it should be.
    """
    raw = read_yaml(path)
    try:
        return CohortSpec.model_validate({"name": Path(path).stem} | raw)
    except ValidationError as error:
        lines = [
            f"{path}: {'.'.join(map(str, e['loc']))}: {e['msg']}. Got {e['input']!r} instead"
            if e["type"] != "extra_forbidden"
            else f"{path}: unknown key {'.'.join(map(str, e['loc']))!r}; "
            f"known: {', '.join(CohortSpec.model_fields)}"
            for e in error.errors()
        ]
        raise InputError("\n".join(lines)) from None


def plan_cohort(spec: CohortSpec, register: Register | None = None) -> Plan:
    """Resolve a spec against the register, or say what is missing; draws nothing."""
    register = register or load_register()
    composed = with_hypothetical(register.trial(spec.trial), spec.hypothetical_arms, register)
    completed = complete_trial(composed, register.trials)
    trial, known = completed.trial, completed.arms
    named = [a.name for a in spec.hypothetical_arms]
    arms = spec.arms or (*completed.default_arms, *named)
    unknown = [a for a in arms if a not in known]
    if unknown:
        raise InputError(
            f"cohort {spec.name!r}: trial {trial.id} has no arm {', '.join(map(repr, unknown))} with figures "
            f"for both OS and PFS, nor with what they could be inferred from; it has {', '.join(known)}"
        )
    arms = tuple(a for a in known if a in arms)
    curves = completed_curves(completed, arms, spec.accrual_months)
    published = tuple(r for r in curves.ratios if r.experimental not in named)
    curves = replace(curves, ratios=published)
    built = [f for f in curves.figures if f.built_on]
    reached = [f.follow_up_months for f in built if f.endpoint == "os"] or [f.follow_up_months for f in built]
    follow_up = spec.follow_up_months or max(reached, default=DEFAULT_FOLLOW_UP_MONTHS)
    responses = {
        a: completed_response(completed, trial.arm(a), register.trials, curves.curves[a, "pfs"]) for a in arms
    }
    learnt = load_learnt_effects().weight if spec.benefit_weight is None else spec.benefit_weight
    return Plan(spec, trial, arms, curves, responses, follow_up, completed, learnt)


def chosen_markers(spec: CohortSpec, register: Register) -> dict[str, MarkerSpec]:
    """Return the markers a cohort draws by id: those its spec names, else all that can be drawn."""
    if spec.markers is None:
        return {name: marker for name, marker in register.markers.items() if marker.simulate is not None}
    markers = {register.marker(name).id: register.marker(name) for name in spec.markers}
    undrawn = [name for name, marker in markers.items() if marker.simulate is None]
    if undrawn:
        raise InputError(
            f"cohort {spec.name!r}: markers {', '.join(undrawn)} cannot be drawn; "
            "their files have no `simulate` block"
        )
    return markers
