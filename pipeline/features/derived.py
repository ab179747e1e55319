"""Features computed from several columns, each declared with its source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from pipeline.schema import Floats, Modality

Values = Mapping[str, Floats]


@dataclass(frozen=True)
class Derived:
    """One feature made of several columns.

    Attributes
    ----------
    name, label : str
    modality : str
    sources : tuple of str
        Columns it is made of; a column may be called otherwise in a cohort, see `ALIASES`.
    fewest : int
        How many of them a cohort must have.
    unless : tuple of str
        Columns that already say it: with one of these in the cohort the feature is not made.
    compute : callable
        From the sources that are there, NaN where missing, to one value a patient.
    standardised : bool
        Whether `compute` gets standardised values (after the logarithm) or values as measured.
    positive : bool
        Whether the result is a ratio, and so is treated on a log scale.
    reference : str
        Where it comes from.
    """

    name: str
    label: str
    modality: Modality
    sources: tuple[str, ...]
    fewest: int
    compute: Callable[[Values], Floats]
    standardised: bool
    positive: bool
    reference: str
    unless: tuple[str, ...] = ()


def inflammation(z: Values) -> Floats:
    """Mean standardised marker of those measured, albumin counted downwards; NaN when none is."""
    signed = np.column_stack([-values if name == "albumin" else values for name, values in z.items()])
    known = ~np.isnan(signed)
    total = np.where(known, signed, 0.0).sum(axis=1)
    count = known.sum(axis=1)
    out = np.full(len(total), np.nan)
    np.divide(total, count, out=out, where=count > 0)
    return out


def derived_nlr(raw: Values) -> Floats:
    """Neutrophils over all leukocytes that are not neutrophils."""
    return _ratio(raw["neutrophils"], raw["leukocytes"] - raw["neutrophils"])


def neutrophil_lymphocyte_ratio(raw: Values) -> Floats:
    """Neutrophils over lymphocytes."""
    return _ratio(raw["neutrophils"], raw["lymphocytes"])


def platelet_lymphocyte_ratio(raw: Values) -> Floats:
    """Platelets over lymphocytes."""
    return _ratio(raw["platelets"], raw["lymphocytes"])


def _ratio(above: Floats, below: Floats) -> Floats:
    usable = (below > 0) & (above >= 0)
    out = np.full(len(above), np.nan)
    np.divide(above, below, out=out, where=usable)
    return out


# What a source is called here -> the column names it may stand under.
ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "crp": ("crp_mg_per_l", "crp_mg_per_dl"),
    "il6": ("il6_pg_per_ml",),
    "il8": ("il8_pg_per_ml",),
    "nlr": ("nlr",),
    "albumin": ("albumin_g_per_dl", "albumin_g_per_l"),
    "dnlr": ("dnlr",),
    "plr": ("plr",),
    "neutrophils": ("neutrophils_per_nl",),
    "lymphocytes": ("lymphocytes_per_nl",),
    "leukocytes": ("leukocytes_per_nl",),
    "platelets": ("platelets_per_nl",),
}

DERIVED: Final[tuple[Derived, ...]] = (
    Derived(
        "inflammatory_signature", "Inflammatory signature", "blood",
        ("crp", "il6", "il8", "nlr", "albumin"), 3, inflammation, standardised=True, positive=False,
        reference="equal-weight mean of acute-phase and myeloid markers; defined here, not published",
    ),
    Derived(
        "nlr", "Neutrophil-to-lymphocyte ratio", "blood", ("neutrophils", "lymphocytes"), 2,
        neutrophil_lymphocyte_ratio, standardised=False, positive=True, unless=("nlr",),
        reference="Zahorec R. Bratisl Lek Listy 2001;102:5-14",
    ),
    Derived(
        "dnlr", "Derived neutrophil-to-lymphocyte ratio", "blood", ("neutrophils", "leukocytes"), 2,
        derived_nlr, standardised=False, positive=True, unless=("dnlr",),
        reference="Proctor MJ et al. Br J Cancer 2012;107:695-699, doi:10.1038/bjc.2012.292",
    ),
    Derived(
        "plr", "Platelet-to-lymphocyte ratio", "blood", ("platelets", "lymphocytes"), 2,
        platelet_lymphocyte_ratio, standardised=False, positive=True, unless=("plr",),
        reference="Smith RA et al. Am J Surg 2009;197:466-472",
    ),
)  # fmt: skip


def columns_of(derived: Derived, names: frozenset[str]) -> dict[str, str]:
    """Return, for each source that a cohort has, the name of its column; empty when too few are there."""

    def named(source: str) -> str | None:
        return next((alias for alias in ALIASES[source] if alias in names), None)

    if any(named(source) for source in derived.unless):
        return {}
    found = {source: column for source in derived.sources if (column := named(source)) is not None}
    return found if len(found) >= derived.fewest else {}
