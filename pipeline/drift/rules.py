"""How far new patients may differ from those a model learnt from before somebody looks, or stops."""

from __future__ import annotations

import math
from typing import Self

from pydantic import Field, model_validator

from pipeline.config import Spec


class Limits(Spec):
    """One kind of difference: from `look` on somebody looks, from `stop` on nobody uses the model."""

    look: float = Field(gt=0)
    stop: float = Field(gt=0)

    @model_validator(mode="after")
    def _stop_is_further_than_look(self) -> Self:
        if self.stop <= self.look:
            raise ValueError(
                f"stop must be above look. Got look {self.look:g} and stop {self.stop:g} instead"
            )
        return self


class DriftRules(Spec):
    """The stated thresholds of a verdict.

    A difference counts when it is significant after Holm's correction over everything that was looked at
    (so that all of it together raises a false alarm in at most `error_rate` of new cohorts that do not
    differ) *and* at least as large as its limit (so that a difference of no consequence raises none, however
    many patients show it). 0.1 and 0.25 are the limits of the population stability index in general use
    (Siddiqi, Credit Risk Scorecards, 2006); two normal distributions half a standard deviation apart are at
    0.25. The other limits are ours.
    """

    error_rate: float = Field(0.05, gt=0, lt=0.5, description="of any alarm, when nothing differs")
    population_stability: Limits = Limits(look=0.1, stop=0.25)
    missing_share: Limits = Limits(look=0.1, stop=0.3)  # change of the share without the value
    unseen_share: Limits = Limits(look=0.01, stop=0.1)  # patients of a category nobody was trained on
    separation: Limits = Limits(look=0.6, stop=0.75)  # AUC of a classifier of old against new patients
    log_observed_over_expected: Limits = Limits(look=math.log(1.25), stop=math.log(1.5))  # its change
    calibration_slope: Limits = Limits(look=0.25, stop=0.5)  # its change
    concordance: Limits = Limits(look=0.05, stop=0.1)  # loss of Uno's C
    relevant_importance: float = Field(
        0.01, ge=0, lt=1,
        description="share of a model's explanations below which a column's shift stops nobody",
    )  # fmt: skip
    least_patients: int = Field(50, ge=20, description="new patients without whom nothing is judged")
