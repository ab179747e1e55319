"""What a planned study would know of its patients: the markers it measures, and samples never taken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from pipeline.schema import MODALITIES, Cohort


def named_columns(cohort: Cohort, names: Iterable[str]) -> tuple[str, ...]:
    """Return the baseline columns that `names`, of columns or whole modalities, stand for; unknown ones none.

    Parameters
    ----------
    cohort : Cohort
    names : iterable of str
    """
    wanted = set(names)
    return tuple(
        c.name for c in cohort.columns if c.role == "baseline" and ({c.name, c.modality or ""} & wanted)
    )


def measuring(cohort: Cohort, names: Iterable[str]) -> Cohort:
    """Return the same patients of a study that measures, before treatment, only what `names` stand for."""
    kept = named_columns(cohort, names)
    columns = tuple(c for c in cohort.columns if c.role != "baseline" or c.name in kept)
    return replace(cohort, columns=columns, observed=cohort.observed[[c.name for c in columns]])


def without_samples(cohort: Cohort, shares: Mapping[str, float], rng: np.random.Generator) -> Cohort:
    """Return the cohort with whole modalities missing in some patients, completely at random.

    All baseline values of a modality go together, as where no sample was taken. Which patients lack it
    depends on nothing but the modality's own stream: with a larger share more lack it, and all those too.

    Parameters
    ----------
    cohort : Cohort
    shares : mapping of modality to float
        Share of patients without it.
    rng : Generator
    """
    observed = cohort.observed.copy()
    for modality, child in zip(MODALITIES, rng.spawn(len(MODALITIES)), strict=True):
        if modality not in shares:
            continue
        absent = child.random(len(observed)) < shares[modality]
        for column in named_columns(cohort, [modality]):
            values = observed[column]
            values = values.astype(float) if values.dtype == bool else values
            observed[column] = values.mask(absent)
    return replace(cohort, observed=observed)
