"""A policy as declared rules: what is tested when, what triggers an action, and what reversing it means."""

from __future__ import annotations

from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from pipeline.config import Spec
from pipeline.schema import Cohort, Floats

START = "start"  # the state of a patient for whom no rule has fired


class Assay(Spec):
    """A test of one column of the visits: when blood is taken, when its result is there, how often it errs.

    With `positive_at` the result is yes or no. With `sensitivity` and `specificity` it is drawn from the
    noise-free value of a simulated patient (at least `positive_at`: the signal is there); without them, the
    value as measured is compared. Without `positive_at` the measured number is the result.
    """

    column: str
    first_months: float = Field(0, ge=0)
    every_weeks: float = Field(gt=0, le=104)
    until_months: float = Field(gt=0)
    turnaround_weeks: float = Field(0, ge=0, le=52, description="from the sample to its result")
    positive_at: float | None = None
    sensitivity: float | None = Field(None, ge=0, le=1, description="of one sample")
    specificity: float | None = Field(None, ge=0, le=1, description="of one sample")

    @model_validator(mode="after")
    def _errors_need_a_limit(self) -> Self:
        given = [x is not None for x in (self.sensitivity, self.specificity)]
        if any(given) and not (all(given) and self.positive_at is not None):
            raise ValueError("sensitivity and specificity go together, and need positive_at")
        return self


class Bounded(Spec):
    """A trigger on a number: exactly one of `at_least` and `below`."""

    at_least: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if (self.at_least is None) == (self.below is None):
            raise ValueError("give exactly one of at_least and below")
        return self

    def met_by(self, values: Floats) -> NDArray[np.bool_]:
        """Return which values meet the bound; what is missing meets none."""
        return within(values, self.at_least, self.below)

    def reversed(self) -> Self:
        """Return the same bound met from the other side."""
        return self.model_copy(update={"at_least": self.below, "below": self.at_least})


class MarkerTrigger(Bounded):
    """A baseline column; a missing value meets no bound."""

    kind: Literal["marker"] = "marker"
    column: str


class ResultTrigger(Spec):
    """So many consecutive results of a yes-or-no assay; a conversion if the opposite was seen before."""

    kind: Literal["result"] = "result"
    assay: str
    result: Literal["positive", "negative"]
    consecutive: int = Field(1, ge=1, le=20)
    conversion: bool = Field(False, description="counts only after the opposite result")

    def reversed(self) -> Self:
        """Return the trigger that waits for the opposite result."""
        return self.model_copy(update={"result": "negative" if self.result == "positive" else "positive"})


class LevelTrigger(Bounded):
    """The number an assay reports, itself or over an earlier one of the same patient."""

    kind: Literal["level"] = "level"
    assay: str
    of: Literal["value", "ratio_to_first", "ratio_to_highest", "ratio_to_lowest"] = "value"
    consecutive: int = Field(1, ge=1, le=20)


class PredictionTrigger(Bounded):
    """A risk predicted by a named model at a landmark, or the probability of a named deficit."""

    kind: Literal["risk", "mechanism"]
    name: str


class ToxicityTrigger(Spec):
    """An adverse event of at least this grade so far."""

    kind: Literal["toxicity"] = "toxicity"
    grade_at_least: int = Field(3, ge=1, le=5)
    immune_mediated_only: bool = False


class ProgressionTrigger(Spec):
    """Progression has been seen."""

    kind: Literal["progression"] = "progression"


Trigger = Annotated[
    MarkerTrigger | ResultTrigger | LevelTrigger | PredictionTrigger | ToxicityTrigger | ProgressionTrigger,
    Field(discriminator="kind"),
]


class Rule(Spec):
    """When every trigger holds, the action is taken, once.

    `after` names the states the rule acts in: `start`, or actions taken before it. Before progression only,
    unless a trigger waits for progression.
    """

    name: str
    when: tuple[Trigger, ...] = Field(min_length=1)
    action: str
    after: tuple[str, ...] = Field((START,), min_length=1)
    from_months: float = Field(0, ge=0)
    until_months: float | None = Field(None, gt=0)

    @property
    def waits_for_progression(self) -> bool:
        """Whether the rule is one for patients who have progressed."""
        return any(isinstance(t, ProgressionTrigger) for t in self.when)


class Policy(Spec):
    """Tests and rules; earlier rules go first where several fire at once."""

    label: str
    assays: dict[str, Assay] = {}
    rules: tuple[Rule, ...] = Field(min_length=1)
    reason: str = ""

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        faults = []
        states = {START, *(r.action for r in self.rules)}
        for rule in self.rules:
            faults += [f"rule {rule.name!r}: after {a!r} never comes" for a in rule.after if a not in states]
            for trigger in rule.when:
                if not isinstance(trigger, ResultTrigger | LevelTrigger):
                    continue
                assay = self.assays.get(trigger.assay)
                if assay is None:
                    faults.append(f"rule {rule.name!r}: no assay {trigger.assay!r}")
                elif (assay.positive_at is None) == isinstance(trigger, ResultTrigger):
                    faults.append(f"rule {rule.name!r}: assay {trigger.assay!r} reports "
                                  f"{'a number' if assay.positive_at is None else 'yes or no'}")  # fmt: skip
        if len({r.name for r in self.rules}) < len(self.rules):
            faults.append("two rules have the same name")
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def reversed(self) -> Policy:
        """Return the policy that acts on the opposite of every test, level and prediction.

        Baseline markers, toxicity and progression stay as they are: what is reversed is what the policy
        learns from its tests.
        """
        flipped = (ResultTrigger, LevelTrigger, PredictionTrigger)
        rules = tuple(
            r.model_copy(
                update={"when": tuple(t.reversed() if isinstance(t, flipped) else t for t in r.when)}
            )
            for r in self.rules
        )
        return self.model_copy(update={"label": f"{self.label}, triggers reversed", "rules": rules})

    def faults(self, cohort: Cohort) -> list[str]:
        """Return what of the policy such a cohort cannot answer."""
        found = []
        seen = [] if cohort.visits is None else list(cohort.visits)
        for name, assay in self.assays.items():
            if assay.column not in seen:
                found.append(f"assay {name!r}: the visits have no column {assay.column!r}")
            elif assay.sensitivity is not None and (cohort.truth is None or cohort.truth.visits is None):
                found.append(f"assay {name!r}: errors are drawn for simulated patients only")
        baseline = set(cohort.names("baseline"))
        for rule in self.rules:
            for trigger in rule.when:
                if isinstance(trigger, MarkerTrigger) and trigger.column not in baseline:
                    found.append(f"rule {rule.name!r}: no baseline column {trigger.column!r}")
                if isinstance(trigger, ToxicityTrigger) and cohort.events is None:
                    found.append(f"rule {rule.name!r}: the cohort has no dated adverse events")
        return found


def within(values: Floats, at_least: float | None, below: float | None) -> NDArray[np.bool_]:
    """Return which values meet the bound that is given; what is missing meets none."""
    if at_least is not None:
        return np.asarray(values >= at_least)
    assert below is not None  # noqa: S101 - every spec with bounds has one
    return np.asarray(values < below)


def bound_words(at_least: float | None, below: float | None) -> str:
    """Return the bound that is given as words."""
    return f"below {below:g}" if at_least is None else f"at least {at_least:g}"
