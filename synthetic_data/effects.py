"""What markers do to outcomes: published ratios made conditional on each other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from pipeline.schema import Floats, InputError
from synthetic_data.copula import GRID_MASS, covariance_of, expansion, spread
from synthetic_data.dependence import Dependence, simulations
from synthetic_data.evidence.marker_figures import MarkerEffect
from synthetic_data.evidence.markers import MarkerSpec
from synthetic_data.margins import Margin

Endpoint = Literal["os", "pfs", "response"]
ENDPOINTS: Final[tuple[Endpoint, ...]] = ("os", "pfs", "response")

# Upper against lower decile of a 27-variable prognostic score in advanced NSCLC: hazard ratio 7.91
# (ROPRO, context file of the register). For normal scores the deciles' means lie 2 x 1.755 standard
# deviations apart. No such figure exists for progression; death's is used for it too.
DECILE_HAZARD_RATIO: Final = 7.91
LARGEST_SPREAD: Final = math.log(DECILE_HAZARD_RATIO) / (2 * 1.755)
# Shrinkage of conditional effects: at least this much, because the correlations between markers come
# from different cohorts and studies print the effects they find; more where the effects together
# would spread patients wider than published scores do.
LEAST_RIDGE: Final = 0.1
# How much of the ridge falls on an effect: figures adjusted for others are trusted more.
UNIVARIABLE, ADJUSTED, JOINT = 1.0, 0.5, 0.25


@dataclass(frozen=True)
class ConditionalEffect:
    """One effect as it enters a patient's hazard: log ratio per unit, the other markers held fixed."""

    marker: str
    effect: MarkerEffect
    log_ratio: float


def exposure(effect: MarkerEffect, margin: Margin, numbers: Floats) -> Floats:
    """Return what an effect multiplies: the marker's numbers, transformed."""
    if effect.transform == "level":
        assert effect.level is not None  # noqa: S101 (the spec demands it)
        code = float(margin.labels.index(effect.level))
        if margin.simulation.kind == "number":
            code = float(effect.level)
        return np.asarray(numbers == code, dtype=float)
    if effect.transform == "at_least":
        assert effect.threshold is not None  # noqa: S101 (the spec demands it)
        return np.asarray(numbers >= effect.threshold, dtype=float)
    if effect.transform == "linear":
        return np.asarray(numbers / effect.per)
    base = 1.0 if effect.transform == "ln" else math.log(2)
    return np.asarray(np.log(numbers + effect.offset) / base / effect.per)


def conditional_effects(
    markers: Mapping[str, MarkerSpec], dependence: Dependence, endpoint: str
) -> tuple[list[ConditionalEffect], dict[str, Any]]:
    """Turn the published ratios of one endpoint into effects that hold the other markers fixed.

    With R the correlations, in the reference population, of what the ratios multiply, and log ratios
    per standard deviation: a ratio of a univariable analysis, or adjusted for something else, is read
    as marginal. The ratios b_A of one joint model hold each other fixed and nothing else; their
    marginal values are R_AA b_A. All conditional effects then solve (R + D) b = m under the
    constraint that none changes its published sign; one that the others explain goes to zero. D is a
    ridge, smaller for adjusted figures, raised until the linear predictor spreads no wider than
    published prognostic scores (`LARGEST_SPREAD`). Effects in arms without a checkpoint inhibitor
    are solved last, given those of every arm.

    Returns
    -------
    effects : list of ConditionalEffect
    account : dict
        Ready for JSON.

    Raises
    ------
    InputError
        An endpoint not in ENDPOINTS.
    """
    if endpoint not in ENDPOINTS:
        raise InputError(f"unknown endpoint {endpoint!r}; known: {', '.join(ENDPOINTS)}")
    items = [
        (name, effect)
        for name, simulation in simulations(markers).items()
        for effect in simulation.effects
        if effect.endpoint == endpoint
    ]
    margins = dependence.margins
    tables = [exposure(effect, margins[name], margins[name].tabulated()) for name, effect in items]
    scales = np.array([spread(table) for table in tables])
    problem = _Problem.of(items, scales, _exposure_correlations(items, tables, scales, dependence))
    ridge = LEAST_RIDGE if endpoint == "response" else problem.ridge_for(LARGEST_SPREAD)
    solved = problem.solve(ridge)
    effects = [
        ConditionalEffect(name, effect, float(b / scale))
        for (name, effect), b, scale in zip(items, solved, scales, strict=True)
        if scale > 0
    ]
    return effects, _account(effects, problem.spreads(solved), ridge, dependence)


@dataclass(frozen=True)
class _Problem:
    """The equations of all conditional effects on one endpoint, per standard deviation of exposure."""

    among: Floats
    marginal: Floats
    signs: Floats
    weights: Floats
    in_other: NDArray[np.bool_]  # felt only without a checkpoint inhibitor
    in_every: NDArray[np.bool_]

    @classmethod
    def of(cls, items: Sequence[tuple[str, MarkerEffect]], scales: Floats, among: Floats) -> _Problem:
        printed = np.array([effect.log_ratio for _, effect in items]) * scales
        models = np.array([effect.joint or "" for _, effect in items])
        marginal = printed.copy()
        for model in set(models.tolist()) - {""}:
            inside = models == model
            marginal[inside] = among[np.ix_(inside, inside)] @ printed[inside]
        weights = [JOINT if e.joint else ADJUSTED if e.adjusted else UNIVARIABLE for _, e in items]
        return cls(
            among,
            marginal,
            np.sign(printed),
            np.array(weights),
            np.array([e.acts_in == "other" for _, e in items], dtype=bool),
            np.array([e.acts_in == "every_arm" for _, e in items], dtype=bool),
        )

    def solve(self, ridge: float) -> Floats:
        out = np.zeros(len(self.marginal))
        system = self.among + ridge * np.diag(self.weights)
        first, last = ~self.in_other, self.in_other
        out[first] = signed_solution(system[np.ix_(first, first)], self.marginal[first], self.signs[first])
        left = self.marginal[last] - self.among[np.ix_(last, self.in_every)] @ out[self.in_every]
        out[last] = signed_solution(system[np.ix_(last, last)], left, self.signs[last])
        return out

    def spreads(self, effects: Floats) -> tuple[float, float]:
        """Spread of the linear predictor with, and without, a checkpoint inhibitor."""
        with_inhibitor = np.where(self.in_other, 0.0, effects)
        without = np.where(self.in_other | self.in_every, effects, 0.0)
        return self._spread(with_inhibitor), self._spread(without)

    def _spread(self, effects: Floats) -> float:
        return math.sqrt(max(float(effects @ self.among @ effects), 0.0))

    def ridge_for(self, largest_spread: float) -> float:
        """Return the smallest ridge at which no arm's linear predictor spreads wider."""

        def excess(log_ridge: float) -> float:
            return max(self.spreads(self.solve(math.exp(log_ridge)))) - largest_spread

        least = math.log(LEAST_RIDGE)
        if not len(self.marginal) or excess(least) <= 0:
            return LEAST_RIDGE
        return math.exp(float(brentq(excess, least, math.log(1e3), xtol=1e-3)))


def signed_solution(system: Floats, right: Floats, signs: Floats) -> Floats:
    """Minimise b'Sb/2 - b'r over b whose elements have the given signs or are zero.

    Coordinate descent; S must be positive definite. Without the constraint it solves Sb = r.
    """
    b = np.zeros(len(right))
    for _ in range(10_000):
        moved = 0.0
        for j in range(len(b)):
            best = b[j] + (right[j] - float(system[j] @ b)) / system[j, j]
            best = best if best * signs[j] > 0 else 0.0
            moved = max(moved, abs(best - b[j]))
            b[j] = best
        if moved < 1e-10:
            break
    return b


def _exposure_correlations(
    items: Sequence[tuple[str, MarkerEffect]],
    tables: Sequence[Floats],
    scales: Floats,
    dependence: Dependence,
) -> Floats:
    among = np.eye(len(items))
    shapes = [expansion(table) for table in tables]
    for i, (first, _) in enumerate(items):
        for j, (second, _) in enumerate(items[:i]):
            if first == second:
                among[i, j] = _same_score(tables[i], tables[j])
            elif scales[i] * scales[j] > 0:
                rho = dependence.between(first, second)
                among[i, j] = covariance_of(shapes[i], shapes[j], rho) / (scales[i] * scales[j])
            else:
                among[i, j] = 0.0
            among[j, i] = among[i, j]
    return among


def _same_score(first: Floats, second: Floats) -> float:
    scale = spread(first) * spread(second)
    centred = (first - GRID_MASS @ first) * (second - GRID_MASS @ second)
    return float(GRID_MASS @ centred) / scale if scale else 0.0


def _account(
    effects: Sequence[ConditionalEffect],
    spreads: tuple[float, float],
    ridge: float,
    dependence: Dependence,
) -> dict[str, Any]:
    rows = [
        {
            "column": dependence.margins[item.marker].simulation.column,
            "marker": item.marker,
            "acts_in": item.effect.acts_in,
            "transform": item.effect.transform,
            "basis": item.effect.basis,
            "adjusted": item.effect.adjusted,
            "joint_model": item.effect.joint,
            "published_ratio": round(item.effect.ratio, 4),
            "conditional_ratio": round(math.exp(item.log_ratio), 4),
            "reason": item.effect.reason,
        }
        for item in effects
    ]
    return {
        "effects": rows,
        "univariable_only": sorted({str(row["column"]) for row in rows if not row["adjusted"]}),
        "explained_by_others": sorted(
            {str(row["column"]) for row, item in zip(rows, effects, strict=True) if item.log_ratio == 0}
        ),
        "ridge": round(ridge, 4),
        "spread_with_checkpoint_inhibitor": round(spreads[0], 4),
        "spread_without_checkpoint_inhibitor": round(spreads[1], 4),
        "largest_spread": round(LARGEST_SPREAD, 4),
    }
