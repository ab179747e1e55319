"""The shift of each marker between the patients a model learnt from and new ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.stats import chi2, chi2_contingency, fisher_exact, ks_2samp

from pipeline.schema import Column, Floats, InputError
from pipeline.table_one import smd

BINS: Final = 10
LEAST_EXPECTED: Final = 5.0  # patients a cell of a χ² test must be expected to hold (Cochran 1954)


def marker_shift(old: pd.DataFrame, new: pd.DataFrame, columns: Sequence[Column]) -> pd.DataFrame:
    """Compare each column's values, and who has one, between old and new patients.

    Parameters
    ----------
    old, new : DataFrame
        Patients a model learnt from, and new ones; a column that `new` lacks is missing for everybody.
    columns : sequence of Column
        What to compare, as declared for `old`.

    Returns
    -------
    DataFrame
        A row a column: `column`, `label`, `kind`, `role`; `old`, `new`: medians of numbers, shares of facts,
        NaN for categories; `smd`, see ``pipeline.table_one.smd``; `psi`, and `psi_chance`, what it exceeds in
        one of twenty pairs of samples that do not differ (Yurdakul and Naranjo, J Risk Model Valid
        2020;14:89: the index times nm/(n+m) is χ² with one degree of freedom less than there are bins);
        `test` ("Kolmogorov-Smirnov", "χ²", "Fisher" or ""), `statistic`, `p`: of the known values;
        `missing_old`, `missing_new` and `missing_p` (Fisher's exact test); `unseen`: share of new patients
        with a category that no old one had.
    """
    return pd.DataFrame([_shift(old, new, column) for column in columns])


def _shift(old: pd.DataFrame, new: pd.DataFrame, column: Column) -> dict[str, Any]:
    absent = pd.Series(np.nan, index=new.index, dtype=float)
    first = old[column.name]
    second = new[column.name] if column.name in new.columns else absent
    a, b = first.dropna(), second.dropna()
    if column.kind == "number":
        x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
        counts, tested, unseen = _binned(x, y), _kolmogorov_smirnov(x, y), 0.0
    else:
        counts = _levels(a, b)
        tested = _chi_square(counts)
        unseen = float(counts[1][counts[0] == 0].sum() / max(len(new), 1))
    name, statistic, p = tested
    index, chance = population_stability(*counts)
    gaps = [[int(first.isna().sum()), len(a)], [int(second.isna().sum()), len(b)]]
    middle = [_middle(v, column.kind) for v in (a, b)]
    return {
        "column": column.name, "label": column.title, "kind": column.kind, "role": column.role,
        "old": middle[0], "new": middle[1], "smd": smd(first, second, column),
        "psi": index, "psi_chance": chance, "test": name, "statistic": statistic, "p": p,
        "missing_old": float(first.isna().mean()), "missing_new": float(second.isna().mean()),
        "missing_p": float(fisher_exact(gaps).pvalue), "unseen": unseen,
    }  # fmt: skip


def _middle(known: pd.Series[Any], kind: str) -> float:
    if kind == "category" or not len(known):
        return math.nan
    values = known.to_numpy(dtype=float)
    return float(np.median(values) if kind == "number" else values.mean())


def population_stability(old: Floats, new: Floats) -> tuple[float, float]:
    """Return the population stability index of two rows of counts, and what chance alone exceeds in 5 %.

    The index is ``sum((q - p) * log(q / p))`` over the bins: the symmetrised Kullback-Leibler divergence.
    Half a patient is added to every bin, so that an empty one is no infinity. NaN where a row is empty.

    >>> tuple(round(x, 3) for x in population_stability(np.array([500.0, 500.0]), np.array([400.0, 600.0])))
    (0.04, 0.008)
    """
    if not old.sum() or not new.sum():
        return math.nan, math.nan
    p, q = ((counts + 0.5) / (counts + 0.5).sum() for counts in (old, new))
    chance = chi2.ppf(0.95, max(len(old) - 1, 1)) * (1 / old.sum() + 1 / new.sum())
    return float(((q - p) * np.log(q / p)).sum()), float(chance)


def _binned(old: Floats, new: Floats) -> tuple[Floats, Floats]:
    """Count numbers in bins that each hold a tenth of the old ones, fewer where values are tied."""
    if not len(old):
        return np.zeros(1), np.array([float(len(new))])
    inner = np.unique(np.quantile(old, np.arange(1, BINS) / BINS))
    # Right-closed bins: a value tied with an edge (a floor, a score) stays with its equals.
    placed = [np.searchsorted(inner, v, side="left") for v in (old, new)]
    first, second = (np.bincount(at, minlength=len(inner) + 1).astype(np.float64) for at in placed)
    return first, second


def _levels(old: pd.Series[Any], new: pd.Series[Any]) -> tuple[Floats, Floats]:
    texts = [v.astype(object).astype(str) for v in (old, new)]
    levels = sorted({*texts[0], *texts[1]})
    a, b = (np.asarray(t.value_counts().reindex(levels, fill_value=0), dtype=np.float64) for t in texts)
    return a, b


def _kolmogorov_smirnov(old: Floats, new: Floats) -> tuple[str, float, float]:
    """Large-sample test; conservative where values are tied (Conover, Practical Nonparametric Statistics)."""
    if not len(old) or not len(new):
        return "", math.nan, math.nan
    found = ks_2samp(old, new, method="asymp")
    return "Kolmogorov-Smirnov", float(found.statistic), float(found.pvalue)


def _chi_square(counts: tuple[Floats, Floats]) -> tuple[str, float, float]:
    """Return χ² without correction, rare levels pooled; Fisher's exact test where two cells are thin."""
    table = np.array(counts)
    if not table.sum(axis=1).all():
        return "", math.nan, math.nan
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    rare = expected.min(axis=0) < LEAST_EXPECTED
    if rare.sum() > 1:
        table = np.column_stack([table[:, ~rare], table[:, rare].sum(axis=1)])
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2:
        return "", math.nan, math.nan
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    if table.shape[1] == 2 and expected.min() < LEAST_EXPECTED:
        return "Fisher", math.nan, float(fisher_exact(table.astype(int)).pvalue)
    found = chi2_contingency(table, correction=False)
    return "χ²", float(found.statistic), float(found.pvalue)


def comparable(old: Sequence[Column], new: Sequence[Column]) -> tuple[Column, ...]:
    """Return the columns of `old` known at the start; those that `new` declares otherwise are a fault.

    Raises
    ------
    InputError
        Columns of one name that differ in kind or unit.
    """
    known = {c.name: c for c in new}
    wanted = [c for c in old if c.role in ("baseline", "arm")]
    faults = [
        f"{c.name} is a {c.kind} in {c.unit or 'no unit'} for the run and a {other.kind} in "
        f"{other.unit or 'no unit'} now"
        for c in wanted
        if (other := known.get(c.name)) is not None and (c.kind, c.unit) != (other.kind, other.unit)
    ]
    if faults:
        raise InputError("the new cohort is not in the run's terms: " + "; ".join(faults))
    return tuple(wanted)
