"""What a simulated marker takes from the register: associations with other markers, and effects."""

from __future__ import annotations

import math
from typing import Annotated, Literal, TypeVar

from pydantic import Field, model_validator

from synthetic_data.evidence.values import Spec

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
# published: printed in the register; derived: computed from printed figures or from a public table;
# assumed: chosen here, with the reason beside it.
Basis = Literal["published", "derived", "assumed"]


class Part(Spec):
    """Part of a marker's range: values in ``[at_least, below)``, or one of `levels`."""

    at_least: float | None = None
    below: float | None = None
    levels: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _says_something(self) -> Part:
        bounds = self.at_least is not None or self.below is not None
        if bounds == bool(self.levels):
            raise ValueError("give either bounds (at_least, below) or levels")
        if self.at_least is not None and self.below is not None and not self.at_least < self.below:
            raise ValueError(f"at_least {self.at_least:g} must lie under below {self.below:g}")
        return self


class Association(Spec):
    """How the marker goes together with another one.

    Attributes
    ----------
    marker : str
        Id of the other marker.
    measure : str
        ``spearman`` (ties at mid-rank) or ``pearson`` of the values; ``odds_ratio`` of the two events
        `self_part` and `other_part`; ``latent``, the correlation of the normal scores itself.
    published : int, optional
        Position in this marker's list of correlations in the register.
    """

    marker: Name
    measure: Literal["spearman", "pearson", "odds_ratio", "latent"]
    value: float
    self_part: Part | None = None
    other_part: Part | None = None
    basis: Basis = "published"
    published: Annotated[int, Field(ge=0)] | None = None
    reason: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Association:
        parts = self.self_part is not None and self.other_part is not None
        if (self.measure == "odds_ratio") != parts:
            raise ValueError("self_part and other_part belong to an odds_ratio, and it needs both")
        if self.measure == "odds_ratio" and not self.value > 0:
            raise ValueError(f"an odds ratio is positive. Got {self.value:g} instead")
        if self.measure != "odds_ratio" and not -1 < self.value < 1:
            raise ValueError(f"a correlation lies between -1 and 1. Got {self.value:g} instead")
        return _explained(self)


class MarkerEffect(Spec):
    """What the marker does to one endpoint, as published.

    Attributes
    ----------
    ratio : float
        Hazard ratio (os, pfs) or odds ratio of response.
    transform : str
        ``linear`` per `per` units; ``ln`` or ``log2`` of the value plus `offset`; ``at_least`` the
        indicator of reaching `threshold`; ``level`` the indicator of `level` (booleans: "true").
    published : int, optional
        Position of the figure in the register's list of effects of `published_marker` (default: this
        marker); with `inverse` the figure is printed the other way round.
    joint : str, optional
        Name of the multivariable model the figure comes from. Figures of one joint model hold each
        other fixed and are used as they are; all others are made conditional (`effects`).
    """

    endpoint: Literal["os", "pfs", "response"]
    acts_in: Literal["every_arm", "checkpoint_inhibitor", "other"] = "every_arm"
    ratio: Annotated[float, Field(gt=0)]
    transform: Literal["linear", "ln", "log2", "at_least", "level"]
    per: Annotated[float, Field(gt=0)] = 1.0
    offset: Annotated[float, Field(ge=0)] = 0.0
    threshold: float | None = None
    level: str | None = None
    published: Annotated[int, Field(ge=0)] | None = None
    published_marker: Name | None = None
    inverse: bool = False
    adjusted: bool = False
    joint: Name | None = None
    basis: Basis = "published"
    reason: str = ""

    @property
    def log_ratio(self) -> float:
        """Natural logarithm of the ratio."""
        return math.log(self.ratio)

    @model_validator(mode="after")
    def _consistent(self) -> MarkerEffect:
        if (self.transform == "at_least") != (self.threshold is not None):
            raise ValueError("threshold belongs to transform at_least, which needs it")
        if (self.transform == "level") != (self.level is not None):
            raise ValueError("level belongs to transform level, which needs it")
        if self.joint and not self.adjusted:
            raise ValueError("an effect of a joint model is adjusted")
        return _explained(self)


AnyFigure = TypeVar("AnyFigure", Association, MarkerEffect)


def _explained(figure: AnyFigure) -> AnyFigure:
    if (figure.basis == "published") != (figure.published is not None):
        raise ValueError("published gives the register's position, for basis published and only then")
    if figure.basis != "published" and not figure.reason:
        raise ValueError(f"basis {figure.basis} needs a reason")
    return figure
