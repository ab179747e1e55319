"""Adverse events in time: each kind a counting process that runs while a patient is treated and observed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.schema import Floats
from synthetic_data.adverse_event_kinds import ENGAGING_FRAILTY, GRID, event_kinds
from synthetic_data.cohort_spec import Plan
from synthetic_data.event_intensities import Intensities, solve_intensities
from synthetic_data.evidence import Register
from synthetic_data.follow_up import DAYS_PER_MONTH
from synthetic_data.safety_figures import SafetyFigure, arm_agents, safety_figures

AFTER_TREATMENT_MONTHS: Final = 90 / DAYS_PER_MONTH  # events count up to 90 days after the last dose
PLANNED_MONTHS: Final = 24.0  # of treatment, unless it ends by progression: two years (assumed)
PLANNED_MONTHS_CURATIVE: Final = 12.0  # one year after surgery or chemoradiation (assumed)
MODERATE_SHARE: Final = 0.5  # of events below grade 3 that are of grade 2 (assumed)
LIFE_THREATENING_SHARE: Final = 0.2  # of events of grade 3 or worse that are of grade 4 (assumed)
FATAL_WITHIN_MONTHS: Final = 1.0
FATAL_SHARE: Final = 0.25  # of severe events a patient dies within a month of: called grade 5 (assumed)
DURATION_SPREAD: Final = 0.7  # of the logarithm of durations (assumed)
STEPS: Final = 2_048  # windows an arm's intensities are solved on

ASSUMPTIONS: Final = (
    "events of a kind are a Poisson process in time; it runs until 90 days after treatment ends, death, or "
    "drop-out; treatment ends with progression or as planned",
    "patients differ in how prone they are to cytokine release and its neurotoxicity, both at once (gamma "
    "distributed, variance 2), and in nothing else",
    "adverse events neither stop treatment nor change the hazard of progression or death: a patient with an "
    "event has the true hazard ratio 1 against the same patient without",
    "a severe event within a month of which the patient dies is of grade 5 in one of four cases",
    "kinds of event without a published figure share what is left of their process in fixed proportions",
)


@dataclass(frozen=True)
class Toxicity:
    """The processes of adverse events of every arm, solved for its population; holds no patient.

    Attributes
    ----------
    arms : mapping
        Arm -> its intensities.
    account : dict
        Ready for JSON.
    """

    plan: Plan
    arms: Mapping[str, Intensities]
    account: dict[str, Any]

    @classmethod
    def of(cls, plan: Plan, register: Register, population: Mapping[str, Mapping[str, Floats]]) -> Toxicity:
        """Solve the intensities that give each arm's population the published shares.

        Parameters
        ----------
        plan : Plan
        register : Register
            For published safety figures and onset times.
        population : mapping
            Arm -> `enrolled_month`, `dropout_months`, `os_event_months` and `pfs_event_months` of many
            patients under it.
        """
        solved, account = {}, {}
        for name in plan.arms:
            arm = plan.trial.arm(name)
            figures = safety_figures(plan.trial, arm, register.trials)
            kinds = event_kinds(register, arm_agents(plan.trial, arm))
            windows = {
                target: _compressed(treated_windows(plan, population[name], f.follow_up_months))
                for target, f in figures.items()
            }
            typical = _compressed(treated_windows(plan, population[name], None))
            solved[name] = solve_intensities(kinds, figures, windows, typical)
            account[name] = _account(solved[name], figures)
        whole = {"true_hazard_ratio": 1.0, "assumptions": list(ASSUMPTIONS), "arms": account}
        return cls(plan, solved, whole)

    def draw(self, patients: pd.DataFrame, observed: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        """Draw the adverse events of patients as their database shows them.

        Parameters
        ----------
        patients : DataFrame
            The truth, indexed by patient: `arm`, `enrolled_month`, `dropout_months`, `os_event_months`,
            `pfs_event_months`.
        observed : DataFrame
            Of the patients enrolled by the cut: `os_months` and `died`.
        rng : Generator

        Returns
        -------
        DataFrame
            Events in whole days, by patient and time of onset. Events of one kind that overlap are one,
            with the worst grade. Who lives longer free of progression is treated longer and has more
            events: comparing patients who ever had one with those who never had compares long with
            short lives.
        """
        columns = ["arm", "enrolled_month", "dropout_months", "os_event_months", "pfs_event_months"]
        shown = patients[columns].loc[observed.index] if len(observed) < len(patients) else patients[columns]
        tables = []
        for (name, solved), child in zip(self.arms.items(), rng.spawn(len(self.arms)), strict=True):
            rows = shown[(shown["arm"] == name).to_numpy()]
            known = {c: rows[c].to_numpy(dtype=float) for c in columns[1:]}
            windows = treated_windows(self.plan, known, None)
            tables.append(_draw_arm(solved, windows, observed.loc[rows.index], child))
        events = pd.concat(tables, ignore_index=True)
        order = pd.Index(observed.index).get_indexer(pd.Index(events["patient"]))
        return events.iloc[np.lexsort((events["onset_months"], order))].reset_index(drop=True)


def joined_events(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the events of all blocks of a cohort as one table."""
    events = pd.concat(tables, ignore_index=True)
    for column in ("event", "organ"):
        events[column] = pd.Categorical(events[column])
    return events


def treated_windows(plan: Plan, patients: Mapping[str, Floats], follow_up_months: float | None) -> Floats:
    """Months for which each patient can have a counted adverse event, shape (n,).

    From the first dose until 90 days after the end of treatment, death, drop-out or the cut of a
    publication with that median follow-up (the cohort's own when None); negative for patients who
    enrol after that cut.
    """
    months = plan.follow_up_months if follow_up_months is None else follow_up_months
    curative = plan.trial.setting.startswith(("stage3", "ls_sclc", "resectable"))
    planned = PLANNED_MONTHS_CURATIVE if curative else PLANNED_MONTHS
    treated = np.minimum(patients["pfs_event_months"], planned)
    cut = plan.spec.accrual.cut_month(months) - patients["enrolled_month"]
    until: Floats = np.minimum.reduce([
        treated + AFTER_TREATMENT_MONTHS,
        patients["os_event_months"],
        patients["dropout_months"],
        cut,
    ])  # fmt: skip
    return until


def _compressed(windows: Floats) -> Floats:
    """Windows of the patients enrolled by the cut; of many, as many quantiles as are solved on."""
    begun = np.sort(windows[windows > 0])
    if len(begun) <= STEPS:
        return begun
    middle = (np.arange(STEPS) + 0.5) / STEPS * len(begun)
    return np.asarray(begun[middle.astype(int)])


def _draw_arm(
    solved: Intensities, windows: Floats, observed: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    counts_rng, onset_rng, grade_rng, duration_rng, frailty_rng = rng.spawn(5)
    frailty = frailty_rng.gamma(1 / ENGAGING_FRAILTY, ENGAGING_FRAILTY, len(windows))
    patient, kind, onset, severe = [], [], [], []
    for k, (intensity, begun) in enumerate(zip(solved.total, solved.begun, strict=True)):
        until = np.interp(windows, GRID, begun)
        engaging = solved.kinds[k].process == "engaging"
        count = counts_rng.poisson(intensity * until * (frailty if engaging else 1.0))
        who = np.repeat(np.arange(len(windows)), count)
        share = onset_rng.random(len(who)) * until[who]
        patient.append(who)
        kind.append(np.full(len(who), k))
        onset.append(np.minimum(_inverse(begun, share), windows[who]))
        severe.append(np.full(len(who), solved.severe_share[k]))
    who, what = np.concatenate(patient), np.concatenate(kind)
    began = np.ceil(np.concatenate(onset) * DAYS_PER_MONTH) / DAYS_PER_MONTH
    grade = _grades(np.concatenate(severe), grade_rng)
    last, died = observed["os_months"].to_numpy(dtype=float)[who], observed["died"].to_numpy(dtype=bool)[who]
    fatal = (grade >= 3) & died & (last - began <= FATAL_WITHIN_MONTHS)
    fatal &= grade_rng.random(len(who)) < FATAL_SHARE
    median = np.array([k.duration_months for k in solved.kinds])[what]
    lasting = median * np.exp(DURATION_SPREAD * duration_rng.standard_normal(len(who)))
    end = began + np.maximum(np.ceil(lasting * DAYS_PER_MONTH), 1.0) / DAYS_PER_MONTH
    end[fatal] = np.inf
    who, what, began, end, grade, fatal = _episodes(who, what, began, end, grade, fatal)
    last = observed["os_months"].to_numpy(dtype=float)[who]
    began = np.minimum(began, last)
    names = np.array([k.event for k in solved.kinds], dtype=object)
    organs = np.array([k.organ for k in solved.kinds], dtype=object)
    immune = np.array([k.process == "immune" for k in solved.kinds])
    return pd.DataFrame(
        {
            "patient": observed.index.to_numpy()[who],
            "event": names[what],
            "organ": organs[what],
            "immune_mediated": immune[what],
            "grade": np.where(fatal, 5, grade),
            "onset_months": began,
            "duration_months": np.minimum(end, last) - began,
            "resolved": end < last,
        }
    )


def _inverse(begun: Floats, share: Floats) -> Floats:
    rising = np.concatenate([[True], np.diff(begun) > 0])
    return np.asarray(np.interp(share, begun[rising], GRID[rising]))


def _grades(severe_share: Floats, rng: np.random.Generator) -> NDArray[np.int64]:
    u, v = rng.random((2, len(severe_share)))
    worse = np.where(v < LIFE_THREATENING_SHARE, 4, 3)
    return np.where(u < severe_share, worse, np.where(v < MODERATE_SHARE, 2, 1))


def _episodes(
    who: NDArray[np.intp],
    what: NDArray[np.intp],
    began: Floats,
    end: Floats,
    grade: NDArray[np.int64],
    fatal: NDArray[np.bool_],
) -> tuple[Any, ...]:
    """Join events of one patient and kind that overlap: first onset, last end, worst grade."""
    if not len(who):
        return who, what, began, end, grade, fatal
    order = np.lexsort((began, what, who))
    who, what, grade, fatal = who[order], what[order], grade[order], fatal[order]
    began, end = began[order], end[order]
    group = np.cumsum(np.concatenate([[True], (np.diff(who) != 0) | (np.diff(what) != 0)]))
    far = 1_000.0  # months; beyond every window, so that ends of one group never reach into the next
    covered = np.maximum.accumulate(group * 2 * far + np.minimum(end, far))
    new = np.concatenate([[True], (group[1:] * 2 * far + began[1:]) > covered[:-1]])
    first = np.flatnonzero(new)
    return (
        who[first],
        what[first],
        began[first],
        np.maximum.reduceat(end, first),
        np.maximum.reduceat(grade, first),
        np.logical_or.reduceat(fatal, first),
    )


def _account(solved: Intensities, figures: Mapping[str, SafetyFigure]) -> dict[str, Any]:
    return {
        "figures": [
            f.__dict__
            | {"expected": solved.expected.get(target), "left_out": solved.left_out.get(target, "")}
            for target, f in figures.items()
        ],
        "kinds": [
            {
                "event": k.event,
                "organ": k.organ,
                "process": k.process,
                "expected_events_if_never_stopped": float(total),
                "severe_share": float(severe),
                "median_onset_months": float(onset),
                "published_onset_months": k.onset_months if k.timed else None,
                "median_duration_months": k.duration_months if np.isfinite(k.duration_months) else None,
            }
            for k, total, severe, onset in zip(
                solved.kinds, solved.total, solved.severe_share, solved.onset_months, strict=True
            )
        ],
        "notes": list(solved.notes),
    }


def ever(events: pd.DataFrame, patients: pd.Index, kinds: Sequence[str] | None = None) -> NDArray[np.bool_]:
    """Whether each of `patients` ever had an immune-mediated event (or one of `kinds`), shape (n,).

    Knowing it at time zero is looking into the future: see `Toxicity.draw`.
    """
    rows = events["immune_mediated"] if kinds is None else events["event"].isin(kinds)
    return np.asarray(patients.isin(events.loc[rows, "patient"]))
