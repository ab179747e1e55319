"""The population a trial's patients come from: everything that is solved once, before any is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from pipeline.schema import Floats
from synthetic_data.benefit import BenefitModel, LogHazard
from synthetic_data.cohort_spec import Plan, chosen_markers
from synthetic_data.conduct.crossover import CrossoverSpec, PooledRatio, post_switch_ratio, published_shares
from synthetic_data.conduct.study import Conduct
from synthetic_data.conduct.switching import SwitchHazards, solve_switch, switched_months
from synthetic_data.contributions import EffectModel
from synthetic_data.evidence import MarkerSpec, Register
from synthetic_data.follow_up import withdrawn
from synthetic_data.immune_state import ImmuneModel, StatePieces
from synthetic_data.markers import MarkerDraw, MarkerModel
from synthetic_data.outcomes import ArmHazards, dependent_exponentials, event_months, solve_hazards
from synthetic_data.published_figures import ENDPOINT_LABELS
from synthetic_data.response import COMPLETE_SHARE, FIRST_ASSESSMENT_MONTHS, ResponseRule
from synthetic_data.setting import Setting
from synthetic_data.streams import stream
from synthetic_data.surgery import SurgeryModel
from synthetic_data.toxicity import Toxicity
from synthetic_data.treatments import Treatment

REFERENCE_PATIENTS: Final = 2**16
REFERENCE_KEY: Final = (2018, 0, 0, 0)


@dataclass(frozen=True)
class ArmModel:
    """What happens to patients of one arm.

    Attributes
    ----------
    treatment : Treatment
        What of it patients answer to differently.
    hazards : ArmHazards
    response : ResponseRule
    seen_at_first_scan : float
        Share of those enrolled by the cut who are under observation at the first assessment.
    expected_response : float
        Mean probability of response of those enrolled by the cut.
    complete_share : float
        Of responders, whose response is complete.
    switch : SwitchHazards, optional
        How its patients change treatment, and their hazards without the change.
    switch_ratio : PooledRatio, optional
        What the register says the change does, where the cohort's file does not.
    """

    treatment: Treatment
    hazards: ArmHazards
    response: ResponseRule
    seen_at_first_scan: float
    expected_response: float
    complete_share: float
    switch: SwitchHazards | None = None
    switch_ratio: PooledRatio | None = None

    @property
    def inhibitor(self) -> bool:
        """Whether it holds a checkpoint inhibitor."""
        return self.treatment.inhibitor


@dataclass(frozen=True)
class Population:
    """A plan with everything solved that all its patients share; drawing any number of them is cheap.

    The baseline hazards, response rules and adverse-event intensities are solved on REFERENCE_PATIENTS of
    the plan's own: a Latin hypercube, whose averages are off by a few hundredths of a percentage point.
    So the truth belongs to the population, not to a sample: patients drawn are independent of each
    other, and blocks of them can be drawn apart.
    """

    plan: Plan
    chosen: Mapping[str, MarkerSpec]
    markers: MarkerModel
    effects: Mapping[str, EffectModel]
    benefits: Mapping[str, BenefitModel]
    immune: ImmuneModel
    arms: Mapping[str, ArmModel]
    toxicity: Toxicity | None
    surgery: SurgeryModel | None
    conduct: Conduct

    @property
    def cut_month(self) -> float:
        """Calendar month of the data cut."""
        return self.plan.cut_month

    @cached_property
    def hazards(self) -> pd.DataFrame:
        """The table `pipeline.schema.Truth.hazards`."""
        tables = [
            pd.DataFrame(
                {
                    "arm": name,
                    "months": arm.hazards.months,
                    "os": arm.hazards.os,
                    "progression": arm.hazards.progression,
                    "association": arm.hazards.association,
                    "largest_gap": arm.hazards.largest_gap,
                    "population_os": arm.hazards.population_os,
                    "population_pfs": arm.hazards.population_pfs,
                }
            )
            for name, arm in self.arms.items()
        ]
        for table, arm in zip(tables, self.arms.values(), strict=True):
            for field, value in asdict(arm.response.chance(arm.seen_at_first_scan)).items():
                table[f"response_{field}"] = value
            if any(other.switch is not None for other in self.arms.values()):
                switch = None if arm.switch is None else arm.switch.switch
                table["switch_probability"] = 0.0 if switch is None else switch.probability
                table["switch_hazard_ratio"] = 1.0 if switch is None else switch.hazard_ratio
                table["switch_delay_months"] = 0.0 if switch is None else switch.delay_months
        return pd.concat(tables, ignore_index=True)

    def log_hazards(self, draw: MarkerDraw, pieces: StatePieces) -> dict[str, LogHazard]:
        """Return the log relative hazards of patients, taken apart, by endpoint."""
        return {
            endpoint: self.benefits[endpoint].apart(model.contributions(draw.values), pieces)
            for endpoint, model in self.effects.items()
        }

    def received_inhibitor(self, arm: NDArray[np.object_]) -> NDArray[np.bool_]:
        """Whether each patient's arm holds a checkpoint inhibitor, shape (n,)."""
        return np.isin(arm, [name for name, model in self.arms.items() if model.inhibitor])


def log_hazards(
    apart: Mapping[str, LogHazard], hidden: Floats, treatment: Treatment
) -> tuple[Floats, Floats]:
    """Return log relative hazards of death and of progression in an arm, both shape (n,)."""
    death, progression = (apart[endpoint].total(treatment) + hidden for endpoint in ENDPOINT_LABELS)
    return death, progression


@dataclass(frozen=True)
class Reference:
    """The random numbers of the reference patients: a Latin hypercube, one named set of columns a stage."""

    patients: int = REFERENCE_PATIENTS

    def uniforms(self, stage: str, columns: int) -> Floats:
        """Return numbers inside (0, 1), shape (patients, columns); each column fills it evenly."""
        rng = stream(REFERENCE_KEY, stage)
        order = np.stack([rng.permutation(self.patients) for _ in range(columns)], axis=1)
        return (order + rng.random(order.shape)) / self.patients

    def normals(self, stage: str) -> Floats:
        """Return standard normal numbers, shape (patients,)."""
        return np.asarray(ndtri(self.uniforms(stage, 1)[:, 0]))


def prepare(plan: Plan, register: Register) -> Population:
    """Solve everything of a plan that does not depend on the patients drawn.

    Raises
    ------
    InputError
        Markers that cannot be drawn, eligibility that lets nobody in, a response rate that does not go
        with the curves.
    """
    spec, reference = plan.spec, Reference()
    chosen = chosen_markers(spec, register)
    markers = MarkerModel.of(chosen, Setting.of(plan.trial, spec.eligibility))
    effects = {
        endpoint: EffectModel.of(chosen, markers.dependence, markers.margins, endpoint)
        for endpoint in ENDPOINT_LABELS
    }
    noise = np.empty((len(markers.drawn), reference.patients))
    for row, name in zip(noise, markers.drawn, strict=True):
        row[:] = reference.normals(f"marker {name}")
    conduct = Conduct.of(
        markers,
        spec.sites,
        spec.missing,
        spec.informative_dropout,
        spec.dropout_per_month,
        spec.unmeasured_log_hazard_sd,
    )
    site, mixed = None, None
    if conduct.sites is not None:
        site = conduct.sites.at(reference.uniforms("sites", 1)[:, 0])
        mixed = partial(conduct.sites.mixed, site=site)
    draw = markers.from_noise(noise, mixed)
    immune = ImmuneModel.of(markers.dependence)
    pieces = immune.pieces(draw)
    published = {endpoint: model.contributions(draw.values) for endpoint, model in effects.items()}
    benefits = {
        endpoint: BenefitModel.of(endpoint, parts, pieces, plan.benefit_weight)
        for endpoint, parts in published.items()
    }
    apart = {endpoint: model.apart(published[endpoint], pieces) for endpoint, model in benefits.items()}
    hidden = spec.unmeasured_log_hazard_sd * reference.normals("unmeasured")
    hidden = hidden + conduct.log_hazard(site, reference.patients)
    fates = reference.uniforms("times", 4)
    enrolled, dropout, _ = conduct.follow_up(
        draw, hidden, reference.uniforms("follow-up", 2), spec.accrual, spec.dropout_per_month
    )
    followed = plan.cut_month - enrolled
    shown = followed > 0
    untreated = reference.uniforms("untreated", 2) if any(map(plan.untreated_share, plan.arms)) else None
    arms, months = {}, {}
    for name in plan.arms:
        treatment = plan.treatment(name)
        death, progression = (np.exp(x) for x in log_hazards(apart, hidden, treatment))
        switch, ratio = None, None
        if spec.crossover is not None and name == plan.control_arm:
            switch, ratio = _switch_hazards(plan, register, name, death, progression)
            hazards = switch.arm_hazards
        else:
            hazards = _arm_hazards(plan, name, death, progression)
        draws = dependent_exponentials(fates, hazards.association)
        if switch is None:
            os, pfs = event_months(hazards, death, progression, draws)
        else:
            would = reference.uniforms("crossover", 1)[:, 0]
            os, pfs, _, _ = switched_months(switch, death, progression, draws, would)
        leaves = dropout
        if untreated is not None:
            leaves = withdrawn(dropout, plan.untreated_share(name), untreated)
        watched = np.minimum(leaves, followed)
        rate = plan.responses[name]
        rule = ResponseRule.meeting(rate.rate, pfs[shown], watched[shown], name, rate.median_duration)
        arms[name] = ArmModel(
            treatment=treatment,
            hazards=hazards,
            response=rule,
            seen_at_first_scan=float((watched[shown] > FIRST_ASSESSMENT_MONTHS).mean()),
            expected_response=float(rule.probability(pfs[shown], watched[shown]).mean()),
            complete_share=COMPLETE_SHARE if rate.complete_share is None else rate.complete_share,
            switch=switch,
            switch_ratio=ratio,
        )
        months[name] = {
            "enrolled_month": enrolled,
            "dropout_months": leaves,
            "os_event_months": os,
            "pfs_event_months": pfs,
        }
    toxicity = Toxicity.of(plan, register, months) if spec.adverse_events else None
    events = {name: times["pfs_event_months"][shown] for name, times in months.items()}
    surgery = SurgeryModel.of(plan, events, np.minimum(dropout, followed)[shown])
    return Population(plan, chosen, markers, effects, benefits, immune, arms, toxicity, surgery, conduct)


def _arm_hazards(plan: Plan, name: str, death: Floats, progression: Floats) -> ArmHazards:
    curves = plan.curves.curves
    return solve_hazards(
        curves[name, "os"], curves[name, "pfs"], death, progression, plan.spec.association,
        _last_figure(plan, name),
    )  # fmt: skip


def _last_figure(plan: Plan, name: str) -> float:
    figures = [f.months for f in plan.curves.figures if f.arm == name and f.built_on]
    return max(figures, default=plan.follow_up_months)


def _switch_hazards(
    plan: Plan, register: Register, name: str, death: Floats, progression: Floats
) -> tuple[SwitchHazards, PooledRatio | None]:
    spec, curves, crossover = plan.spec, plan.curves.curves, plan.spec.crossover or CrossoverSpec()
    pooled, ratio = None, crossover.hazard_ratio
    if ratio is None:
        pooled = post_switch_ratio(register, plan.trial.histology)
        ratio = pooled.estimate
    solved = solve_switch(
        curves[name, "os"], curves[name, "pfs"], death, progression,
        published_shares(plan.trial, crossover, plan.follow_up_months),
        ratio, crossover.delay_months, spec.accrual_months, spec.dropout_per_month, _last_figure(plan, name),
    )  # fmt: skip
    return solved, pooled
