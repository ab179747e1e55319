"""What is known of patients and from when on: baseline, results of tests, predictions, events seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.decide.policy import Assay, Policy
from pipeline.schema import Cohort, Floats, InputError

WEEK: Final = 7 / 30.4375
NEAR_MONTHS: Final = 0.5  # a visit within two weeks of the planned day counts as the planned one


@dataclass(frozen=True)
class Series:
    """Results in the order of time, one row a patient; NaN beyond a patient's last.

    Attributes
    ----------
    known_months, values : array, shape (n, v)
        From when on a result is known, and the result; yes is 1, no is 0.
    """

    known_months: Floats
    values: Floats

    def until(self, months: float) -> Series:
        """Return the results known by then."""
        later = ~(self.known_months <= months)
        return Series(np.where(later, np.nan, self.known_months), np.where(later, np.nan, self.values))


@dataclass(frozen=True)
class Known:
    """Everything a policy may look at. The truth about simulated patients is not in here.

    Attributes
    ----------
    baseline : DataFrame, n rows
        Observed baseline columns.
    results : mapping of str to Series
        By assay.
    predictions : mapping of (kind, name) to Series
        Risks by model, probabilities by deficit.
    toxicity : DataFrame, optional
        `patient`, `grade`, `onset_months`, `immune_mediated`.
    progressed_months : array, shape (n,)
        When progression was seen; infinite where it was not.
    followed_months : array, shape (n,)
        To death or the last contact.
    """

    baseline: pd.DataFrame
    results: Mapping[str, Series]
    progressed_months: Floats
    followed_months: Floats
    predictions: Mapping[tuple[str, str], Series] = field(default_factory=dict)
    toxicity: pd.DataFrame | None = None

    def until(self, months: float) -> Known:
        """Return what was known at `months`: nothing that came later."""
        toxicity = self.toxicity
        return replace(
            self,
            results={name: s.until(months) for name, s in self.results.items()},
            predictions={name: s.until(months) for name, s in self.predictions.items()},
            toxicity=None if toxicity is None else toxicity[toxicity["onset_months"] <= months],
            progressed_months=np.where(self.progressed_months <= months, self.progressed_months, np.inf),
            followed_months=np.minimum(self.followed_months, months),
        )


def gather(
    policy: Policy,
    cohort: Cohort,
    rng: np.random.Generator,
    predictions: Mapping[tuple[str, str], Series] | None = None,
) -> Known:
    """Carry out the policy's tests on a cohort and gather what else it may look at.

    The errors of each assay come from a child of `rng`, one number a visit whatever the schedule: policies
    that differ in sensitivity or schedule meet the same chance when given the same generator anew.

    Raises
    ------
    InputError
        Naming everything the cohort cannot answer.
    """
    faults = policy.faults(cohort)
    if faults:
        raise InputError(f"cohort {cohort.name!r} cannot follow {policy.label!r}: " + "; ".join(faults))
    observed = cohort.observed
    names = sorted(policy.assays)
    results = {
        name: assay_results(cohort, policy.assays[name], child)
        for name, child in zip(names, rng.spawn(len(names)), strict=True)
    }
    followed = observed["os_months"].to_numpy(dtype=float)
    progressed = np.full(len(observed), np.inf)
    if "pfs_months" in observed:
        pfs = observed["pfs_months"].to_numpy(dtype=float)
        seen = observed["progressed_or_died"].to_numpy(dtype=bool) & ((pfs < followed) | ~observed["died"])
        progressed = np.where(seen, pfs, np.inf)
    return Known(
        baseline=observed[cohort.names("baseline")],
        results=results,
        progressed_months=progressed,
        followed_months=followed,
        predictions=predictions or {},
        toxicity=None if cohort.events is None
        else cohort.events[["patient", "grade", "onset_months", "immune_mediated"]],
    )  # fmt: skip


def assay_results(cohort: Cohort, assay: Assay, rng: np.random.Generator) -> Series:
    """Return the results of one assay at its planned samples, for patients still followed.

    A planned sample is taken at the visit within NEAR_MONTHS of its day, if there is one.
    """
    drawn = assay.sensitivity is not None
    assert cohort.visits is not None  # noqa: S101 - Policy.faults saw to it
    table = cohort.visits
    if drawn:
        assert cohort.truth is not None  # noqa: S101
        assert cohort.truth.visits is not None  # noqa: S101
        table = cohort.truth.visits
        table = table[table["took_place"].to_numpy(dtype=bool)]
    chance = rng.random(len(table))
    row = cohort.observed.index.get_indexer(pd.Index(table["patient"]))
    months, value = (table[c].to_numpy(dtype=float, na_value=np.nan) for c in ("months", assay.column))
    step = assay.every_weeks * WEEK
    turn = np.round((months - assay.first_months) / step)
    last = np.floor((assay.until_months - assay.first_months) / step + 1e-9)
    away = np.abs(months - assay.first_months - turn * step)
    use = (row >= 0) & ~np.isnan(value) & (turn >= 0) & (turn <= last)
    use &= away <= min(NEAR_MONTHS, step / 2) + 1e-9
    order = np.flatnonzero(use)[np.lexsort((away[use], turn[use], row[use]))]
    first = np.ones(len(order), dtype=bool)
    first[1:] = (np.diff(row[order]) != 0) | (np.diff(turn[order]) != 0)
    order = order[first]
    row, value = row[order], value[order]
    if assay.positive_at is not None:
        there = value >= assay.positive_at
        value = there.astype(float)
        if assay.sensitivity is not None and assay.specificity is not None:
            value = np.where(there, chance[order] < assay.sensitivity, chance[order] >= assay.specificity)
    place = place_of_each(row)
    shape = (len(cohort), int(place.max(initial=0)) + 1)
    series = Series(np.full(shape, np.nan), np.full(shape, np.nan))
    series.known_months[row, place] = months[order] + assay.turnaround_weeks * WEEK
    series.values[row, place] = value.astype(float)
    return series


def place_of_each(row: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the number of each row among those of the same patient, who stand together; from 0."""
    new = np.ones(len(row), dtype=bool)
    new[1:] = row[1:] != row[:-1]
    start = np.flatnonzero(new)
    return np.arange(len(row)) - np.repeat(start, np.diff(np.append(start, len(row))))


def prediction_series(table: pd.DataFrame, patients: pd.Index, value: str) -> Series:
    """Return what a model said at each landmark, as known from the landmark on.

    Parameters
    ----------
    table : DataFrame
        `patient`, `landmark_months` and the column `value`.
    patients : Index
    value : str
    """
    wide: pd.DataFrame = table.pivot_table(index="patient", columns="landmark_months", values=value)
    wide = wide.reindex(patients)
    months = np.where(wide.isna(), np.nan, np.asarray(wide.columns, dtype=float))
    order: Any = np.argsort(np.where(np.isnan(months), np.inf, months), axis=1, kind="stable")
    return Series(
        np.take_along_axis(months, order, axis=1),
        np.take_along_axis(wide.to_numpy(dtype=float), order, axis=1),
    )
