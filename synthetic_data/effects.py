"""What markers do to outcomes: published ratios made conditional on each other, then contributions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from pipeline.schema import Floats, InputError
from synthetic_data.copula import GRID, GRID_MASS, correlation_of, spread
from synthetic_data.dependence import Dependence
from synthetic_data.evidence.markers import MarkerSpec
from synthetic_data.evidence.simulation import MarkerEffect
from synthetic_data.margins import Margin
from synthetic_data.markers import MarkerDraw

Endpoint = Literal["os", "pfs", "response"]
ENDPOINTS: Final[tuple[Endpoint, ...]] = ("os", "pfs", "response")

# Upper against lower decile of a 27-variable prognostic score in advanced NSCLC: hazard ratio 7.91
# (ROPRO, context file of the register). For normal scores the deciles' means lie 2 x 1.755 standard
# deviations apart. No such figure exists for progression; death's is used for it too.
DECILE_HAZARD_RATIO: Final = 7.91
LARGEST_SPREAD: Final = math.log(DECILE_HAZARD_RATIO) / (2 * 1.755)
# Added to the diagonal when marginal effects are made conditional: correlations between markers come
# from different cohorts, and single studies overstate what they select.
RIDGE: Final = 0.1


@dataclass(frozen=True)
class ConditionalEffect:
    """One effect on the way from its publication into a patient's hazard, as log ratios per unit."""

    marker: str
    effect: MarkerEffect
    published: float
    conditional: float
    used: float


def conditional_log_hazards(
    markers: Mapping[str, MarkerSpec],
    draw: MarkerDraw,
    endpoint: str,
    arm_is_checkpoint_inhibitor: bool,
) -> pd.DataFrame:
    """Return each marker's contribution to the log relative hazard (log odds, for response).

    Parameters
    ----------
    markers : mapping of id to MarkerSpec
        The ones drawn.
    draw : MarkerDraw
    endpoint : {"os", "pfs", "response"}
    arm_is_checkpoint_inhibitor : bool
        Chooses between effects seen under checkpoint inhibition and those seen without.

    Returns
    -------
    DataFrame, shape (n, markers with an effect)
        Columns as in `draw.values`, of mean zero over the setting's population. ``attrs`` holds the
        account of the effects, ready for JSON.
    """
    if endpoint not in ENDPOINTS:
        raise InputError(f"unknown endpoint {endpoint!r}; known: {', '.join(ENDPOINTS)}")
    effects, account = conditional_effects(markers, draw.dependence, endpoint)
    contributions: dict[str, Floats] = {}
    for item in effects:
        if not acts(item.effect, arm_is_checkpoint_inhibitor):
            continue
        margin = draw.margins[item.marker]
        column = margin.simulation.column
        if column not in draw.values:
            continue
        expected = float(GRID_MASS @ exposure(item.effect, margin, margin.tabulated()))
        seen = exposure(item.effect, margin, _numbers(draw, column))
        part = item.used * (seen - expected)
        contributions[column] = contributions[column] + part if column in contributions else part
    table = pd.DataFrame(contributions, index=draw.values.index)
    table.attrs = {**account}
    return table


def acts(effect: MarkerEffect, arm_is_checkpoint_inhibitor: bool) -> bool:
    """Whether an effect is felt in an arm with, or without, a checkpoint inhibitor."""
    return effect.acts_in == "every_arm" or (
        (effect.acts_in == "checkpoint_inhibitor") == arm_is_checkpoint_inhibitor
    )


def _numbers(draw: MarkerDraw, column: str) -> Floats:
    values = draw.values[column]
    if isinstance(values.dtype, pd.CategoricalDtype):
        return np.asarray(values.cat.codes, dtype=float)
    return np.asarray(values, dtype=float)


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

    Ratios of one joint model stand as they are. Every other ratio, univariable or adjusted for
    something else, is read as marginal: m = log ratio per standard deviation of what it multiplies.
    With R the correlations of these exposures in the reference population, and the joint effects b_A
    held fixed, the conditional ones solve (R_UU + λI) b = m - R_UA b_A under the constraint that none
    changes its sign: an effect that the others explain goes to zero. Effects in arms without a
    checkpoint inhibitor are solved last, given those of every arm. If the linear predictor then
    spreads more than published prognostic scores do (`LARGEST_SPREAD`), all are scaled by one factor.

    Returns
    -------
    effects : list of ConditionalEffect
    account : dict
        Ready for JSON.
    """
    items = [
        (name, effect)
        for name in dependence.ids
        for effect in (markers[name].simulate.effects if markers[name].simulate else ())  # type: ignore[union-attr]
        if effect.endpoint == endpoint
    ]
    tables = [
        exposure(effect, dependence.margins[name], dependence.margins[name].tabulated())
        for name, effect in items
    ]
    scales = np.array([spread(table) for table in tables])
    marginal = np.array([effect.log_ratio for _, effect in items]) * scales
    among = _exposure_correlations(items, tables, dependence)
    conditional = _solve(items, marginal, among)
    spreads = {
        with_inhibitor: _spread_of(
            np.where([acts(e, with_inhibitor) for _, e in items], conditional, 0.0), among
        )
        for with_inhibitor in (True, False)
    }
    factor = 1.0
    if endpoint != "response" and max(spreads.values()) > LARGEST_SPREAD:
        factor = LARGEST_SPREAD / max(spreads.values())
    units = np.where(scales > 0, scales, 1.0)
    effects = [
        ConditionalEffect(name, effect, effect.log_ratio, float(b / unit), float(factor * b / unit))
        for (name, effect), b, unit in zip(items, conditional, units, strict=True)
        if unit > 0
    ]
    return effects, _account(effects, spreads, factor, dependence)


def _exposure_correlations(
    items: Sequence[tuple[str, MarkerEffect]], tables: Sequence[Floats], dependence: Dependence
) -> Floats:
    among = np.eye(len(items))
    for i, (first, _) in enumerate(items):
        for j, (second, _) in enumerate(items[:i]):
            if first == second:
                among[i, j] = _same_score(tables[i], tables[j])
            else:
                among[i, j] = correlation_of(tables[i], tables[j], dependence.between(first, second))
            among[j, i] = among[i, j]
    return among


def _same_score(first: Floats, second: Floats) -> float:
    scale = spread(first) * spread(second)
    centred = (first - GRID_MASS @ first) * (second - GRID_MASS @ second)
    return float(GRID_MASS @ centred) / scale if scale else 0.0


def _solve(items: Sequence[tuple[str, MarkerEffect]], marginal: Floats, among: Floats) -> Floats:
    joint = np.array([effect.joint is not None for _, effect in items], dtype=bool)
    other = np.array([effect.acts_in == "other" for _, effect in items], dtype=bool)
    every = np.array([effect.acts_in == "every_arm" for _, effect in items], dtype=bool)
    out = np.where(joint, marginal, 0.0)
    first = ~joint & ~other
    out[first] = signed_ridge(among, marginal, first, joint & ~other, out)
    last = ~joint & other
    out[last] = signed_ridge(among, marginal, last, every | (joint & other), out)
    return out


def signed_ridge(
    among: Floats, marginal: Floats, wanted: Floats, known: Floats, effects: Floats, ridge: float = RIDGE
) -> Floats:
    """Solve for the `wanted` conditional effects, given the `known` ones, keeping the marginal signs.

    Parameters
    ----------
    among : array, shape (d, d)
        Correlations of the exposures.
    marginal, effects : array, shape (d,)
        Log ratios per standard deviation: marginal ones, and conditional ones where known.
    wanted, known : boolean arrays, shape (d,)
    """
    if not np.any(wanted):
        return np.zeros(0)
    from scipy.optimize import nnls

    left = marginal[wanted] - among[np.ix_(wanted, known)] @ effects[known]
    signs = np.where(marginal[wanted] < 0, -1.0, 1.0)
    system = among[np.ix_(wanted, wanted)] + ridge * np.eye(int(np.sum(wanted)))
    root = np.linalg.cholesky(system)
    # minimising b'Sb/2 - b'left over b = sign * x, x >= 0, as a least-squares problem in x
    solution, _ = nnls(root.T * signs, np.linalg.solve(root, left))
    return np.asarray(signs * solution)


def _spread_of(effects: Floats, among: Floats) -> float:
    return math.sqrt(max(float(effects @ among @ effects), 0.0))


def _account(
    effects: Sequence[ConditionalEffect],
    spreads: Mapping[bool, float],
    factor: float,
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
            "conditional_ratio": round(math.exp(item.conditional), 4),
            "used_ratio": round(math.exp(item.used), 4),
            "reason": item.effect.reason,
        }
        for item in effects
    ]
    return {
        "effects": rows,
        "univariable_only": sorted({str(r["column"]) for r in rows if not r["adjusted"]}),
        "explained_by_others": sorted(
            {str(r["column"]) for r, item in zip(rows, effects, strict=True) if item.conditional == 0.0}
        ),
        "spread_with_checkpoint_inhibitor": round(spreads[True], 4),
        "spread_without_checkpoint_inhibitor": round(spreads[False], 4),
        "largest_spread": round(LARGEST_SPREAD, 4),
        "scaled_by": round(factor, 4),
        "ridge": RIDGE,
        "grid_points": len(GRID),
    }
