"""Subgroup hazard ratios of a trial, predicted from its whole-trial readouts and from other trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from pipeline.schema import InputError
from synthetic_data.evidence import Register
from synthetic_data.streams import draw_key, stream
from synthetic_data.subgroup_effects import (
    Departures,
    SubgroupEffects,
    calibration,
    learn,
    related_trials,
)
from synthetic_data.subgroup_patients import Exposed, draw_patients, expose, without_trial_subgroups
from synthetic_data.subgroup_readouts import all_subgroup_readouts, asked_readouts

RULES: Final[Mapping[str, str]] = {
    "whole": "equals the whole trial",
    "studies": "biomarker studies only",
    "learnt": "learnt from other trials",
}
COLUMNS: Final = (
    "trial", "endpoint", "experimental", "control", "subgroup", "months", "share", "published", "low", "high",
    "whole_published", "whole", "studies", "learnt", "learnt_low", "learnt_high", "departure", "variance",
    "learnt_from_readouts", "learnt_from_trials", "notes", "source",
)  # fmt: skip


@dataclass(frozen=True)
class Study:
    """Every subgroup of the register that was published beside its whole trial, with its patients drawn.

    Attributes
    ----------
    register : Register
        Without marker effects read off the subgroups of trials (`without_trial_subgroups`).
    patients : int
        Drawn of each trial.
    key : tuple of int
        Each trial is drawn from a stream found from this and its id, so that what is known of one does
        not depend on which others are there.
    exposed : tuple of Exposed
    """

    register: Register
    patients: int
    key: tuple[int, ...]
    exposed: tuple[Exposed, ...]

    @classmethod
    def of(cls, register: Register, n: int, rng: np.random.Generator) -> Study:
        """Draw `n` patients of every trial that published a subgroup's hazard ratio."""
        key = draw_key(rng)
        readouts, _ = all_subgroup_readouts(register.trials.values())
        register = without_trial_subgroups(register)
        exposed: list[Exposed] = []
        for name in dict.fromkeys(r.trial for r in readouts):
            trial = register.trials[name]
            patients = draw_patients(trial, register, n, stream(key, name))
            exposed += expose([r for r in readouts if r.trial == name], patients)
        return cls(register, n, key, tuple(exposed))

    def effects_for(self, trial_id: str) -> SubgroupEffects:
        """Learn from all trials but `trial_id` and those that share patients with it."""
        return learn(departures(self.exposed).without(related_trials(self.register, trial_id)))

    def predict(self, trial_id: str, labels: Sequence[str] = ()) -> pd.DataFrame:
        """Predict the published subgroups of one trial, and those of further `labels`; see COLUMNS.

        Raises
        ------
        InputError
            For a label that is not a condition on markers, or that too few patients fulfil.
        """
        trial = self.register.trials[trial_id]
        own = [e for e in self.exposed if e.readout.trial == trial_id]
        if labels:
            asked = asked_readouts(trial, labels)
            patients = draw_patients(trial, self.register, self.patients, stream(self.key, trial_id))
            more = expose(asked, patients)
            scarce = {r.subgroup.label for r in asked} - {e.readout.subgroup.label for e in more}
            if scarce:
                raise InputError(
                    f"{trial.id}: too few of {self.patients} patients belong to {', '.join(sorted(scarce))}; "
                    "draw more patients, or ask for a larger subgroup"
                )
            own += more
        return _table(own, self.effects_for(trial_id))

    def predict_all(self) -> pd.DataFrame:
        """Predict every published subgroup, each trial's without anything of that trial; see COLUMNS."""
        names = list(dict.fromkeys(e.readout.trial for e in self.exposed))
        tables = [self.predict(name) for name in names]
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(COLUMNS))


def predicted_ratios(
    trial: str, register: Register, n: int, rng: np.random.Generator, labels: Sequence[str] = ()
) -> pd.DataFrame:
    """Predict the subgroup hazard ratios of one trial.

    A subgroup's log hazard ratio is the whole trial's published one plus a departure. The departure
    rests on patients drawn of the trial, on published biomarker studies, and on the subgroups of other
    trials; the trial's own subgroup figures, and those of pools it is part of, are never looked at.

    Parameters
    ----------
    trial : str
        Its name in the register.
    register : Register
    n : int
        Patients to draw of each trial.
    rng : Generator
    labels : sequence of str
        Further subgroups to predict, in the words of the register, such as "never smoker".

    Returns
    -------
    DataFrame
        A row a subgroup, endpoint and pair of arms, with the columns of COLUMNS: hazard ratios as
        published (`low` to `high` its interval; missing for further labels), of the `whole` trial, as
        biomarker `studies` alone give it, and as `learnt`. `learnt_low` to `learnt_high` holds the
        subgroup's true ratio with probability 0.95, if the whole trial's estimate and the departure
        err independently. `departure` is the published log ratio less the whole trial's and
        `variance` its sampling variance.
    """
    return Study.of(register, n, rng).predict(register.trial(trial).id, labels)


def departures(exposed: Sequence[Exposed]) -> Departures:
    """Return what effects are learnt from."""
    return Departures(
        tuple(e.readout.trial for e in exposed),
        np.array([e.studies for e in exposed]),
        np.array([e.readout.departure for e in exposed]),
        np.array([e.readout.variance(e.share) for e in exposed]),
    )


def _table(exposed: Sequence[Exposed], effects: SubgroupEffects) -> pd.DataFrame:
    studies = departures(exposed).studies
    learnt, error = effects.departure(studies), effects.standard_error(studies)
    rows = []
    for e, departure, own in zip(exposed, learnt, error, strict=True):
        r = e.readout
        centre = r.whole_log_ratio + departure
        half = 1.96 * float(np.hypot(r.whole_standard_error, own))
        rows.append(
            (
                r.trial, r.endpoint, r.experimental, r.control, r.subgroup.label, r.follow_up_months, e.share,
                np.exp(r.log_ratio), r.low, r.high, r.whole.label, np.exp(r.whole_log_ratio),
                np.exp(r.whole_log_ratio + e.studies), np.exp(centre), np.exp(centre - half),
                np.exp(centre + half), r.departure, r.variance(e.share), effects.readouts, effects.trials,
                "; ".join(r.subgroup.notes), r.source,
            )
        )  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS))


def with_interval(table: pd.DataFrame) -> pd.DataFrame:
    """Return the predictions whose published ratio has a usable interval."""
    return table[table["low"].notna() & table["high"].notna()]


def score(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Hold predictions against published subgroups, rule by rule.

    Parameters
    ----------
    table : DataFrame
        As `predicted_ratios` returns it; rows without a published ratio are passed over.

    Returns
    -------
    list of dict
        A rule each: `inside` is the share of predictions within the published interval, of `intervals`
        readouts that have one;
        `mean_squared_z` that of (published - predicted departure)² over the departure's sampling
        variance; `less_than_whole` by how much that is below the rule that every subgroup equals its
        trial; `slope`, `low` and `high` regress published on predicted departures (`calibration`).
    """
    known = table[table["published"].notna()]
    rows: list[dict[str, Any]] = []
    for rule, words in RULES.items():
        predicted = np.log(known[rule].to_numpy(dtype=float) / known["whole"].to_numpy(dtype=float))
        residual = known["departure"].to_numpy(dtype=float) - predicted
        squared = float(np.mean(residual**2 / known["variance"].to_numpy(dtype=float)))
        limits = known["low"].notna() & known["high"].notna()
        inside = ((known["low"] <= known[rule]) & (known[rule] <= known["high"]))[limits]
        line = calibration(
            known["departure"].to_numpy(dtype=float), predicted, known["variance"].to_numpy(dtype=float),
            list(known["trial"]),
        )  # fmt: skip
        rows.append(
            {
                "rule": words,
                "readouts": len(known),
                "trials": int(known["trial"].nunique()),
                "intervals": len(inside),
                "inside": float(inside.mean()),
                "mean_squared_z": squared,
                "less_than_whole": 1 - squared / rows[0]["mean_squared_z"] if rows else 0.0,
                **line,
            }
        )
    return rows
