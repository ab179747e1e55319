"""The adverse events that are drawn: organs, how often severe, when they begin, how long they last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from scipy.special import ndtr

from pipeline.schema import Floats
from synthetic_data.evidence import Register
from synthetic_data.follow_up import DAYS_PER_MONTH

WEEK: Final = 7 / DAYS_PER_MONTH
DAY: Final = 1 / DAYS_PER_MONTH
Process = Literal["immune", "engaging", "other"]
# Months at which waiting times are tabulated: an hour to eight years, finer where events begin.
GRID: Final[Floats] = np.concatenate([[0.0], np.geomspace(0.04 * DAY, 96.0, 1500)])


@dataclass(frozen=True)
class EventKind:
    """One kind of adverse event.

    Attributes
    ----------
    share : float
        Of the events of its process, before published figures of single events are met.
    severe_share : float
        Of its events that are of grade 3 or worse, before published figures are met.
    onset_months, onset_spread : float
        Median and standard deviation of the logarithm of the waiting time, lognormal.
    doses : tuple of (weight, months)
        When the agent that causes it is given, where the waiting time runs from each dose.
    duration_months : float
        Median; infinite where it stays.
    timed : bool
        Whether `onset_months` is a published median that the events drawn are to have.
    """

    event: str
    organ: str
    process: Process
    share: float
    severe_share: float
    onset_months: float
    duration_months: float
    onset_spread: float = 1.0
    doses: tuple[tuple[float, float], ...] = ((1.0, 0.0),)
    timed: bool = False

    def begun(self) -> Floats:
        """Share of waiting times that are over, at each month of GRID."""
        with np.errstate(divide="ignore"):
            total = sum(
                weight * ndtr(np.log(np.maximum(GRID - at, 0.0) / self.onset_months) / self.onset_spread)
                for weight, at in self.doses
            )
        return np.asarray(total)


# Shares by organ: four trials of atezolizumab, 1548 patients (JNCCN 18:1191): skin 42 %, laboratory 27 %,
# endocrine 11.6 %, nervous system 7.6 %, lung 6.2 % of patients with an event; split within, and the rest,
# assumed. Onset 0 waits for the register's median. Weeks to resolution: the register's irae_onset_weeks,
# 12 weeks where it has none (assumed). Severe shares are starting values in proportion, assumed.
IMMUNE: Final = (
    EventKind("rash", "skin", "immune", 0.42, 0.06, 0.0, 12.6 * WEEK),
    EventKind("hepatitis", "liver", "immune", 0.24, 0.25, 0.0, 3.0 * WEEK),
    EventKind("hypothyroidism", "thyroid", "immune", 0.07, 0.01, 0.0, np.inf),
    EventKind("hyperthyroidism", "thyroid", "immune", 0.035, 0.01, 0.0, 12.1 * WEEK),
    EventKind("adrenal_insufficiency", "adrenal", "immune", 0.012, 0.3, 0.0, np.inf),
    EventKind("pneumonitis", "lung", "immune", 0.062, 0.3, 0.0, 14.9 * WEEK),
    EventKind("colitis", "bowel", "immune", 0.05, 0.35, 0.0, 5.9 * WEEK),
    EventKind("nephritis", "kidney", "immune", 0.02, 0.3, 0.0, 6.0 * WEEK),
    EventKind("neuropathy", "nervous_system", "immune", 0.07, 0.2, 0.0, 12 * WEEK),
    EventKind("myocarditis", "heart", "immune", 0.01, 0.6, 0.0, 12 * WEEK),
)
REGISTER_NAMES: Final = {"adrenal_insufficiency": "adrenal"}  # where onset tables use another word
CTLA4_COLITIS: Final = 3.0  # CTLA-4 antibodies: colitis so many times as large a share (assumed)

# First-cycle toxicity wanes with the last platinum cycle: median six weeks (assumed), shares and severe
# shares in the order of magnitude of platinum doublets (assumed).
CHEMOTHERAPY: Final = tuple(
    EventKind(event, organ, "other", share, severe, 1.4, weeks * WEEK, 0.8)
    for event, organ, share, severe, weeks in (
        ("neutropenia", "blood", 0.25, 0.6, 1.5),
        ("anaemia", "blood", 0.2, 0.35, 5.0),
        ("thrombocytopenia", "blood", 0.1, 0.35, 2.0),
        ("nausea", "stomach", 0.17, 0.05, 1.5),
        ("fatigue", "whole_body", 0.15, 0.1, 6.0),
        ("pneumonia", "lung", 0.08, 0.65, 2.5),
        ("peripheral_neuropathy", "nervous_system", 0.05, 0.1, 20.0),
    )
)
# Without chemotherapy: what advanced lung cancer itself brings, spread over the treatment (assumed).
BACKGROUND: Final = tuple(
    EventKind(event, organ, "other", share, severe, 4.0, weeks * WEEK, 1.2)
    for event, organ, share, severe, weeks in (
        ("fatigue", "whole_body", 0.3, 0.1, 6.0),
        ("dyspnoea", "lung", 0.2, 0.3, 6.0),
        ("pneumonia", "lung", 0.15, 0.65, 2.5),
        ("anaemia", "blood", 0.15, 0.3, 5.0),
        ("nausea", "stomach", 0.2, 0.05, 1.5),
    )
)
# Some patients react to every dose and some to none: a patient's intensities of cytokine release and its
# neurotoxicity are multiplied by a gamma variable of mean 1 and this variance. Tarlatamab's label gives 43,
# 29 and 9 % with an event after the first, second and later doses, 55 % with any and 24 % with several; 2
# gives 41, 25, 11, 53 and 21 % in DeLLphi-301, no such variable 33, 22, 8, 53 and 10 %.
ENGAGING_FRAILTY: Final = 2.0
ENGAGER_DURATION_DAYS: Final = 5.0  # of a cytokine release where no trial of the agent prints it (assumed)
ENGAGER_ONSET_DAYS: Final = 3.0  # likewise
NEUROTOXICITY_ONSET_DAYS: Final = 6.5
NEUROTOXICITY_DURATION_DAYS: Final = 9.0


def event_kinds(register: Register, agents: frozenset[str]) -> tuple[EventKind, ...]:
    """Return the kinds of adverse event an arm's patients can have, with onset times from the register."""
    # CAR T cells and tumour-infiltrating lymphocytes follow lymphodepleting chemotherapy
    other = CHEMOTHERAPY if agents & {"chemotherapy", "car_t", "til"} else BACKGROUND
    return *_immune(register, agents), *_engaging(register, agents), *other


def _immune(register: Register, agents: frozenset[str]) -> tuple[EventKind, ...]:
    weeks, pooled = (_finding(register, topic) for topic in ("irae_onset_weeks", "irae_onset_pooled"))
    typical = float(pooled["onset_weeks_pd1_all_grade"]["all"])
    # with ipilimumab events begin earlier, in the ratio of the medians over all organs
    pace = float(pooled["onset_weeks_nivoipi_all_grade"]["all"]) / typical if "ctla4" in agents else 1.0
    kinds = []
    for kind in IMMUNE:
        published = weeks["onset_weeks"].get(REGISTER_NAMES.get(kind.event, kind.event))
        more = CTLA4_COLITIS if kind.event == "colitis" and "ctla4" in agents else 1.0
        kinds.append(
            replace(
                kind,
                share=kind.share * more,
                onset_months=float(published or typical) * pace * WEEK,
                timed=True,
            )
        )
    return tuple(kinds)


def _finding(register: Register, topic: str) -> Mapping[str, Any]:
    return next(f.values for f in register.marker("irae").dynamics if f.topic == topic)


def _engaging(register: Register, agents: frozenset[str]) -> tuple[EventKind, ...]:
    if not agents & {"dll3", "car_t"}:
        return ()
    agent = "car_t" if "car_t" in agents else "dll3"
    onset = _days(register, agent, "cytokine_release_onset") or ENGAGER_ONSET_DAYS
    lasting = _days(register, agent, "cytokine_release_duration", "cytokine_release_resolution")
    doses: tuple[tuple[float, float], ...] = ((1.0, 0.0),)
    if agent == "dll3":  # step-up dosing on days 1, 8 and 15; the share with an event falls dose by dose
        by_dose = np.array([0.43, 0.29, 0.09])  # tarlatamab's label
        doses = tuple(
            (float(w), days * DAY) for w, days in zip(by_dose / by_dose.sum(), (0, 7, 14), strict=True)
        )
    later = _days(register, agent, "neurotoxicity_onset") or NEUROTOXICITY_ONSET_DAYS
    staying = _days(register, agent, "neurotoxicity_duration", "neurotoxicity_resolution")
    return (
        EventKind(
            "cytokine_release", "whole_body", "engaging", 0.7, 0.05,
            onset * DAY, (lasting or ENGAGER_DURATION_DAYS) * DAY, 0.6, doses,
        ),
        EventKind(
            "neurotoxicity", "nervous_system", "engaging", 0.3, 0.2,
            later * DAY, (staying or NEUROTOXICITY_DURATION_DAYS) * DAY, 0.6, doses,
        ),
    )  # fmt: skip


def _days(register: Register, agent: str, *names: str) -> float | None:
    """Mean over the register's trials of an agent of a time they print, in days."""
    found = [
        float(value) * unit
        for trial in register.trials.values()
        if any(agent in arm.classes for arm in trial.arms)
        for safety in trial.safety
        for name in names
        for key, unit in ((f"{name}_days", 1.0), (f"{name}_hours", 1 / 24))
        for value in safety.values.get(key, {}).values()
    ]
    return float(np.mean(found)) if found else None
