"""What patients of an arm answer to, and hypothetical arms composed of entries of the register."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from pipeline.schema import HYPOTHETICAL, InputError
from synthetic_data.evidence import Arm, Register, TrialSpec
from synthetic_data.evidence.trials import Contrast, Readout, Response
from synthetic_data.evidence.values import Rate, Source, Spec
from synthetic_data.evidence.vocabulary import TreatmentClass
from synthetic_data.progression import compares_arms, progression_endpoint, with_progression
from synthetic_data.published_figures import population_of, recency
from synthetic_data.response_rates import RESPONSE, published_rate

StateName = Literal[
    "myeloid_inflammation", "antigen_scarcity", "antigen_presentation_defect", "stromal_exclusion",
    "t_cell_exhaustion", "weak_nk_surveillance",
]  # fmt: skip


class Modifier(NamedTuple):
    """An agent whose effect differs by a latent state: log hazard ratio per unit of the state."""

    name: str
    state: str
    os: float
    pfs: float


class Treatment(NamedTuple):
    """What of an arm its patients answer to differently."""

    inhibitor: bool
    modifiers: tuple[Modifier, ...] = ()


class Added(Spec):
    """Two arms of a trial of the register; what sets them apart is the agent that is added."""

    trial: str
    experimental: str
    control: str


class HypotheticalArm(Spec):
    """An arm that no trial had: an arm of the cohort's trial, and what an agent added elsewhere.

    Attributes
    ----------
    id : str
        The arm is called so in every table and figure, with HYPOTHETICAL before it.
    backbone : str
        Arm of the cohort's trial.
    adds : Added
        The hazard ratios of this contrast are carried over to the backbone (proportional hazards).
    classes : tuple of str
        Of the agent.
    concentrated_in : str, optional
        Latent state in which the benefit is concentrated; even across patients when left out.
    ratio_per_sd : float
        By which the hazard ratio is multiplied per standard deviation of that state; below 1 for
        benefit where it is high. The average over all patients stays that of `adds`.
    reason : str
        Why anybody would think so.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    backbone: str
    adds: Added
    classes: Annotated[tuple[TreatmentClass, ...], Field(min_length=1)]
    concentrated_in: StateName | None = None
    ratio_per_sd: Annotated[float, Field(ge=0.2, le=5)] = 1.0
    reason: Annotated[str, Field(min_length=10)]

    @property
    def name(self) -> str:
        """Its name as an arm."""
        return self.id if self.id.startswith(HYPOTHETICAL) else HYPOTHETICAL + self.id

    @property
    def modifiers(self) -> tuple[Modifier, ...]:
        """How its effect differs between patients."""
        if self.concentrated_in is None or self.ratio_per_sd == 1:
            return ()
        slope = math.log(self.ratio_per_sd)
        name = f"{'+'.join(self.classes)} x {self.concentrated_in}"
        return (Modifier(name, self.concentrated_in, slope, slope),)

    def words(self) -> str:
        """Return what it is, as one sentence."""
        added = f"the effect of {self.adds.experimental} against {self.adds.control} in {self.adds.trial}"
        where = f", concentrated by {self.concentrated_in}" if self.modifiers else ""
        return (
            f"arm {self.name} is hypothetical, no patient has been treated so: {self.backbone} with "
            f"{added}{where}. {self.reason}"
        )


def with_hypothetical(trial: TrialSpec, arms: Sequence[HypotheticalArm], register: Register) -> TrialSpec:
    """Return the trial with hypothetical arms, each with hazard ratios and a response rate carried over.

    Raises
    ------
    InputError
        Naming every arm that the trial or the register does not have, and contrasts without a hazard
        ratio.
    """
    faults: list[str] = []
    for arm in arms:
        try:
            trial = _with_one(trial, arm, register)
        except InputError as error:
            faults.append(f"hypothetical arm {arm.id!r}: {error}")
    if faults:
        raise InputError("\n".join(faults))
    return trial


def _with_one(trial: TrialSpec, arm: HypotheticalArm, register: Register) -> TrialSpec:
    other = register.trial(arm.adds.trial)
    for owner, name in ((trial, arm.backbone), (other, arm.adds.experimental), (other, arm.adds.control)):
        if name not in {a.id for a in owner.arms}:
            raise InputError(f"{owner.id} has no arm {name!r}; it has {', '.join(a.id for a in owner.arms)}")
    backbone = trial.arm(arm.backbone)
    composed = Arm(
        id=arm.name,
        role="experimental",
        patients=backbone.patients,
        regimen=f"hypothetical: {backbone.regimen} + {'/'.join(arm.classes)}",
        classes=tuple(dict.fromkeys((*backbone.classes, *arm.classes))),
    )
    label = progression_endpoint(trial)
    read = with_progression(trial, label)
    readouts = []
    for mine, theirs, endpoint in (("OS", "OS", "os"), (label, progression_endpoint(other), "pfs")):
        found = _latest_ratio(other, arm.adds, theirs)
        assert found.hazard_ratio is not None  # noqa: S101 (chosen so)
        readouts.append(
            Readout(
                endpoint=mine,
                population=population_of(read, endpoint, arm.backbone) or trial.main_population or "ITT",
                contrast=Contrast(kind="treatment", experimental=arm.name, control=arm.backbone),
                hazard_ratio=found.hazard_ratio,
                source=Source(title=f"hypothetical, carried over from {other.id}: {found.source.cite()}"),
            )
        )
    return trial.model_copy(
        update={
            "arms": (*trial.arms, composed),
            "readouts": (*trial.readouts, *readouts),
            "response": (*trial.response, *_response(trial, arm, other)),
        }
    )


def _latest_ratio(trial: TrialSpec, added: Added, endpoint: str) -> Readout:
    wanted = [p for p in dict.fromkeys((trial.main_population, "ITT")) if p]
    found = [
        r
        for r in trial.readouts
        if compares_arms(r)
        and r.contrast is not None
        and (r.contrast.experimental, r.contrast.control) == (added.experimental, added.control)
        and r.endpoint == endpoint
        and r.population in wanted
    ]
    if not found:
        raise InputError(
            f"{trial.id} has no {endpoint} hazard ratio of {added.experimental} against {added.control} "
            "in all its patients; compose it of a contrast that has one"
        )
    return max(found, key=lambda r: recency(trial, r))


def _response(trial: TrialSpec, arm: HypotheticalArm, other: TrialSpec) -> list[Response]:
    """Return the backbone's response rate, its odds multiplied by the contrast's odds ratio where known."""
    base = published_rate(trial, arm.backbone)
    if base is None:
        return []
    odds = base.rate / (1 - base.rate)
    sides = [published_rate(other, a) for a in (arm.adds.experimental, arm.adds.control)]
    rates = [s.rate for s in sides if s is not None]
    if len(rates) == 2:
        odds *= rates[0] / (1 - rates[0]) / (rates[1] / (1 - rates[1]))
    words = f"hypothetical, response of {arm.backbone} with the odds ratio in {other.id}: {base.source}"
    carried = {RESPONSE: {arm.name: Rate(rate=odds / (1 + odds))}}
    population = trial.main_population or "ITT"
    return [Response(population=population, rates=carried, source=Source(title=words))]
