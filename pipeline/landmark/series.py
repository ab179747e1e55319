"""What is measured again and again: each series of the visits table, and its values patient by patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.schema import Floats, InputError, Modality
from pipeline.visit_table import KEYS

TOLERANCE_MONTHS: Final = 1e-9
Special = Literal["ctdna", "tumour", "crp"]


@dataclass(frozen=True)
class Series:
    """One thing measured at visits.

    Attributes
    ----------
    label, unit : str
    modality : str
    special : {"ctdna", "tumour", "crp"}, optional
        Which published definitions of response apply beside the general kinetics.
    """

    label: str
    unit: str
    modality: Modality
    special: Special | None = None


SERIES: Final[Mapping[str, Series]] = {
    "target_lesions_mm": Series("Target lesions", "mm", "imaging", "tumour"),
    "ctdna_molecules_per_ml": Series("ctDNA", "molecules/mL", "ctdna", "ctdna"),
    "ctdna_allele_fraction": Series("ctDNA allele fraction", "", "ctdna", "ctdna"),
    "mrd_molecules_per_ml": Series("ctDNA after surgery", "molecules/mL", "ctdna"),
    "dll3_percent": Series("DLL3-positive tumour cells", "%", "cellular"),
    "neuroendocrine_percent": Series("Neuroendocrine tumour cells", "%", "cellular"),
    "nlr": Series("NLR", "", "blood"),
    "crp_mg_per_l": Series("CRP", "mg/L", "blood", "crp"),
    "il6_pg_per_ml": Series("IL-6", "pg/mL", "cytokine"),
    "il8_pg_per_ml": Series("IL-8", "pg/mL", "cytokine"),
    "activated_cd8_percent": Series("Activated CD8 T cells", "%", "cellular"),
    "exhausted_cd8_percent": Series("Exhausted CD8 T cells", "%", "cellular"),
}
NEW_LESION: Final = "new_lesion"


def measured_columns(visits: pd.DataFrame) -> list[str]:
    """Return the columns of `visits` that hold measurements, in the order of the table."""
    return [str(c) for c in visits if c not in KEYS and c != NEW_LESION]


def series_of(column: str) -> Series:
    """Return what is known of `column`; an undeclared one is taken for a blood value of its own name."""
    return SERIES.get(column, Series(column, "", "blood"))


@dataclass(frozen=True)
class SerialValues:
    """The values of one series, patient by patient and in the order of time.

    Attributes
    ----------
    months, values : array, shape (n, v)
        NaN where a patient has no further value. Failed assays and missed visits have no place here.
    """

    months: Floats
    values: Floats

    @classmethod
    def of(cls, visits: pd.DataFrame, column: str, patients: pd.Index) -> SerialValues:
        """Gather `column` for `patients`; who has no value has a row of NaN.

        Raises
        ------
        InputError
            When a value is negative.
        """
        value = visits[column].to_numpy(dtype=float, na_value=np.nan)
        known = ~np.isnan(value)
        negative = int((value[known] < 0).sum())
        if negative:
            raise InputError(f"visits: column {column!r} has {negative} negative values; none can be")
        row = patients.get_indexer(pd.Index(visits["patient"]))
        known &= row >= 0
        row, value = row[known], value[known]
        month = visits["months"].to_numpy(dtype=float)[known]
        order = np.lexsort((month, row))
        row, value, month = row[order], value[order], month[order]
        count = np.bincount(row, minlength=len(patients))
        start = np.concatenate([[0], np.cumsum(count)[:-1]])
        place = np.arange(len(row)) - start[row]
        shape = (len(patients), max(int(count.max(initial=0)), 1))
        table = cls(np.full(shape, np.nan), np.full(shape, np.nan))
        table.months[row, place], table.values[row, place] = month, value
        return table

    def until(self, landmark_months: float) -> SerialValues:
        """Return what was known at the landmark: nothing measured later."""
        seen = self.months <= landmark_months + TOLERANCE_MONTHS
        width = max(int(seen.sum(axis=1).max(initial=0)), 1)
        gone = ~seen[:, :width]
        return SerialValues(
            np.where(gone, np.nan, self.months[:, :width]), np.where(gone, np.nan, self.values[:, :width])
        )

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which cells hold a value, shape (n, v); those of a patient are the first ones."""
        return ~np.isnan(self.values)
