"""Patients drawn of a trial, and what biomarker studies make of the benefit in its subgroups."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pandas as pd

from pipeline.schema import Floats, InputError, Truth
from synthetic_data.cohort import simulate_cohort
from synthetic_data.cohort_spec import CohortSpec
from synthetic_data.evidence import MarkerSpec, Register, TrialSpec
from synthetic_data.evidence.marker_figures import MarkerEffect
from synthetic_data.setting import Eligibility
from synthetic_data.subgroup_labels import PDL1
from synthetic_data.subgroup_readouts import SubgroupReadout
from synthetic_data.survival_curves import SurvivalCurve, cox_hazard_ratio
from synthetic_data.trial_completion import CompletedTrial, complete_trial

FEWEST_MEMBERS: Final = 20  # of those drawn, for a subgroup to be predicted
GRID_MONTHS: Final = 0.25


@dataclass(frozen=True)
class Patients:
    """Patients drawn of one trial: markers, and what their outcomes truly are where these can be drawn.

    Attributes
    ----------
    values : DataFrame, shape (n, columns)
        Markers without defects.
    constants : mapping
        Columns with one value in this trial.
    truth : Truth
    arms : mapping
        Arms of the trial to those of the truth.
    endpoints : mapping
        Published endpoints to "os" and "pfs".
    """

    values: pd.DataFrame
    constants: Mapping[str, object]
    truth: Truth
    arms: Mapping[str, str]
    endpoints: Mapping[str, str]


@dataclass(frozen=True)
class Exposed:
    """A subgroup's readout beside what is known of its patients without it.

    Attributes
    ----------
    readout : SubgroupReadout
    share : float
        Of the whole trial's patients that belong to it.
    studies : float
        Departure that effects of biomarker studies alone would give.
    """

    readout: SubgroupReadout
    share: float
    studies: float


def draw_patients(trial: TrialSpec, register: Register, n: int, rng: np.random.Generator) -> Patients:
    """Draw the patients of a trial and the truth about them under each arm with curves.

    Curves are those of the generator, published or assumed (`trial_completion`). A pool without any
    figure is drawn as the largest of its trials that can be drawn, with arms of the same role.
    Markers act as biomarker studies have it: nothing learnt from subgroups enters.
    """
    drawn, completed = _drawn_trial(trial, register)
    spec = CohortSpec(
        name="subgroups", trial=drawn.id, arms=completed.arms, eligibility=entry_conditions(trial),
        defects=False, benefit_weight=1.0,
    )  # fmt: skip
    cohort = simulate_cohort(spec, n, rng, register)
    assert cohort.truth is not None  # noqa: S101 (simulated)
    known = cohort.truth.patients.loc[cohort.observed.index]
    truth = Truth(known, cohort.truth.hazards)
    arms = {a.id: a.id for a in trial.arms if a.id in completed.arms}
    if drawn is not trial:
        by_role = {drawn.arm(a).role: a for a in reversed(completed.arms)}
        arms = {a.id: by_role[a.role] for a in trial.arms if a.role in by_role}
    endpoints = {"OS": "os", "PFS": "pfs", completed.progression_endpoint: "pfs"}
    return Patients(cohort.observed, _constants(cohort.manifest["markers"]), truth, arms, endpoints)


def _drawn_trial(trial: TrialSpec, register: Register) -> tuple[TrialSpec, CompletedTrial]:
    """Return the trial with its curves completed; of a pool that has none, its largest trial's."""
    try:
        return trial, complete_trial(trial, register.trials)
    except InputError:
        parts = [
            t
            for t in register.trials.values()
            if {t.id, t.registry, *t.other_registries} & set(trial.pooled_from)
        ]
        for part in sorted(parts, key=lambda t: -sum(a.patients or 0 for a in t.arms)):
            try:
                return part, complete_trial(part, register.trials)
            except InputError:
                continue
        raise


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


def expose(readouts: Iterable[SubgroupReadout], patients: Patients) -> list[Exposed]:
    """Work out, for each subgroup, the departure that effects of biomarker studies alone would give.

    It is the ratio to which Cox's estimate tends at the readout's follow-up when a trial in these
    patients is repeated without end, from their average true survival under either arm, against the same
    for the whole trial. Subgroups of fewer than FEWEST_MEMBERS are left out.
    """
    readouts = list(readouts)
    longest = max((r.follow_up[1] for r in readouts), default=0.0)
    months = np.arange(0.0, longest + GRID_MONTHS, GRID_MONTHS)
    survival: dict[tuple[str, str], Floats] = {}
    exposed = []
    for readout in readouts:
        arms = [patients.arms.get(a) for a in (readout.experimental, readout.control)]
        endpoint = patients.endpoints.get(readout.endpoint)
        whole = readout.whole.members(patients.values, patients.constants)
        part = whole & readout.subgroup.members(patients.values, patients.constants)
        if part.sum() < FEWEST_MEMBERS or endpoint is None:
            continue
        curves = []
        for arm in arms:
            if arm is not None and (endpoint, arm) not in survival:
                survival[endpoint, arm] = patients.truth.survival(endpoint, months, arm=arm)
            curves.append(survival.get((endpoint, arm or "")))
        if curves[0] is None or curves[1] is None:
            continue
        of_part, of_whole = (
            limiting_ratio(months, curves[0][g], curves[1][g], readout.follow_up) for g in (part, whole)
        )
        exposed.append(Exposed(readout, float(part.sum() / whole.sum()), math.log(of_part / of_whole)))
    return exposed


def limiting_ratio(
    months: Floats, experimental: Floats, control: Floats, follow_up: tuple[float, float]
) -> float:
    """Hazard ratio to which Cox's estimate tends among patients randomised 1:1 to two arms.

    Parameters
    ----------
    months : array, shape (k,)
        From 0 to the end of follow-up at least.
    experimental, control : array, shape (n, k)
        True survival of the same patients under either arm.
    follow_up : (earliest, latest) potential follow-up in months
    """
    curves = [
        SurvivalCurve(months, -np.log(np.maximum(arm.mean(axis=0), 1e-12))) for arm in (experimental, control)
    ]
    return cox_hazard_ratio(curves[0], curves[1], 0.5, follow_up)
