"""Patients drawn of a trial, and how those of a subgroup differ from the whole."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import brentq

from pipeline.schema import Floats, InputError, Truth
from synthetic_data.cohort import simulate_cohort
from synthetic_data.cohort_spec import CohortSpec
from synthetic_data.effects import conditional_log_hazards
from synthetic_data.evidence import MarkerSpec, Register, TrialSpec
from synthetic_data.evidence.marker_figures import MarkerEffect
from synthetic_data.markers import draw_markers
from synthetic_data.published_figures import ENDPOINT_LABELS, drawable_arms
from synthetic_data.setting import Eligibility, Setting
from synthetic_data.subgroup_effects import TERMS
from synthetic_data.subgroup_labels import PDL1, TMB, read_label
from synthetic_data.subgroup_readouts import SubgroupReadout
from synthetic_data.survival_curves import SurvivalCurve, cox_hazard_ratio

FEWEST_MEMBERS: Final = 20  # of those drawn, for a subgroup to be predicted
GRID_MONTHS: Final = 0.25
STAND_IN_SURVIVAL: Final = 0.5  # of the control arm at the end of follow-up, where no curve is known
STAND_IN_KNOTS: Final = 25
UNMEASURED: Final = 0.5  # spread of log hazard no marker shows, as in a cohort that is drawn (CohortSpec)


@dataclass(frozen=True)
class Patients:
    """Patients drawn of one trial: markers, and what their outcomes truly are where these can be drawn.

    Attributes
    ----------
    values : DataFrame, shape (n, columns)
        Markers without defects.
    constants : mapping
        Columns with one value in this trial.
    truth : Truth or None
        None where the trial has no curves for overall and progression-free survival.
    log_hazards : mapping
        (endpoint, with a checkpoint inhibitor) to log relative hazards; "pfs" stands for progression.
    """

    values: pd.DataFrame
    constants: Mapping[str, object]
    truth: Truth | None
    log_hazards: Mapping[tuple[str, bool], Floats]

    def scores(self) -> dict[str, Floats]:
        """How much of each effect modifier each patient has, by its name in `TERMS`."""
        return {name: score(self) for name, score in SCORES.items()}

    def number(self, column: str) -> Floats:
        """Return a column as numbers: one for all where the trial has one value, 0 where none is known."""
        if column in self.values:
            return self.values[column].to_numpy(dtype=float)
        constant = self.constants.get(column, 0.0)
        return np.full(len(self.values), float(constant))  # type: ignore[arg-type]


SCORES: Final[Mapping[str, Callable[[Patients], Floats]]] = {
    "pdl1": lambda p: np.log1p(p.number(PDL1)) / math.log(101),  # 0 at 0 %, 1 at 100 %
    "tmb": lambda p: np.log(np.maximum(p.number(TMB), 0.1)),
    "squamous": lambda p: p.number("squamous"),
    "never_smoker": lambda p: read_label("never smoker").members(p.values, p.constants).astype(float),
    "male": lambda p: p.number("male"),
    "age_65": lambda p: (p.number("age_years") >= 65).astype(float),
    "liver_metastases": lambda p: p.number("liver_metastases"),
    "brain_metastases": lambda p: p.number("brain_metastases"),
    "egfr_mutant": lambda p: p.number("egfr_mutant"),
    "kras_mutant": lambda p: p.number("kras_mutant"),
    "stk11_mutant": lambda p: p.number("stk11_mutant"),
    "keap1_mutant": lambda p: p.number("keap1_mutant"),
}  # fmt: skip


@dataclass(frozen=True)
class Exposed:
    """A subgroup's readout beside what is known of its patients without it.

    Attributes
    ----------
    readout : SubgroupReadout
    share : float
        Of the whole trial's patients that belong to it.
    design : array, shape (len(TERMS),)
        What its departure is regressed on.
    method : str
        How the first term was had: from true curves, or from stand-ins.
    """

    readout: SubgroupReadout
    share: float
    design: Floats
    method: str


def draw_patients(trial: TrialSpec, register: Register, n: int, rng: np.random.Generator) -> Patients:
    """Draw the patients of a trial, with the truth about them where the trial can be drawn."""
    eligibility = entry_conditions(trial)
    if not _drawable(trial):
        markers = {name: m for name, m in register.markers.items() if m.simulate is not None}
        draw = draw_markers(markers, Setting.of(trial, eligibility), n, rng)
        hidden = UNMEASURED * rng.standard_normal(n)
        log_hazards = {
            (endpoint, inhibitor): hidden
            + conditional_log_hazards(markers, draw, endpoint, inhibitor).to_numpy().sum(axis=1)
            for endpoint in ENDPOINT_LABELS
            for inhibitor in (True, False)
        }
        return Patients(draw.values, _constants(draw.report), None, log_hazards)
    spec = CohortSpec(name="subgroups", trial=trial.id, eligibility=eligibility, defects=False)
    cohort = simulate_cohort(spec, n, rng, register)
    assert cohort.truth is not None  # noqa: S101 (simulated)
    known = cohort.truth.patients.loc[cohort.observed.index]
    log_hazards = {
        (endpoint, trial.arm(arm).has_checkpoint_inhibitor): known[f"{cause}_log_hazard[{arm}]"].to_numpy()
        for arm in cohort.truth.arms
        for endpoint, cause in (("os", "os"), ("pfs", "progression"))
    }
    truth = Truth(known, cohort.truth.hazards)
    return Patients(cohort.observed, _constants(cohort.manifest["markers"]), truth, log_hazards)


def _drawable(trial: TrialSpec) -> bool:
    """Whether arms with, and arms without, a checkpoint inhibitor can be drawn where the trial has them."""
    try:
        drawn = drawable_arms(trial)
    except InputError:
        return False
    return {trial.arm(a).has_checkpoint_inhibitor for a in drawn} == {
        a.has_checkpoint_inhibitor for a in trial.arms
    }


def _constants(report: Mapping[str, Any]) -> dict[str, object]:
    """Columns with one value, from the account of the markers; yes-or-no ones as truth values."""
    states = {"true": True, "false": False}
    columns: Mapping[str, Mapping[str, Any]] = report["columns"]
    return {c: states.get(e["constant"], e["constant"]) for c, e in columns.items() if "constant" in e}


def without_trial_subgroups(register: Register) -> Register:
    """Return the register without marker effects that were read off subgroups of randomised trials.

    Such a figure, from a meta-analysis of trials, may rest on the very subgroups that are predicted.
    What is left are studies of patients by marker.
    """

    def from_trials(marker: MarkerSpec, effect: MarkerEffect) -> bool:
        source = register.marker(effect.published_marker) if effect.published_marker else marker
        return effect.published is not None and source.effects[effect.published].kind == "treatment_effect"

    markers = {}
    for name, marker in register.markers.items():
        if marker.simulate is not None:
            kept = tuple(e for e in marker.simulate.effects if not from_trials(marker, e))
            marker = marker.model_copy(
                update={"simulate": marker.simulate.model_copy(update={"effects": kept})}
            )
        markers[name] = marker
    return replace(register, markers=MappingProxyType(markers))


def entry_conditions(trial: TrialSpec) -> dict[str, Eligibility]:
    """Return the PD-L1 expression a trial asked of all patients, from the head of its selection."""
    match = re.match(r"PD-L1 (?:TPS |TC )?>= ?(\d+)%", trial.selection)
    return {PDL1: Eligibility(at_least=float(match[1]))} if match else {}


def expose(trial: TrialSpec, readouts: Iterable[SubgroupReadout], patients: Patients) -> list[Exposed]:
    """Work out, for each subgroup, what its departure from the whole trial is regressed on.

    The first term is the departure that effects of biomarker studies alone would give: the ratio to
    which Cox's estimate tends at the readout's follow-up when a trial in these patients is repeated
    without end, from their average true survival under either arm, against the same for the whole
    trial. Where the arms have no such curves, stand-ins take their place (`stand_in_ratio`). The
    others say how the subgroup's patients differ from the whole, in trials that set a checkpoint
    inhibitor against none; elsewhere there is nothing that could be carried over.
    """
    scores = patients.scores()
    exposed = []
    for readout in readouts:
        whole = readout.whole.members(patients.values, patients.constants)
        part = whole & readout.subgroup.members(patients.values, patients.constants)
        if part.sum() < FEWEST_MEMBERS:
            continue
        studies, method = _studies_departure(trial, readout, patients, part, whole)
        shifts = [
            float(scores[name][part].mean() - scores[name][whole].mean())
            * adds_checkpoint_inhibitor(trial, readout)
            for name in TERMS[1:]
        ]
        share = float(part.sum() / whole.sum())
        exposed.append(Exposed(readout, share, np.array([studies, *shifts]), method))
    return exposed


def adds_checkpoint_inhibitor(trial: TrialSpec, readout: SubgroupReadout) -> bool:
    """Whether only the experimental arm has a checkpoint inhibitor."""
    experimental, control = trial.arm(readout.experimental), trial.arm(readout.control)
    return experimental.has_checkpoint_inhibitor and not control.has_checkpoint_inhibitor


def _studies_departure(
    trial: TrialSpec,
    readout: SubgroupReadout,
    patients: Patients,
    part: NDArray[np.bool_],
    whole: NDArray[np.bool_],
) -> tuple[float, str]:
    arms = (readout.experimental, readout.control)
    truth = patients.truth
    endpoint = {label: name for name, label in ENDPOINT_LABELS.items()}.get(readout.endpoint)
    if truth is not None and endpoint is not None and set(arms) <= set(truth.arms):
        ratios = [true_ratio(truth, endpoint, arms, group, readout.follow_up) for group in (part, whole)]
        return math.log(ratios[0] / ratios[1]), "true curves"
    relative = [
        np.exp(patients.log_hazards[endpoint or "pfs", trial.arm(arm).has_checkpoint_inhibitor])
        for arm in arms
    ]
    ratios = [stand_in_ratio(relative[0], relative[1], group, whole) for group in (part, whole)]
    return math.log(ratios[0] / ratios[1]), "stand-in curves"


def stand_in_ratio(
    experimental: Floats, control: Floats, group: NDArray[np.bool_], whole: NDArray[np.bool_]
) -> float:
    """Hazard ratio among `group` in a trial of unknown curves, from relative hazards under either arm.

    Baseline hazards are constant, the same in both arms, and such that half the `whole` control arm
    has had the event when everybody has been followed for one unit of time.
    """

    def free(rate: float) -> float:
        return float(np.exp(-rate * control[whole]).mean()) - STAND_IN_SURVIVAL

    rate = float(brentq(free, 0.0, 1e6 / float(np.median(control[whole]))))
    months = np.linspace(0.0, 1.0, STAND_IN_KNOTS)
    curves = []
    for relative in (experimental, control):
        survival = np.array([np.exp(-rate * m * relative[group]).mean() for m in months])
        curves.append(SurvivalCurve(months, -np.log(survival)))
    return cox_hazard_ratio(curves[0], curves[1], 0.5, (1.0, 1.0))


def true_ratio(
    truth: Truth,
    endpoint: str,
    arms: tuple[str, str],
    group: NDArray[np.bool_],
    follow_up: tuple[float, float],
) -> float:
    """Hazard ratio to which Cox's estimate tends among `group`, randomised 1:1 to the two arms.

    Parameters
    ----------
    truth : Truth
    endpoint : {"os", "pfs"}
    arms : (experimental, control)
    group : array of bool, shape (n,)
    follow_up : (earliest, latest) potential follow-up in months
    """
    months = np.arange(0.0, follow_up[1] + GRID_MONTHS, GRID_MONTHS)
    members = truth.patients.index[group]
    curves = []
    for arm in arms:
        survival = truth.survival(endpoint, months, members, arm).mean(axis=0)
        curves.append(SurvivalCurve(months, -np.log(np.maximum(survival, 1e-12))))
    return cox_hazard_ratio(curves[0], curves[1], 0.5, follow_up)
