"""What classifiers of response are held against: the published rate, published chances, and the truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Self

import numpy as np

from pipeline.models import ModelContext, build_model
from pipeline.models.published_model import PublishedModel
from pipeline.models.published_scores import SCORES, lacking
from pipeline.response.classifiers import Responded
from pipeline.schema import Cohort, Floats, outcome

CHANCES: Final = ("loris", "loris_pan_cancer")  # published scores that are a chance of objective response


class PublishedRate:
    """Every patient's probability is the response rate that was published of their arm, in `rates`.

    A cohort that is drawn to show the rate, or whose own publication it is, cannot put it to the test; it
    shows what is known without looking at the patient.
    """

    name: Final = "published_rate"

    def __init__(self, context: ModelContext) -> None:
        self.rates: Mapping[str, float] = {}

    @staticmethod
    def wants(cohort: Cohort) -> str | None:
        """Return what the cohort lacks."""
        rates, arms = published_rates(cohort), set(map(str, cohort.observed.get("arm", ())))
        return None if arms and arms <= set(rates) else "no response rate of every arm is published"

    def fit(self, cohort: Cohort, responded: Responded, rng: np.random.Generator) -> Self:
        """Take the rates."""
        self.rates = published_rates(cohort)
        return self

    def probability(self, cohort: Cohort) -> Floats:
        """Return the rate of each patient's arm."""
        rates = published_rates(cohort)
        return np.array([rates[str(arm)] for arm in cohort.observed["arm"]], dtype=float)

    def parameters(self) -> dict[str, Any]:
        """Return the rates."""
        return {f"rate[{arm}]": rate for arm, rate in self.rates.items()}


def published_rates(cohort: Cohort) -> dict[str, float]:
    """Return the published objective response rate by arm, those borrowed from other arms left out."""
    told = cohort.manifest.get("responses", {})
    return {str(arm): float(r["rate"]) for arm, r in told.items() if not r["assumed"]}


class PublishedChance:
    """The chance of objective response that a published score says; nothing is fitted.

    A missing input is taken as the training rows' median.
    """

    def __init__(self, name: str, context: ModelContext) -> None:
        self.name = name
        built = build_model(name, context)
        assert isinstance(built, PublishedModel)  # noqa: S101 - CHANCES names published scores only
        self.model, self.endpoint = built, context.endpoint

    def fit(self, cohort: Cohort, responded: Responded, rng: np.random.Generator) -> Self:
        """Take medians for missing inputs."""
        self.model.fit(cohort.observed, outcome(cohort.observed, self.endpoint), rng)
        return self

    def probability(self, cohort: Cohort) -> Floats:
        """Return the score, which is a chance."""
        return -self.model.risk(cohort.observed)

    def parameters(self) -> dict[str, Any]:
        """Return source and population, and what missing inputs were taken for."""
        return {k: v for k, v in self.model.parameters().items() if k != "log_hazard_ratio"}


def lacks_inputs(name: str, cohort: Cohort) -> str | None:
    """Return what a published score lacks in a cohort."""
    gone = lacking(SCORES[name].needs, {c.name: c for c in cohort.columns if c.role == "baseline"})
    return f"it needs {', '.join(gone)}" if gone else None


class ResponseOracle:
    """The true chance of response before treatment, from all that sets a patient's hazards; cannot be saved.

    Whether a patient responds also depends on when they will progress, which nobody knows beforehand; the
    chance is averaged over it (`pipeline.truth.ResponseChance`).
    """

    name: Final = "oracle"

    def __init__(self, context: ModelContext) -> None:
        pass

    @staticmethod
    def wants(cohort: Cohort) -> str | None:
        """Return what the cohort lacks."""
        known = cohort.truth is not None and "response_intercept" in cohort.truth.hazards
        return None if known else "the truth about response is not known"

    def fit(self, cohort: Cohort, responded: Responded, rng: np.random.Generator) -> Self:
        """Return itself: there is nothing to learn."""
        return self

    def probability(self, cohort: Cohort) -> Floats:
        """Return the true chance."""
        chance = None if cohort.truth is None else cohort.truth.response(cohort.observed.index)
        assert chance is not None  # noqa: S101 - `wants` was asked
        return chance

    def parameters(self) -> dict[str, Any]:
        """Return nothing: it has none."""
        return {}
