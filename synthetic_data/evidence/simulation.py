"""How one marker is drawn in a synthetic cohort: its column, margin, dependence, defects and effects."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated, Literal, TypeVar

from pydantic import Field, model_validator

from pipeline.schema import Kind, Modality
from synthetic_data.evidence.values import Spec

Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
# published: printed in the register; derived: computed from printed figures or from a public table;
# assumed: chosen here, with the reason beside it.
Basis = Literal["published", "derived", "assumed"]
FactorName = Literal["inflammation", "tumour_burden", "t_cell_inflamed", "tobacco"]
Family = Literal["normal", "lognormal", "zero_inflated_lognormal", "quantiles", "bernoulli", "categorical"]

PARAMETERS: dict[str, frozenset[str]] = {
    "normal": frozenset({"mean", "sd"}),
    "lognormal": frozenset({"median", "log_sd"}),
    "zero_inflated_lognormal": frozenset({"zero", "median", "log_sd"}),
    "quantiles": frozenset(),
    "bernoulli": frozenset({"prevalence"}),
    "categorical": frozenset(),
}
# A marker of this order or more joins the copula after all others are fixed.
FOUNDING = 1000
KINDS: dict[str, tuple[Kind, ...]] = {"bernoulli": ("boolean",), "categorical": ("category", "number")}


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


class Override(Spec):
    """Another margin in some settings or histologies; the first one that fits is used."""

    settings: tuple[str, ...] = ()
    histologies: tuple[str, ...] = ()
    parameters: dict[str, float] = Field(default_factory=dict)
    quantiles: tuple[tuple[float, float], ...] = ()
    levels: dict[str, Share] = Field(default_factory=dict)
    reason: str

    def fits(self, setting: str, histology: str) -> bool:
        """Whether it applies to a population."""
        return (not self.settings or setting in self.settings) and (
            not self.histologies or histology in self.histologies
        )


class TrialMargin(Spec):
    """Which entries of a trial's published baseline replace the margin.

    Attributes
    ----------
    median : str, optional
        Key whose value is the trial's median.
    shares : dict
        Key -> the part of the range whose share it is. For a boolean, level "true" or "false".
    """

    median: str | None = None
    shares: dict[str, Part] = Field(default_factory=dict)


class Missing(Spec):
    """How often a value is missing, and on what that depends.

    Under ``mar`` the log odds of being missing rise by `strength` per standard deviation of the
    column named `depends_on`.
    """

    fraction: Annotated[float, Field(ge=0, lt=1)]
    mechanism: Literal["mcar", "mar"] = "mcar"
    depends_on: Name | None = None
    strength: float = 0.7
    reason: str = ""

    @model_validator(mode="after")
    def _mar_names_a_column(self) -> Missing:
        if (self.mechanism == "mar") != (self.depends_on is not None):
            raise ValueError("depends_on names a column under mar, and only then")
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


class Simulation(Spec):
    """One marker's place in a synthetic cohort.

    Attributes
    ----------
    order : int
        Position among the columns. The correlations of all markers below `FOUNDING` are repaired
        together; one at or above it is added on top, so no earlier column changes a bit.
    quantiles : tuple of (probability, value)
        For the family ``quantiles``: the distribution function's knots, values linear between them;
        two knots of one value are an atom.
    levels : dict
        For the family ``categorical``: level -> share, from lowest to highest latent score.
    low, high : float, optional
        Bounds at which a continuous margin is truncated.
    margin : Basis
        Where the margin comes from; `reason` names the figures used.
    loadings : dict
        On the shared factors that imply the correlation of pairs without a figure.
    """

    column: Name
    label: str
    kind: Kind
    unit: str = ""
    modality: Modality | None = None
    order: Annotated[int, Field(ge=0)]
    family: Family
    parameters: dict[str, float] = Field(default_factory=dict)
    quantiles: tuple[tuple[float, float], ...] = ()
    levels: dict[str, Share] = Field(default_factory=dict)
    low: float | None = None
    high: float | None = None
    decimals: Annotated[int, Field(ge=0, le=6)] | None = None
    margin: Basis
    reason: str
    overrides: tuple[Override, ...] = ()
    trial: TrialMargin = TrialMargin()
    missing: Missing = Missing(fraction=0.0)
    detection_limit: Annotated[float, Field(gt=0)] | None = None
    below_limit: Literal["limit", "half_limit"] = "half_limit"
    loadings: dict[FactorName, Annotated[float, Field(gt=-1, lt=1)]] = Field(default_factory=dict)
    correlations: tuple[Association, ...] = ()
    effects: tuple[MarkerEffect, ...] = ()

    @property
    def positive(self) -> bool:
        """Whether it is a number on a ratio scale."""
        return self.family in {"lognormal", "zero_inflated_lognormal"}

    @model_validator(mode="after")
    def _margin_is_complete(self) -> Simulation:
        faults = _margin_faults(self.family, self.parameters, self.quantiles, self.levels)
        for override in self.overrides:
            faults += _margin_faults(
                self.family,
                {**self.parameters, **override.parameters},
                override.quantiles or self.quantiles,
                override.levels or self.levels,
            )
        if self.kind not in KINDS.get(self.family, ("number",)):
            faults.append(f"family {self.family} does not draw kind {self.kind}")
        if self.kind == "number" and self.family == "categorical" and not all(map(_is_number, self.levels)):
            faults.append("levels of a number must be numbers")
        if self.low is not None and self.high is not None and not self.low < self.high:
            faults.append(f"low {self.low:g} must lie under high {self.high:g}")
        if sum(value**2 for value in self.loadings.values()) >= 1:
            faults.append("squared loadings must sum to less than 1")
        if faults:
            raise ValueError("; ".join(faults))
        return self


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _margin_faults(
    family: str,
    parameters: dict[str, float],
    quantiles: tuple[tuple[float, float], ...],
    levels: dict[str, float],
) -> list[str]:
    if set(parameters) != PARAMETERS[family]:
        wanted = ", ".join(sorted(PARAMETERS[family])) or "none"
        return [f"family {family} takes the parameters {wanted}. Got {', '.join(sorted(parameters))} instead"]
    scales = ("sd", "log_sd", "median")
    faults = [f"{name} must be positive" for name in scales if parameters.get(name, 1) <= 0]
    faults += [
        f"{name} must lie in 0..1" for name in ("prevalence", "zero") if not 0 <= parameters.get(name, 0) <= 1
    ]
    if (family == "quantiles") != bool(quantiles) or (family == "categorical") != bool(levels):
        faults.append("quantiles belong to family quantiles and levels to family categorical")
    if quantiles:
        ascending = all(p <= q and x <= y for (p, x), (q, y) in pairwise(quantiles))
        if quantiles[0][0] != 0 or quantiles[-1][0] != 1 or not ascending:
            faults.append("quantiles must rise from probability 0 to 1")
    if levels and not math.isclose(sum(levels.values()), 1, abs_tol=1e-6):
        faults.append(f"shares of the levels must sum to 1. Got {sum(levels.values()):g}")
    return faults
