"""Do patients with an adverse event live longer? The wrong answer beside right ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.schema import ENDPOINTS, Cohort, Floats, InputError, lookup

LEVEL: Final = 0.95
METHODS: Final = {
    "ever_v_never": "Ever v never: whoever lives longer has longer to have an event; biased downward",
    "landmark": "Landmark: by what had happened at the landmark, among those still followed then",
    "time_dependent": "Time-dependent: a patient counts as having had the event from its onset on",
    "time_dependent_progression": "Time-dependent, and progression as a second time-dependent factor",
}


@dataclass(frozen=True)
class Onsets:
    """When each patient first had an adverse event, and how long each was followed.

    Attributes
    ----------
    onset_months : array, shape (n,)
        Infinite for patients who had none.
    months, event : array, shape (n,)
        Of the endpoint.
    progression_months : array, shape (n,)
        Infinite where none was seen before death; not used for progression-free survival.
    covariates : array, shape (n, k)
        Arms but for the control, as 0 or 1.
    """

    onset_months: Floats
    months: Floats
    event: NDArray[np.bool_]
    progression_months: Floats
    covariates: Floats


def onsets_of(cohort: Cohort, endpoint: str, kinds: Sequence[str] | None = None) -> Onsets:
    """Return first onsets of immune-mediated events, or of those in `kinds`, with the endpoint's outcome.

    Raises
    ------
    InputError
        When the cohort has no adverse events, a kind is unknown, or nobody had one.
    """
    if cohort.events is None:
        raise InputError(f"cohort {cohort.name!r} holds no adverse events")
    events = cohort.events
    names = events["event"].astype(str)
    if kinds is None:
        chosen = events["immune_mediated"].to_numpy(dtype=bool)
    else:
        unknown = sorted(set(kinds) - set(names))
        if unknown:
            raise InputError(
                f"cohort {cohort.name!r} has no adverse event {', '.join(map(repr, unknown))}; it has "
                f"{', '.join(sorted(set(names)))}"
            )
        chosen = names.isin(kinds).to_numpy()
    first = events[chosen].groupby("patient", observed=True)["onset_months"].min()
    onset = first.reindex(cohort.observed.index).fillna(np.inf).to_numpy(dtype=float)
    if not np.isfinite(onset).any():
        raise InputError(f"cohort {cohort.name!r}: nobody had such an adverse event")
    e = lookup(ENDPOINTS, endpoint, "endpoint")
    observed = cohort.observed
    months, event = observed[e.months].to_numpy(dtype=float), observed[e.event].to_numpy(dtype=bool)
    progression = np.full(len(observed), np.inf)
    if endpoint == "os" and "pfs" in cohort.endpoints():
        pfs = ENDPOINTS["pfs"]
        at = observed[pfs.months].to_numpy(dtype=float)
        seen = observed[pfs.event].to_numpy(dtype=bool) & (at < months)
        progression = np.where(seen, at, np.inf)
    covariates = _arms(cohort)
    return Onsets(onset, months, event, progression, covariates)


def _arms(cohort: Cohort) -> Floats:
    """Return the arms as 0 or 1, all but the control (or but the first where there is none), shape (n, k)."""
    if "arm" not in cohort.observed:
        return np.zeros((len(cohort), 0))
    arm = cohort.observed["arm"].astype(str)
    names = sorted(arm.unique())
    reference = cohort.control_arm if cohort.control_arm in names else names[0]
    others = [name for name in names if name != reference]
    return np.array([(arm == name).to_numpy(dtype=float) for name in others]).reshape(len(others), len(arm)).T


def contrast(onsets: Onsets, method: str, landmark_months: float = 3.0) -> tuple[float, float]:
    """Return log hazard ratio and standard error of having had an adverse event, by one of METHODS.

    Estimands: `time_dependent` is the hazard of those who have had the event against that of those who
    have not yet, at the same time since treatment. `time_dependent_progression` compares at the same time
    and status of progression: treatment stops at progression and events with it, so that without it having
    had an event also says that the disease was longer under control. `landmark` is the contrast after the
    landmark, by status then. `ever_v_never` sorts patients by what happened later than time 0 and answers
    no question; it is here to be compared (Sullivan et al., J Clin Oncol 2013;31:1243).
    """
    lookup(METHODS, method, "method")
    o = onsets
    had = np.isfinite(o.onset_months) & (o.onset_months <= o.months)
    if method == "ever_v_never":
        table = _rows(
            np.zeros_like(o.months), o.months, o.event, had[:, None], o.covariates, np.arange(len(had))
        )
    elif method == "landmark":
        left = o.months > landmark_months
        table = _rows(
            np.zeros(left.sum()), o.months[left] - landmark_months, o.event[left],
            (o.onset_months <= landmark_months)[left, None], o.covariates[left], np.arange(left.sum()),
        )  # fmt: skip
    else:
        cuts = [o.onset_months] + ([o.progression_months] if method.endswith("progression") else [])
        table = _episodes(o, cuts)
    return _cox(table)


def _episodes(o: Onsets, cuts: Sequence[Floats]) -> pd.DataFrame:
    """Split each patient's follow-up where a status changes; a status holds after its onset."""
    start, stop, event, status, who = [], [], [], [], []
    at = np.sort(np.column_stack([np.where(c < o.months, c, np.inf) for c in cuts]), axis=1)
    before = np.zeros(len(o.months))
    for k in range(len(cuts) + 1):
        until = np.minimum(at[:, k], o.months) if k < len(cuts) else o.months
        rows = until > before
        start.append(before[rows])
        stop.append(until[rows])
        event.append(o.event[rows] & (until == o.months)[rows])
        status.append(np.column_stack([c[rows] <= before[rows] for c in cuts]))
        who.append(np.flatnonzero(rows))
        before = np.maximum(before, until)
    people = np.concatenate(who)
    return _rows(
        np.concatenate(start), np.concatenate(stop), np.concatenate(event), np.concatenate(status),
        o.covariates[people], people,
    )  # fmt: skip


def _rows(
    start: Floats,
    stop: Floats,
    event: NDArray[np.bool_],
    status: NDArray[np.bool_],
    covariates: Floats,
    patient: NDArray[np.intp],
) -> pd.DataFrame:
    names = ["had_event", "progressed"][: status.shape[1]] + [f"arm_{k}" for k in range(covariates.shape[1])]
    table = pd.DataFrame(np.column_stack([status.astype(float), covariates]), columns=names)
    return table.assign(start=start, stop=stop, event=event, patient=patient)


def _cox(table: pd.DataFrame) -> tuple[float, float]:
    from lifelines import CoxTimeVaryingFitter

    fitter = CoxTimeVaryingFitter()
    fitter.fit(table, id_col="patient", start_col="start", stop_col="stop", event_col="event")
    return float(fitter.params_["had_event"]), float(fitter.standard_errors_["had_event"])
