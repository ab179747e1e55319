"""When patients are seen and what is measured then: the `visits` block of a cohort file."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Final, Literal, get_args

import numpy as np
from pydantic import Field, model_validator

from pipeline.schema import Floats
from synthetic_data.evidence.values import Spec
from synthetic_data.follow_up import DAYS_PER_MONTH

UsualAssay = Literal[
    "tumour_size", "ctdna", "nlr", "crp", "il6", "il8", "activated_cd8_t_cells", "exhausted_cd8_t_cells"
]
# Done when named only: of some trials, and with a stream of their own after those of the usual ones.
SpecialAssay = Literal["mrd", "dll3", "neuroendocrine"]
Assay = UsualAssay | SpecialAssay
ASSAYS: Final[tuple[Assay, ...]] = get_args(UsualAssay)
SPECIAL_ASSAYS: Final[tuple[SpecialAssay, ...]] = get_args(SpecialAssay)
MOST_VISITS = 200


class VisitSpec(Spec):
    """The schedule of visits, the assays done at each, and how imperfect they are.

    Either `months` or `every_weeks` with `until_months`; the visit before treatment, month 0, is always
    there.
    """

    months: tuple[Annotated[float, Field(ge=0, le=240)], ...] | None = None
    every_weeks: Annotated[float, Field(ge=1, le=52)] | None = None
    until_months: Annotated[float, Field(gt=0, le=240)] | None = None
    assays: Annotated[tuple[Assay, ...], Field(min_length=1)] = ASSAYS
    noise: Annotated[float, Field(ge=0, le=5)] = Field(
        1.0, description="multiplies the measurement error of every assay; 0 is none"
    )
    missed_fraction: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.05, description="planned visits that do not take place (assumed; never the first)"
    )
    failed_fraction: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.02, description="single assays without a result (assumed)"
    )
    progression_scan: bool = Field(
        True, description="a visit on the day of progression, on which progression-free survival ends"
    )
    after_progression_months: Annotated[float, Field(ge=0, le=240)] | None = Field(
        None, description="how long visits go on after progression; until death or loss when left out"
    )

    @model_validator(mode="after")
    def _one_schedule(self) -> VisitSpec:
        regular = self.every_weeks is not None and self.until_months is not None
        if (self.months is not None) == regular or (self.every_weeks is None) != (self.until_months is None):
            raise ValueError("give either `months`, or both `every_weeks` and `until_months`")
        if self.months is not None and any(b <= a for a, b in pairwise(self.months)):
            raise ValueError("months must increase")
        days = np.round(self.planned_months() * DAYS_PER_MONTH)
        if not 2 <= len(days) <= MOST_VISITS:
            raise ValueError(f"must plan 1 to {MOST_VISITS - 1} visits after the first")
        if (np.diff(days) < 1).any():
            raise ValueError("months must lie at least a day apart")
        return self

    def planned_months(self) -> Floats:
        """Months of the planned visits from 0 on, each a whole number of days; shape (m,)."""
        if self.months is not None:
            days = np.asarray(self.months, dtype=float) * DAYS_PER_MONTH
        else:
            assert self.every_weeks is not None  # noqa: S101 - the validator saw to it
            assert self.until_months is not None  # noqa: S101
            days = np.arange(0.0, self.until_months * DAYS_PER_MONTH + 1e-9, 7 * self.every_weeks)
        return np.concatenate([[0.0], np.round(days[days > 0])]) / DAYS_PER_MONTH
