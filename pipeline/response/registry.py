"""The classifiers of response that a config can name, and what stands beside them; one entry adds one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from pipeline.models import ModelContext
from pipeline.models.storage import load_fitted
from pipeline.response.classifiers import (
    BoostedClassifier,
    CalibratedClassifier,
    ResponseModel,
    RidgeLogistic,
)
from pipeline.response.references import (
    CHANCES,
    PublishedChance,
    PublishedRate,
    ResponseOracle,
    lacks_inputs,
)
from pipeline.schema import Cohort, lookup

CLASSIFIERS: Final[Mapping[str, type[CalibratedClassifier]]] = {
    "logistic": RidgeLogistic,
    "boosted": BoostedClassifier,
}


class Reference(NamedTuple):
    """What classifiers are held against: how it is made, and what a cohort lacks for it (None: nothing)."""

    build: Callable[[ModelContext], ResponseModel]
    lacks: Callable[[Cohort], str | None]


BESIDE: Final[Mapping[str, Reference]] = {
    **{name: Reference(partial(PublishedChance, name), partial(lacks_inputs, name)) for name in CHANCES},
    "published_rate": Reference(PublishedRate, PublishedRate.wants),
    "oracle": Reference(ResponseOracle, ResponseOracle.wants),
}


def build_classifier(name: str, context: ModelContext, options: Mapping[str, Any]) -> CalibratedClassifier:
    """Return the unfitted classifier `name`, or an InputError: unknown name or faulty option."""
    return lookup(CLASSIFIERS, name, "response: model")(context, **options)


def load_classifier(folder: Path) -> CalibratedClassifier:
    """Return the fitted classifier that a run saved in `folder`."""
    found: CalibratedClassifier = load_fitted(folder, CLASSIFIERS)
    return found
