"""How one marker is distributed in one population: a quantile function of its normal score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from pipeline.schema import Floats, InputError
from synthetic_data.copula import GRID
from synthetic_data.evidence.simulation import Missing, Simulation
from synthetic_data.published_shares import (
    cut_probabilities,
    eligible_levels,
    eligible_range,
    level_shares,
)
from synthetic_data.setting import Setting

GRID_PROBABILITIES: Final[Floats] = ndtr(GRID)


class Segment(NamedTuple):
    """Probabilities ``low..high`` of the population taken from ``source_low..source_high`` of the family."""

    low: float
    high: float
    source_low: float
    source_high: float


@dataclass(frozen=True)
class Margin:
    """A distribution as a function of a normal score.

    Attributes
    ----------
    simulation : Simulation
        What it was made from.
    segments : tuple of Segment
        Of a continuous marker.
    cumulative : tuple of float
        Of a discrete marker: probability of each level and those under it.
    basis : str
        Where it comes from: a trial's baseline, a setting, or the marker's default.
    missing : Missing
        How often its values are lost in this setting.
    """

    simulation: Simulation
    quantile: Callable[[Floats], Floats] | None
    segments: tuple[Segment, ...]
    labels: tuple[str, ...]
    cumulative: tuple[float, ...]
    basis: str
    missing: Missing

    @property
    def constant(self) -> str | None:
        """The only level a discrete marker can take, if there is only one."""
        shares = np.diff([0.0, *self.cumulative])
        certain = [label for label, share in zip(self.labels, shares, strict=True) if share == 1.0]
        return certain[0] if certain else None

    def levels(self, scores: Floats) -> NDArray[np.int8]:
        """Return which level of a discrete marker each score falls into."""
        cuts = ndtri(np.minimum(self.cumulative[:-1], 1.0))
        levels = np.zeros(scores.shape, dtype=np.int8)
        for cut in cuts:  # few: counting is many times as fast as a search
            levels += scores > cut
        return levels

    def numbers(self, scores: Floats) -> Floats:
        """Return the marker as numbers: values, 0 and 1, or positions of a category's levels."""
        if self.quantile is None:
            levels = self.levels(scores)
            if self.simulation.kind == "number":
                return np.array([float(label) for label in self.labels])[levels]
            return levels.astype(float)
        probabilities = ndtr(scores)
        if len(self.segments) == 1 and self.segments[0] == (0.0, 1.0, 0.0, 1.0):
            values = self.quantile(probabilities)
        else:
            values = self.quantile(self._source(probabilities))
        decimals = self.simulation.decimals
        return values if decimals is None else self._inside(np.round(values, decimals))

    def values(self, scores: Floats) -> pd.Categorical[Any] | NDArray[Any]:
        """Return the marker as it stands in a cohort's table."""
        if self.simulation.kind == "boolean":
            return self.levels(scores).astype(bool)
        if self.simulation.kind == "category":
            return pd.Categorical.from_codes(self.levels(scores), categories=pd.Index(self.labels))
        return self.numbers(scores)

    def tabulated(self) -> Floats:
        """Return the marker as numbers on `copula.GRID`."""
        return self.numbers(GRID)

    def _source(self, probabilities: Floats) -> Floats:
        lows = np.array([s.low for s in self.segments])
        slopes = np.array([(s.source_high - s.source_low) / (s.high - s.low) for s in self.segments])
        starts = np.array([s.source_low for s in self.segments])
        which = np.zeros(probabilities.shape, dtype=np.intp)
        for low in lows[1:]:
            which += probabilities >= low
        return np.asarray(starts[which] + (probabilities - lows[which]) * slopes[which])

    def _inside(self, values: Floats) -> Floats:
        """Keep rounded values inside the truncated and eligible range."""
        assert self.quantile is not None  # noqa: S101 (continuous margins only)
        ends = self.quantile(np.array([self.segments[0].source_low, self.segments[-1].source_high]))
        step = 10.0 ** -(self.simulation.decimals or 0)
        low, high = np.ceil(ends[0] / step - 1e-9) * step, np.floor(ends[1] / step + 1e-9) * step
        return np.clip(values, low, high) if low <= high else values


def midranks(values: Floats) -> Floats:
    """Return the distribution function at the middle of each value's jump, tabulated on the grid.

    Its correlation with another marker's is Spearman's, ties at mid-rank.
    """
    _, first, codes = np.unique(values, return_index=True, return_inverse=True)
    ends = np.append(first[1:], len(values))
    return np.asarray((GRID_PROBABILITIES[first] + GRID_PROBABILITIES[ends - 1])[codes] / 2)


def margin_of(simulation: Simulation, setting: Setting) -> Margin:
    """Return a marker's margin in a setting.

    The trial's published baseline replaces the setting's margin, and eligibility then truncates it.
    """
    override = next((o for o in simulation.overrides if o.fits(setting.setting, setting.histology)), None)
    parameters = {**simulation.parameters, **(override.parameters if override else {})}
    basis: str = simulation.margin if override is None else "setting"
    missing = (override.missing if override else None) or simulation.missing
    if simulation.trial.unknown in setting.baseline:
        missing = missing.model_copy(update={"fraction": setting.baseline[simulation.trial.unknown]})
    known = {key: setting.baseline[key] for key in simulation.trial.shares if key in setting.baseline}
    if simulation.family in {"bernoulli", "categorical"}:
        shares = dict(override.levels if override and override.levels else simulation.levels)
        if simulation.family == "bernoulli":
            shares = {"false": 1 - parameters["prevalence"], "true": parameters["prevalence"]}
        if known:
            shares, basis = level_shares(shares, simulation, known), "trial"
        return _discrete(simulation, eligible_levels(shares, simulation, setting), basis, missing)
    median_key = simulation.trial.median
    if median_key is not None and median_key in setting.baseline:
        centre = "mean" if simulation.family == "normal" else "median"
        parameters[centre], basis = setting.baseline[median_key], "trial"
    knots = (override.quantiles if override else ()) or simulation.quantiles
    quantile, below = _family(simulation.family, parameters, knots)
    low = below(simulation.low) if simulation.low is not None else 0.0
    high = below(simulation.high) if simulation.high is not None else 1.0
    segments: tuple[Segment, ...] = (Segment(0.0, 1.0, low, high),)
    if known:
        cuts = cut_probabilities(simulation, known)
        segments, basis = _warped(low, high, [(below(cut), p) for cut, p in cuts.items()]), "trial"
    eligibility = setting.eligibility.get(simulation.column)
    if eligibility is not None:
        segments = _truncated(segments, *eligible_range(eligibility, below, simulation), simulation)
    return Margin(simulation, quantile, segments, (), (), basis, missing)


def _family(
    family: str, parameters: dict[str, float], knots: tuple[tuple[float, float], ...]
) -> tuple[Callable[[Floats], Floats], Callable[[float], float]]:
    """Return a family's quantile function and its probability of lying below a value."""
    if family == "normal":
        mean, sd = parameters["mean"], parameters["sd"]
        return lambda p: mean + sd * ndtri(p), lambda x: float(ndtr((x - mean) / sd))
    if family == "quantiles":
        at, value = np.array(knots).T
        return lambda p: np.interp(p, at, value), lambda x: _below(x, at, value)
    zero, median, log_sd = parameters.get("zero", 0.0), parameters["median"], parameters["log_sd"]

    def quantile(p: Floats) -> Floats:
        if zero == 0.0:
            return np.asarray(median * np.exp(log_sd * ndtri(p)))
        inner = np.clip((p - zero) / (1 - zero), 0.0, 1.0)
        return np.asarray(median * np.exp(log_sd * ndtri(inner)))

    def below(x: float) -> float:
        return 0.0 if x <= 0 else zero + (1 - zero) * float(ndtr(np.log(x / median) / log_sd))

    return quantile, below


def _below(x: float, at: Floats, value: Floats) -> float:
    """Return the probability of a value under `x`; of several knots at `x` the first ends it."""
    i = int(np.searchsorted(value, x, side="left"))
    if i == len(value) or i == 0 or value[i] == x:
        return float(at[i]) if i < len(value) else 1.0
    share = (x - value[i - 1]) / (value[i] - value[i - 1])
    return float(at[i - 1] + share * (at[i] - at[i - 1]))


def _warped(low: float, high: float, cuts: list[tuple[float, float]]) -> tuple[Segment, ...]:
    """Stretch the family between cut points so that each part has its published share."""
    knots = [(low, 0.0), *((min(max(source, low), high), p) for source, p in cuts), (high, 1.0)]
    return tuple(Segment(p, q, source, following) for (source, p), (following, q) in pairwise(knots) if q > p)


def _truncated(
    segments: tuple[Segment, ...], low: float, high: float, simulation: Simulation
) -> tuple[Segment, ...]:
    """Restrict to source probabilities in ``[low, high]``; what is left becomes the whole."""
    kept = []
    for s in segments:
        start, end = max(s.source_low, low), min(s.source_high, high)
        if end > start:
            share = (s.high - s.low) * (end - start) / (s.source_high - s.source_low)
            kept.append((share, start, end))
    total = sum(share for share, _, _ in kept)
    if total <= 0:
        raise InputError(
            f"nobody is eligible by {simulation.column}: its margin lies outside of what is let in. "
            "Widen the eligibility, or drop the trial's baseline figure that contradicts it"
        )
    reached, out = 0.0, []
    for share, start, end in kept:
        following = reached + share / total
        out.append(Segment(reached, following, start, end))
        reached = following
    return tuple(out)


def _discrete(simulation: Simulation, shares: dict[str, float], basis: str, missing: Missing) -> Margin:
    cumulative = np.minimum(np.cumsum(list(shares.values())), 1.0)
    cumulative[-1] = 1.0
    return Margin(simulation, None, (), tuple(shares), tuple(float(p) for p in cumulative), basis, missing)
