"""Two cohorts made alike: the same baseline columns, missing as the second one's are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pipeline.schema import Cohort, InputError


def shared_columns(train: Cohort, test: Cohort) -> list[str]:
    """Return the baseline columns that both cohorts have, of one kind and unit, in the order of `train`.

    Raises
    ------
    InputError
        Columns of one name that are not the same thing, or none that both have.
    """
    faults = []
    theirs = {c.name: c for c in test.columns if c.role == "baseline"}
    shared = []
    for column in train.columns:
        other = theirs.get(column.name)
        if column.role != "baseline" or other is None:
            continue
        if (column.kind, column.unit) != (other.kind, other.unit):
            faults.append(
                f"{column.name} is a {column.kind} in {column.unit or 'no unit'} in {train.name!r} and a "
                f"{other.kind} in {other.unit or 'no unit'} in {test.name!r}"
            )
        if test.observed[column.name].notna().any():
            shared.append(column.name)
    if faults:
        raise InputError("columns of one name that differ: " + "; ".join(faults))
    if not shared:
        raise InputError(
            f"{train.name!r} and {test.name!r} have no baseline column in common; the test cohort has "
            f"{', '.join(test.names('baseline'))}"
        )
    return shared


def align(
    train: Cohort,
    test: Cohort,
    rng: np.random.Generator | None,
    train_arms: Sequence[str] | None = None,
    test_arms: Sequence[str] | None = None,
) -> tuple[Cohort, Cohort]:
    """Return both cohorts with the baseline columns they share, and no arm.

    Training rows lose values as the test cohort does: each is given the pattern of missing values of a
    patient drawn from the test cohort, with no look at what the values or the outcomes are. A model then
    learns from patients as a clinic would see them. Without `rng` they keep what they have: real patients
    have gaps of their own.

    Raises
    ------
    InputError
        An arm that a cohort does not have, or nothing in common.
    """
    kept = [of_arms(cohort, arms) for cohort, arms in ((train, train_arms), (test, test_arms))]
    shared = shared_columns(*kept)
    frame = kept[0].observed.copy()
    if rng is not None:
        donor = rng.integers(len(kept[1]), size=len(frame))
        for name in shared:
            frame[name] = frame[name].mask(kept[1].observed[name].isna().to_numpy()[donor])
    return _only(replace(kept[0], observed=frame), shared), _only(kept[1], shared)


def of_arms(cohort: Cohort, arms: Sequence[str] | None) -> Cohort:
    """Return the patients of some arms; all when `arms` is None. InputError for an arm it does not have."""
    if arms is None:
        return cohort
    present = sorted(cohort.observed["arm"].dropna().unique()) if "arm" in cohort.observed else []
    if unknown := [arm for arm in arms if arm not in present]:
        raise InputError(
            f"cohort {cohort.name!r} has no arm {', '.join(map(repr, unknown))}; "
            f"it has {', '.join(map(repr, present)) or 'none'}"
        )
    return cohort.take(cohort.observed.index[cohort.observed["arm"].isin(arms)])


def _only(cohort: Cohort, baseline: Sequence[str]) -> Cohort:
    columns = tuple(
        c for c in cohort.columns if c.role == "outcome" or (c.role == "baseline" and c.name in baseline)
    )
    observed = cohort.observed[[c.name for c in columns]]
    return replace(
        cohort, observed=observed, columns=columns, control_arm=None, truth=None, visits=None, events=None
    )
