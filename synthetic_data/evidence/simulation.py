"""How one marker is drawn in a synthetic cohort: its column, margin, dependence, defects and effects."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.schema import Kind, Modality
from synthetic_data.evidence.marker_figures import Association, Basis, MarkerEffect, Name, Part
from synthetic_data.evidence.values import Spec

Share = Annotated[float, Field(ge=0, le=1)]
FactorName = Literal["inflammation", "tumour_burden", "t_cell_inflamed", "tobacco"]
Test = Literal["pdl1", "ngs"]
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


class Missing(Spec):
    """How often a value is missing, and on what that depends.

    Under ``mar`` the log odds of being missing rise by `strength` per standard deviation of the
    column named `depends_on`. Markers `tested_with` another are missing in the same patients as far as
    their shares allow: whoever lacks the more usual test lacks the rarer one.
    """

    fraction: Annotated[float, Field(ge=0, lt=1)]
    mechanism: Literal["mcar", "mar"] = "mcar"
    depends_on: Name | None = None
    strength: float = 0.7
    tested_with: Name | None = None
    reason: str = ""

    @model_validator(mode="after")
    def _mar_names_a_column(self) -> Missing:
        if (self.mechanism == "mar") != (self.depends_on is not None):
            raise ValueError("depends_on names a column under mar, and only then")
        return self


class Override(Spec):
    """Another margin in some settings or histologies; the first one that fits is used."""

    settings: tuple[str, ...] = ()
    histologies: tuple[str, ...] = ()
    parameters: dict[str, float] = Field(default_factory=dict)
    quantiles: tuple[tuple[float, float], ...] = ()
    levels: dict[str, Share] = Field(default_factory=dict)
    missing: Missing | None = None
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
    unknown : str, optional
        Key whose value is the share of patients without a result.
    """

    median: str | None = None
    shares: dict[str, Part] = Field(default_factory=dict)
    unknown: str | None = None


class Substitute(Spec):
    """What stands in where a cohort may not use the figures of some patients: those it will be tested on.

    Attributes
    ----------
    margin : Override, optional
        Instead of the margin, where that is of those patients; without it the marker is then not drawn.
    effects : tuple of MarkerEffect
        Instead of the effects on an endpoint that are of those patients.
    """

    margin: Override | None = None
    effects: tuple[MarkerEffect, ...] = ()


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
    needs_test : {"pdl1", "ngs"}, optional
        The test without which nobody knows the marker: immunohistochemistry, or a sequencing panel. Not
        every site has it.
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
    needs_test: Test | None = None
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
    substitute: Substitute = Substitute()

    @property
    def positive(self) -> bool:
        """Whether it is a number on a ratio scale."""
        return self.family in {"lognormal", "zero_inflated_lognormal"}

    @model_validator(mode="after")
    def _margin_is_complete(self) -> Simulation:
        faults = _margin_faults(self.family, self.parameters, self.quantiles, self.levels)
        for override in (*self.overrides, *filter(None, [self.substitute.margin])):
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
        levels = self.levels or {"false": 0.0, "true": 0.0}
        for effect in (*self.effects, *self.substitute.effects):
            if effect.transform == "level" and effect.level not in levels:
                faults.append(f"an effect names the level {effect.level!r}; known: {', '.join(levels)}")
            if effect.transform in {"ln", "log2"} and self.family != "lognormal" and effect.offset == 0:
                faults.append(f"transform {effect.transform} of a marker that can be 0 needs an offset")
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
