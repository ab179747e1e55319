"""A signature of several markers as one number, and the percentiles of a reference population."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import pandas as pd
from pydantic import Field

from pipeline.config import Spec
from pipeline.schema import Cohort, Floats, InputError

FLAT: Final = 1e-12  # a spread of rounding alone
ORACLE: Final = "oracle"  # enriched by the true state itself, which no test shows


class Signature(Spec):
    """Baseline columns that are read together: the mean of their standardised values."""

    label: str
    columns: tuple[str, ...] = Field(min_length=1)
    least_measured: int = Field(1, ge=1, description="columns without which the signature is not known")

    def faults(self, cohort: Cohort) -> list[str]:
        """Return what of the signature such a cohort cannot answer."""
        there = {c.name for c in cohort.columns if c.role == "baseline" and c.kind == "number"}
        found = [f"no baseline number {c!r}" for c in self.columns if c not in there]
        if self.least_measured > len(self.columns):
            found.append(f"least_measured must be at most {len(self.columns)}. Got {self.least_measured}")
        return found


@dataclass(frozen=True)
class FittedSignature:
    """A signature on the scale of a reference population.

    Attributes
    ----------
    signature : Signature
    logged : tuple of bool
        Which columns are read as logarithms: those on a ratio scale.
    centre, spread, floor : array, shape (k,)
        Of the columns in the reference population; a value at or below 0 is read as `floor`, the least
        positive one there.
    reference : array
        Scores of the reference patients in whom the signature is known, rising.
    """

    signature: Signature
    logged: tuple[bool, ...]
    centre: Floats
    spread: Floats
    floor: Floats
    reference: Floats

    @classmethod
    def fit(cls, signature: Signature, cohort: Cohort) -> Self:
        """Learn scale and percentiles from the patients of `cohort`; outcomes are not looked at.

        Raises
        ------
        InputError
            A column that is not there, or one that does not vary.
        """
        faults = signature.faults(cohort)
        if faults:
            raise InputError(f"signature {signature.label!r}: " + "; ".join(faults))
        names = list(signature.columns)
        logged = tuple(cohort.column(c).positive for c in names)
        x = cohort.observed[names].to_numpy(dtype=float, na_value=np.nan)
        floor = np.array([np.min(v[v > 0], initial=np.inf) for v in x.T])
        z = _scaled(x, logged, floor)
        centre, spread = np.nanmean(z, axis=0), np.nanstd(z, axis=0)
        flat = [c for c, s in zip(names, spread, strict=True) if not s > FLAT]
        if flat:
            raise InputError(f"signature {signature.label!r}: {', '.join(flat)} is the same in everybody")
        made = cls(signature, logged, centre, spread, floor, np.empty(0))
        scores = made.score(cohort.observed)
        return cls(signature, logged, centre, spread, floor, np.sort(scores[np.isfinite(scores)]))

    def score(self, observed: pd.DataFrame) -> Floats:
        """Return each patient's score, shape (n,); NaN where too few columns were measured."""
        x = observed[list(self.signature.columns)].to_numpy(dtype=float, na_value=np.nan)
        z = (_scaled(x, self.logged, self.floor) - self.centre) / self.spread
        known = np.isfinite(z)
        count = known.sum(axis=1)
        mean = np.where(known, z, 0.0).sum(axis=1) / np.maximum(count, 1)
        return np.where(count >= self.signature.least_measured, mean, np.nan)

    def cut(self, percentile: float) -> float:
        """Return the score from which patients are above `percentile` of the reference population."""
        return -np.inf if percentile <= 0 else float(np.quantile(self.reference, percentile / 100))

    def marker_value(self, percentile: float) -> float:
        """Return the cut in the units of the marker; NaN for a signature of several."""
        if len(self.signature.columns) > 1 or percentile <= 0:
            return float("nan")
        value = self.centre[0] + self.spread[0] * self.cut(percentile)
        return float(np.exp(value) if self.logged[0] else value)


def _scaled(x: Floats, logged: tuple[bool, ...], floor: Floats) -> Floats:
    """Take logarithms where a column is on a ratio scale."""
    with np.errstate(invalid="ignore"):
        return np.where(logged, np.log(np.where(x > 0, x, np.where(np.isnan(x), np.nan, floor))), x)
