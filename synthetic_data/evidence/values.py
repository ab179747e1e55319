"""The published values every evidence file is written in: sources, intervals, medians, rates, ratios."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Month = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Level = Annotated[float, Field(gt=0.5, lt=1)]

SeenIn = Literal[
    "abstract",
    "abstract_copy",
    "company_news",
    "conference_slide",
    "guideline_page",
    "label",
    "news",
    "paper_table",
    "review_table",
    "review_text",
    "secondary_summary",
    "social_media",
]


class Spec(BaseModel):
    """A value read from YAML: immutable, and with no key it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(Spec):
    """Where a figure was published, and where it was read when that is somewhere else.

    One of `pmid`, `doi`, `pmcid`, `registry` or `url` identifies a source; a `title` alone does when
    it names a paper, a congress report or a review table precisely enough to be searched for.
    """

    pmid: Annotated[str, Field(pattern=r"^\d{5,9}$")] | None = None
    doi: Annotated[str, Field(pattern=r"^10\.\d{4,9}/\S+$")] | None = None
    pmcid: Annotated[str, Field(pattern=r"^PMC\d{5,9}$")] | None = None
    registry: str | None = None
    url: Annotated[str, Field(pattern=r"^https?://\S+$")] | None = None
    title: Annotated[str, Field(min_length=4)] | None = None
    year: Annotated[int, Field(ge=1980, le=2100)] | None = None
    secondary: bool = False  # read in a review or a report, not in the primary publication
    derived: bool = False  # computed from a public patient table, not printed in a paper
    seen_in: SeenIn | None = None
    location: str | None = None  # table or page it was read from
    corroborated_by: str | None = None
    covers: tuple[str, ...] = ()  # figures it gives, where it does not give all of them
    remark: str | None = None

    @property
    def identified(self) -> bool:
        """Whether a reader can find the publication."""
        return any((self.pmid, self.doi, self.pmcid, self.registry, self.url, self.title))

    def cite(self) -> str:
        """Return one line naming the publication."""
        identifier = next(
            (
                text
                for value, text in (
                    (self.pmid, f"PMID {self.pmid}"),
                    (self.doi, f"doi {self.doi}"),
                    (self.pmcid, f"{self.pmcid}"),
                    (self.registry, f"{self.registry}"),
                    (self.url, f"{self.url}"),
                )
                if value
            ),
            "",
        )
        words = [self.title or "", str(self.year or ""), identifier]
        words += ["read in a secondary source"] * self.secondary
        words += ["computed from a public patient table"] * self.derived
        return ", ".join(w for w in words if w)

    @model_validator(mode="after")
    def _identified(self) -> Source:
        if not self.identified:
            raise ValueError("names no publication; give a pmid, doi, pmcid, registry, url or title")
        return self


def _ordered(interval: tuple[float | None, float | None]) -> tuple[float | None, float | None]:
    low, high = interval
    if low is None and high is None:
        raise ValueError("has neither bound; leave the interval out instead")
    if low is not None and high is not None and not low < high:
        raise ValueError(f"runs from {low} to {high}; write the lower bound first")
    return interval


Interval = Annotated[tuple[float | None, float | None], AfterValidator(_ordered)]


def _check_inside(what: str, value: float, interval: tuple[float | None, float | None]) -> None:
    low, high = interval
    if (low is not None and value < low) or (high is not None and value > high):
        raise ValueError(f"interval {low} to {high} does not contain {what} {value}; check the transcription")


def _check_strictly_inside(what: str, value: float, interval: tuple[float | None, float | None]) -> None:
    low, high = interval
    if (low is not None and value <= low) or (high is not None and value >= high):
        raise ValueError(
            f"interval {low} to {high} does not contain {what} {value} strictly; check the transcription"
        )


class OtherInterval(Spec):
    """The same estimate's interval at another confidence level."""

    interval: Interval
    level: Level


class Ratio(Spec):
    """A ratio as published: hazard, odds, rate or risk ratio, with its interval.

    `level` is None where the source prints an interval without saying at what confidence.
    `standard_error_usable` is False where the interval is not symmetric on the log scale.
    """

    estimate: Annotated[float, Field(gt=0)]
    interval: Interval | None = None
    level: Level | None = 0.95
    other_intervals: tuple[OtherInterval, ...] = ()
    standard_error_usable: bool = True

    @model_validator(mode="after")
    def _interval_holds_the_estimate(self) -> Ratio:
        for interval in (self.interval, *(o.interval for o in self.other_intervals)):
            if interval is not None:
                _check_strictly_inside("the estimate", self.estimate, interval)
                if any(bound is not None and bound < 0 for bound in interval):
                    raise ValueError(f"interval {interval[0]} to {interval[1]} has a negative bound")
        return self

    @property
    def log_estimate(self) -> float:
        """Natural logarithm of the ratio."""
        return math.log(self.estimate)

    @property
    def standard_error(self) -> float | None:
        """Of the log ratio, from the width of the interval; None where that cannot be had."""
        if self.interval is None or self.level is None or not self.standard_error_usable:
            return None
        low, high = self.interval
        z = NormalDist().inv_cdf(0.5 + self.level / 2)
        if low is None or high is None or low <= 0:
            return None
        return math.log(high / low) / (2 * z)


class Median(Spec):
    """A median time in months, or the statement that it was not reached."""

    months: Annotated[float, Field(gt=0)] | None = None
    reached: bool = True
    interval: Interval | None = None
    level: Level = 0.95

    @model_validator(mode="after")
    def _consistent(self) -> Median:
        if self.reached is (self.months is None):
            raise ValueError("give `months`, or `reached: false` when the median was not reached")
        if self.months is not None and self.interval is not None:
            _check_inside("the median", self.months, self.interval)
        return self


class Rate(Spec):
    """A share of patients, 0 to 1."""

    rate: Fraction
    interval: Interval | None = None
    level: Level = 0.95

    @model_validator(mode="after")
    def _interval_holds_the_rate(self) -> Rate:
        if self.interval is not None:
            if any(bound is not None and not 0 <= bound <= 1 for bound in self.interval):
                raise ValueError(f"interval {self.interval[0]} to {self.interval[1]} leaves 0 to 1")
            _check_inside("the rate", self.rate, self.interval)
        return self


class Landmark(Rate):
    """The share of patients free of the event at a fixed time."""

    months: Annotated[float, Field(gt=0)]


class Count(Spec):
    """So many patients, out of how many where that was printed."""

    patients: Annotated[int, Field(ge=0)]
    of: Annotated[int, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _no_more_than_all(self) -> Count:
        if self.of is not None and self.patients > self.of:
            raise ValueError(f"{self.patients} patients of {self.of}; the part exceeds the whole")
        return self


class FollowUp(Spec):
    """How long patients had been followed when the figures were read."""

    months: Annotated[float, Field(gt=0)]
    kind: Literal["median", "minimum", "median_of_censored"] = "median"
    censored_months: Annotated[float, Field(gt=0)] | None = None  # median among the censored
