"""ctDNA response at nine weeks and outcome: the register's hazard ratios, in cohorts that never saw them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from pipeline.landmark.kinetics import LandmarkFeatures
from synthetic_data.evidence.markers import Effect
from synthetic_data.evidence.register import load_marker
from synthetic_data.evidence.values import Ratio
from synthetic_data.fidelity import two_arm_hazard_ratio
from synthetic_data.trajectories import VisitSpec

from .drawn_visits import DAY, drawn, visits_of

SERIES = "ctdna_molecules_per_ml"
LANDMARK_MONTHS = 63 * DAY  # day 1 of cycle 4, nine weeks, as in IMpower131
EVENTS = {"PFS": ("pfs_months", "progressed_or_died"), "OS": ("os_months", "died")}
THREE_WEEKLY = VisitSpec(every_weeks=3, until_months=3, assays=("tumour_size", "ctdna"))
# An inhibitor alone, in first and second line, and with chemotherapy: what the meta-analyses pool.
ICI_ARMS = {
    "KEYNOTE-042": "pembrolizumab",
    "KEYNOTE-189": "pembrolizumab_chemo",
    "IMpower131": "a_cnp",
    "IMpower150": "abcp",
    "POPLAR": "atezolizumab",
}
DEFINITIONS = {
    "decrease/clearance": "halved",
    "reduction/response": "halved",
    "early reduction": "halved",
    "complete molecular response (100% VAF reduction)": "cleared",
    "clearance": "cleared",
    "ctDNA-": "cleared",  # of 96 % with ctDNA before treatment
}
FEWEST_PATIENTS = 200
PER_TRIAL = 2500


@dataclass(frozen=True)
class LogRatio:
    value: float
    variance: float


def published() -> Iterator[tuple[str, Effect]]:
    """Lung cancer, an inhibitor in all or some, hazard ratios with an interval; not single small series."""
    for effect in load_marker("ctdna_response").effects:
        small = effect.patients is not None and effect.patients < FEWEST_PATIENTS
        of_lung = "solid" not in (effect.population or "")
        if (
            effect.measure == "hazard_ratio"
            and effect.ratio
            and effect.ratio.interval
            and of_lung
            and not small
        ):
            yield f"{effect.endpoint} {effect.contrast.first}, {effect.ratio.estimate}", effect


def responders(
    trial: str, arm: str, shuffle: bool = False, landmark: float = LANDMARK_MONTHS
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Patients of an arm, and what their ctDNA has shown by the landmark."""
    cohort = drawn(PER_TRIAL, trial=trial, visits=THREE_WEEKLY)
    visits = visits_of(cohort)
    table = cohort.observed[cohort.observed["arm"] == arm]
    features = LandmarkFeatures().fit(visits, table.index)
    shown = features.transform(visits, table.index, landmark)
    if shuffle:  # each gets the course of another patient of the arm
        order = np.random.default_rng(7).permutation(len(shown))
        shown = shown.iloc[order].set_axis(shown.index)
    return table, shown


def compared(table: pd.DataFrame, group: pd.Series, endpoint: str, landmark: float) -> LogRatio:
    """Cox's log hazard ratio of those in the group, of patients without the event by the landmark."""
    months, event = EVENTS[endpoint]
    kept = group.notna() & (table[months] > landmark)
    group, table = group[kept] == 1, table[kept]
    ratio = two_arm_hazard_ratio(
        table[months].to_numpy(dtype=float), table[event].to_numpy(dtype=bool), group.to_numpy()
    )
    return LogRatio(math.log(ratio), float((1 / table[event].groupby(group).sum()).sum()))


def log_ratio(trial: str, endpoint: str, definition: str, shuffle: bool = False) -> LogRatio:
    table, shown = responders(trial, ICI_ARMS[trial], shuffle)
    return compared(table, shown[f"{SERIES}__{definition}"], endpoint, LANDMARK_MONTHS)


def pooled(endpoint: str, definition: str, shuffle: bool = False) -> LogRatio:
    """Random-effects mean over the trials (equal weights), as the meta-analyses have."""
    single = [log_ratio(t, endpoint, definition, shuffle) for t in ICI_ARMS]
    values = np.array([s.value for s in single])
    return LogRatio(float(values.mean()), float(values.var(ddof=1)) / len(values))


def off(effect: Effect, made: LogRatio) -> float:
    """Standard errors, of both together, that a drawn log hazard ratio lies from the published one."""
    ratio = effect.ratio
    assert ratio is not None
    assert ratio.interval is not None
    low, high = ratio.interval
    error = math.log(high / low) / (2 * 1.96)
    return abs(made.value - math.log(ratio.estimate or 1.0)) / math.sqrt(error**2 + made.variance)


def drawn_beside(effect: Effect, shuffle: bool = False) -> LogRatio:
    definition = DEFINITIONS[str(effect.contrast.first)]
    if "IMpower131" in (effect.population or ""):
        return log_ratio("IMpower131", effect.endpoint, definition, shuffle)
    return pooled(effect.endpoint, definition, shuffle)


EFFECTS = dict(published())


def test_the_register_is_read() -> None:
    assert len(EFFECTS) >= 12
    assert {e.endpoint for e in EFFECTS.values()} == set(EVENTS)


@pytest.mark.parametrize("name", EFFECTS)
def test_ctdna_response_has_the_published_hazard_ratio(name: str) -> None:
    made = drawn_beside(EFFECTS[name])
    assert off(EFFECTS[name], made) < 1.96, math.exp(made.value)


@pytest.mark.parametrize("name", EFFECTS)
def test_the_course_of_another_patient_does_not_have_it(name: str) -> None:
    assert off(EFFECTS[name], drawn_beside(EFFECTS[name], shuffle=True)) > 3


def model_of_impower150() -> dict[str, Ratio]:
    """Hazard ratios of a ctDNA model up to cycle 3, day 1, within stable disease and partial response."""
    dynamics = next(d for d in load_marker("ctdna_response").dynamics if d.topic == "ctdna_model_imp150")
    named = {r.label: r.ratio for r in dynamics.ratios}
    return {"SD": named["stable disease"], "PR": named["partial response"]}


@pytest.mark.parametrize("response", ["SD", "PR"])
def test_ctdna_tells_survival_among_patients_with_the_same_response(response: str) -> None:
    # nothing was set by these: they are from the model's own report
    cycle_3 = 42 * DAY
    table, shown = responders("IMpower150", "abcp", landmark=cycle_3)
    table = table[table["best_response"] == response]
    made = compared(table, shown.loc[table.index, f"{SERIES}__fell_90"], "OS", cycle_3)
    interval = model_of_impower150()[response].interval
    assert interval is not None
    assert interval[0] < math.exp(-made.value) < interval[1]


def test_levels_fall_as_far_as_published() -> None:
    cohort = drawn(PER_TRIAL, visits=THREE_WEEKLY)
    table, shown = responders("KEYNOTE-189", "pembrolizumab_chemo")
    change = shown[f"{SERIES}__change"] * math.log(2)
    responds = cohort.observed.loc[table.index, "best_response"].isin(["CR", "PR"])
    (found,) = [d.values for d in load_marker("ctdna_response").dynamics if "ratio_responders" in d.values]
    evaluable = 51  # of 67, about half of them responders
    for group, name in ((responds, "ratio_responders"), (~responds, "ratio_nonresponders")):
        error = change[group].std() / math.sqrt(evaluable / 2)
        assert abs(change[group].mean() - math.log(found[name]["all"])) < 1.96 * error, name


def rises(progressed: bool) -> float:
    """Share with a rise over the lowest value: at progression, or at the first visits long before it."""
    cohort = drawn(PER_TRIAL, visits=VisitSpec(every_weeks=3, until_months=18, assays=("ctdna",)))
    assert cohort.truth is not None
    times = cohort.truth.patients[["pfs_event_months", "os_event_months"]]
    table = visits_of(cohort).dropna(subset=[SERIES]).join(times, on="patient")
    table = table[table["pfs_event_months"] < table["os_event_months"]]
    lowest = table.groupby("patient")[SERIES].cummin()
    table = table.assign(rose=(table[SERIES] > 1.3 * lowest) & (table[SERIES] >= 1))
    table = table[table.groupby("patient")[SERIES].transform("max") > 0]  # of shedders
    ahead = table["pfs_event_months"] - table["months"]
    return float(table[(ahead <= 0) & ~table["planned"] if progressed else ahead > 3]["rose"].mean())


def test_ctdna_rises_by_progression_and_seldom_long_before() -> None:
    (sensitivity,) = [
        d.values["sensitivity_pd"]["all"]
        for d in load_marker("ctdna_response").dynamics
        if "sensitivity_pd" in d.values
    ]
    error = math.sqrt(sensitivity * (1 - sensitivity) / 73)
    assert abs(rises(progressed=True) - sensitivity) < 1.96 * error
    assert rises(progressed=False) < 0.3
