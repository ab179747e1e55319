"""Which patients form which subgroup."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.schema import Cohort, Column, InputError

EVERYONE = "all"
LATER = ("outcome", "post_baseline")  # roles of columns that no subgroup may be formed by


def check_subgroups(names: Sequence[str], cohorts: Sequence[Cohort]) -> None:
    """Raise an InputError naming every subgroup column that a cohort does not have."""
    faults = [
        f"subgroups: cohort {cohort.name!r} has no column {name!r}; it has "
        f"{', '.join(c.name for c in cohort.columns if c.role not in LATER)} known at the start: name one of "
        "these, or leave it out"
        for cohort in cohorts
        for name in names
        if name not in [c.name for c in cohort.columns if c.role not in LATER]
    ]
    if faults:
        raise InputError("; ".join(faults))


def subgroup_rows(
    cohort: Cohort, names: Sequence[str], reference: Cohort | None = None
) -> dict[str, NDArray[np.intp]]:
    """Return positions of the rows of each group: "all", then ``column=level`` for each column in `names`.

    Numbers are cut at the median of `reference` (of the cohort itself when left out), so that a group means
    the same in every cohort; patients without a value form ``column=missing``.
    """
    check_subgroups(names, [cohort])
    groups = {EVERYONE: np.arange(len(cohort))}
    for name in names:
        column = cohort.column(name)
        source = cohort if reference is None else reference
        for level, inside in _levels(cohort.observed[name], source.observed[name], column).items():
            groups[f"{name}={level}"] = np.flatnonzero(inside)
    return {group: rows for group, rows in groups.items() if len(rows)}


def _levels(
    values: pd.Series,
    reference: pd.Series,
    column: Column,
) -> dict[str, NDArray[np.bool_]]:
    missing = values.isna().to_numpy()
    if column.kind == "number":
        cut = float(reference.median())
        low = (values <= cut).to_numpy() & ~missing
        levels = {f"≤ {cut:.4g}": low, f"> {cut:.4g}": ~low & ~missing}
    elif column.kind == "boolean":
        true = values.fillna(False).astype(bool).to_numpy()
        levels = {"yes": true, "no": ~true & ~missing}
    else:
        present = values.astype(object).where(~values.isna(), "").astype(str).to_numpy()
        known = [c for c in column.categories if c in present] or sorted(set(present[~missing]))
        levels = {str(level): (present == level) & ~missing for level in known}
    return levels | {"missing": missing}
