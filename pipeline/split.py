"""Which patients are learnt from and which are kept for judging."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.schema import Cohort, InputError, outcome


@dataclass(frozen=True)
class Fold:
    """One division of a cohort: patients to learn from and patients to judge on."""

    repeat: int
    fold: int
    train: pd.Index
    test: pd.Index


def folds(
    cohort: Cohort, endpoint: str, n_folds: int, repeats: int, rng: np.random.Generator, by: str = "patient"
) -> list[Fold]:
    """Divide the patients `repeats` times into `n_folds` parts, each tested on once a repeat.

    Every part has its share, within one patient, of each arm's events and of its censored patients.
    Which part a patient falls into does not depend on the order of the rows, and the first repeats do
    not change when more are asked for.

    Parameters
    ----------
    cohort : Cohort
    endpoint : str
        Whose events are shared out: a key of ``pipeline.schema.ENDPOINTS``.
    n_folds, repeats : int
    rng : Generator
        One child is spawned for each repeat.
    by : str
        "patient", or a column whose groups (sites, trials) stay whole. Groups are dealt, the largest first,
        to the part with the fewest events; with as many folds as groups each is left out once, and further
        repeats would be the same.

    Returns
    -------
    list of Fold
        ``repeats * n_folds`` folds; `train` and `test` keep the order of the cohort's rows.

    Raises
    ------
    InputError
        When there are fewer events, or groups, than folds, or a group cannot be told.
    """
    _check_events(cohort, endpoint, n_folds)
    groups = None if by == "patient" else _groups(cohort, endpoint, n_folds, repeats, by)
    divided = []
    for repeat, child in enumerate(rng.spawn(repeats)):
        if groups is None:
            part = _parts(cohort, endpoint, n_folds, child)
        else:
            part = _whole_groups(cohort, endpoint, n_folds, groups, child)
        divided += [_fold(cohort, repeat, k, part == k) for k in range(n_folds)]
    return divided


def holdout(cohort: Cohort, endpoint: str, test_share: float, rng: np.random.Generator) -> Fold:
    """Set aside `test_share` of the patients, with their share of events and of each arm.

    Raises
    ------
    InputError
        When `test_share` does not lie between 0 and 1, or leaves a side without an event.
    """
    if not 0 < test_share < 1:
        raise InputError(f"test_share must lie between 0 and 1. Got {test_share} instead")
    order = _dealing_order(cohort, endpoint, rng)
    # Evenly spaced along the dealing order, so that every stratum gives its share.
    ranks = np.arange(1, len(cohort) + 1)
    chosen = np.zeros(len(cohort), dtype=bool)
    chosen[order] = np.floor(ranks * test_share + 0.5) > np.floor((ranks - 1) * test_share + 0.5)
    event = outcome(cohort.observed, endpoint)["event"]
    if not event[chosen].any() or not event[~chosen].any():
        raise InputError(
            f"cohort {cohort.name!r}: {event.sum()} events in {len(event)} patients cannot be divided so "
            f"that both sides have one at test_share={test_share}; choose a share nearer to one half"
        )
    return _fold(cohort, 0, 0, chosen)


def _check_events(cohort: Cohort, endpoint: str, n_folds: int) -> None:
    if n_folds < 2:
        raise InputError(f"folds must be at least 2. Got {n_folds} instead")
    events = int(outcome(cohort.observed, endpoint)["event"].sum())
    if events < n_folds:
        raise InputError(
            f"cohort {cohort.name!r} has {events} events of {endpoint}, fewer than the {n_folds} folds that "
            "each need one; lower `folds`"
        )


def _dealing_order(cohort: Cohort, endpoint: str, rng: np.random.Generator) -> NDArray[np.intp]:
    """Shuffle the patients within strata of event and arm, one stratum after the other."""
    frame = cohort.observed
    stratum = pd.Series(np.where(outcome(frame, endpoint)["event"], "1", "0"))
    if "arm" in frame:
        stratum += "|" + frame["arm"].astype(str).to_numpy()
    # Sorted by patient, so that the row order of the file has no say.
    by_patient = np.argsort(frame.index.astype(str).to_numpy(), kind="stable")
    shuffled = by_patient[rng.permutation(len(frame))]
    return shuffled[np.argsort(stratum.to_numpy()[shuffled], kind="stable")]


def _parts(cohort: Cohort, endpoint: str, n_folds: int, rng: np.random.Generator) -> NDArray[np.intp]:
    order = _dealing_order(cohort, endpoint, rng)
    part = np.empty(len(order), dtype=np.intp)
    # Dealt like cards: a stratum goes on where the one before ended, which keeps the parts equal in size.
    part[order] = np.arange(len(order)) % n_folds
    return part


def _groups(cohort: Cohort, endpoint: str, n_folds: int, repeats: int, by: str) -> NDArray[np.str_]:
    """Name each patient's group, or say why the cohort cannot be divided by it."""
    where = f"cross_validation: by: cohort {cohort.name!r}"
    known = [c.name for c in cohort.columns if c.role in {"arm", "site", "baseline"} and c.kind != "number"]
    if by not in known:
        raise InputError(f"{where} has no groups {by!r}; use 'patient' or one of {', '.join(known)}")
    values = cohort.observed[by]
    if values.isna().any():
        raise InputError(f"{where}: {by!r} is missing for {int(values.isna().sum())} patients")
    named = values.astype(str).to_numpy(dtype=str)
    events = pd.Series(outcome(cohort.observed, endpoint)["event"]).groupby(named).sum()
    if len(events) < n_folds:
        raise InputError(
            f"{where} has {len(events)} groups of {by!r}, fewer than {n_folds} folds; set folds to "
            f"{len(events)} to leave each out once"
        )
    if int((events > 0).sum()) < n_folds:
        raise InputError(
            f"{where}: only {int((events > 0).sum())} groups of {by!r} have an event, and each of "
            f"{n_folds} folds needs one; lower `folds`"
        )
    if len(events) == n_folds and repeats > 1:
        raise InputError(
            f"{where}: with {n_folds} folds each of its {n_folds} groups is left out once, and every repeat "
            "would be the same; set repeats to 1"
        )
    return named


def _whole_groups(
    cohort: Cohort, endpoint: str, n_folds: int, groups: NDArray[np.str_], rng: np.random.Generator
) -> NDArray[np.intp]:
    names, number = np.unique(groups, return_inverse=True)
    events = np.bincount(number, outcome(cohort.observed, endpoint)["event"], minlength=len(names))
    size = np.bincount(number, minlength=len(names))
    shuffled = rng.permutation(len(names))
    part_of_group = np.empty(len(names), dtype=np.intp)
    load = np.zeros((n_folds, 2))
    for group in shuffled[np.argsort(-events[shuffled], kind="stable")]:
        fewest = int(np.lexsort((load[:, 1], load[:, 0]))[0])
        part_of_group[group] = fewest
        load[fewest] += events[group], size[group]
    return part_of_group[number]


def _fold(cohort: Cohort, repeat: int, fold: int, tested: NDArray[np.bool_]) -> Fold:
    patients = cohort.observed.index
    return Fold(repeat, fold, patients[~tested], patients[tested])
