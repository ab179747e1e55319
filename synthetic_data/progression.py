"""What a trial reports for progression-free survival, and how much longer than it survival is elsewhere."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Final

from pipeline.schema import InputError
from synthetic_data.evidence import TrialSpec
from synthetic_data.evidence.trials import Readout
from synthetic_data.published_figures import ENDPOINT_LABELS, choose_figures, population_of

# What stands for progression-free survival where it is not reported: after surgery an event or a
# recurrence, in a register of routine care what its physicians called progression.
PROGRESSION: Final = ("PFS", "EFS", "DFS", "RFS", "LFS", "rwPFS")
FAMILIES: Final = (
    {"resectable_neoadjuvant", "resectable_perioperative", "resectable_adjuvant"},
    {"stage3_consolidation", "stage3_concurrent_crt"},
    {"ls_sclc_consolidation", "ls_sclc_concurrent_crt"},
    {"es_sclc_1L", "es_sclc_1L_maintenance", "sclc_2L"},
    {"metastatic_1L", "metastatic_2L", "mixed_1L_2L"},
)
FEWEST_ARMS: Final = 2  # that a ratio of medians is averaged over before a wider group is taken
Points = list[tuple[float, float]]


def progression_endpoint(trial: TrialSpec) -> str:
    """Return what the trial reports of PROGRESSION: the first with figures, else with a hazard ratio."""
    if any(population_of(trial, "pfs", a.id) for a in trial.arms):
        return "PFS"
    reported = [label for label in PROGRESSION if any(r.endpoint == label for r in trial.readouts)]
    named = {label: with_progression(trial, label) for label in reported}
    for label, spec in named.items():
        if any(population_of(spec, "pfs", a.id) for a in trial.arms):
            return label
    for label, spec in named.items():
        if figures_by_population(spec, ("pfs",)):
            return label
    with_ratio = {r.endpoint for r in trial.readouts if compares_arms(r)}
    return next((label for label in reported if label in with_ratio), "PFS")


def is_resected(trial: TrialSpec) -> bool:
    """Whether patients have their tumour removed: then recurrence takes the place of progression."""
    return trial.setting in FAMILIES[0] or progression_endpoint(trial) in {"EFS", "DFS", "RFS"}


def with_progression(trial: TrialSpec, label: str) -> TrialSpec:
    """Return `trial` with its endpoint `label` called PFS, and any other PFS out of the way."""
    if label == "PFS":
        return trial
    names = {label: "PFS", "PFS": "PFS2"}
    readouts = tuple(
        r.model_copy(update={"endpoint": names.get(r.endpoint, r.endpoint)}) for r in trial.readouts
    )
    return trial.model_copy(update={"readouts": readouts})


def curve_points(trial: TrialSpec, endpoint: str, arm: str) -> Points:
    """Return months and survival of the figures an arm's curve is built on."""
    return [(f.months, f.survival) for f in choose_figures(trial, endpoint, arm) if f.built_on]


def compares_arms(readout: Readout) -> bool:
    """Whether it gives the hazard ratio of one treatment against another."""
    contrast = readout.contrast
    return contrast is not None and contrast.kind == "treatment" and readout.hazard_ratio is not None


def figures_by_population(trial: TrialSpec, endpoints: Iterable[str]) -> dict[str, int]:
    """Return how many figures each population has that is not defined by what happened after treatment."""
    prognostic = {r.population for r in trial.readouts if r.contrast and r.contrast.kind == "prognostic"}
    counts = {}
    for population in dict.fromkeys(r.population for r in trial.readouts):
        if population in prognostic:
            continue
        there = trial.model_copy(update={"main_population": population})
        counts[population] = sum(
            len(curve_points(there, e, a.id)) for e in endpoints for a in trial.arms
            if population_of(there, e, a.id) == population
        )  # fmt: skip
    return {population: n for population, n in counts.items() if n}


def median_ratio(trial: TrialSpec, trials: Mapping[str, TrialSpec]) -> tuple[float, str]:
    """Return how many times longer than median PFS median OS is in trials like `trial`, and in which.

    The geometric mean over the arms of other trials of the same setting that print both medians; of
    related settings, then of all lung cancer, where fewer than FEWEST_ARMS do.
    """
    own, family = {trial.setting}, next((f for f in FAMILIES if trial.setting in f), {trial.setting})
    if is_resected(trial):
        family = FAMILIES[0]
        own &= family  # the register files some trials of operated patients by their agent
    ratios = {
        (other.setting, other.id, arm.id): ratio
        for other in trials.values()
        if other.lung and other.id != trial.id
        for arm in other.arms
        if (ratio := _ratio_of_medians(other, arm.id)) is not None
    }
    for where, settings in (
        (f"setting {trial.setting}", own),
        (f"settings {', '.join(sorted(family))}", family),
        ("all settings", {setting for setting, _, _ in ratios}),
    ):
        logs = [math.log(r) for (setting, _, _), r in ratios.items() if setting in settings]
        if len(logs) >= FEWEST_ARMS:
            mean = math.exp(sum(logs) / len(logs))
            return mean, f"ratio of median OS to median PFS: geometric mean of {len(logs)} arms, {where}"
    raise InputError(
        f"trial {trial.id} cannot be drawn: no trial of the register prints both medians for an arm, so that "
        "OS cannot be inferred from PFS nor PFS from OS"
    )


def _ratio_of_medians(trial: TrialSpec, arm: str) -> float | None:
    if not any(population_of(trial, "os", a.id) for a in trial.arms):
        return None
    spec = with_progression(trial, progression_endpoint(trial))
    medians = {
        e: next((f.months for f in choose_figures(spec, e, arm) if f.built_on and f.kind == "median"), None)
        for e in ENDPOINT_LABELS
    }
    if medians["os"] is None or medians["pfs"] is None or medians["os"] <= medians["pfs"]:
        return None
    return medians["os"] / medians["pfs"]
