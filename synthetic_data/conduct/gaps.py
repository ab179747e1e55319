"""Which values are never recorded: completely at random, depending on others, or on the value itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Final, Literal

import numpy as np
from pydantic import Field, model_validator
from scipy.optimize import brentq
from scipy.special import expit, logit, ndtri
from scipy.stats import qmc

from pipeline.schema import Floats, InputError
from synthetic_data.copula import GRID, GRID_MASS
from synthetic_data.dependence import Dependence
from synthetic_data.evidence.values import Spec
from synthetic_data.margins import Margin

POINTS: Final = 2**14  # of the quasi-random rule that averages over several drivers; one driver needs none
LEAST_MASS: Final = 1e-18
Strength = Annotated[float, Field(ge=-5, le=5)]


class GapSpec(Spec):
    """How often one marker is not recorded, and on what that depends.

    The log odds rise by the strength of each driver per standard deviation of that driver's standing
    (`standing`), and under ``mnar`` by `strength` per standard deviation of the marker's own. Drivers
    are true values: where a driver is itself missing, so is the reason, and values that are missing
    at random given the truth are not so given what was recorded.
    """

    mechanism: Literal["mcar", "mar", "mnar"] = "mcar"
    share: Annotated[float, Field(ge=0, le=0.95)]
    drivers: dict[str, Strength] = {}
    strength: Strength = 0.0

    @model_validator(mode="after")
    def _mechanism_fits(self) -> GapSpec:
        if (self.mechanism == "mar") and not any(self.drivers.values()):
            raise ValueError("mar: `drivers` must name a column and its strength")
        if self.mechanism == "mcar" and self.drivers:
            raise ValueError("mcar depends on nothing; drop `drivers`, or make it mar")
        if self.share == 0 and self.mechanism != "mcar":
            raise ValueError("a share of 0 depends on nothing; make it mcar")
        if (self.mechanism == "mnar") != (self.strength != 0):
            raise ValueError("`strength`, other than 0, belongs to mnar, which needs it")
        return self


@dataclass(frozen=True)
class Gap:
    """A marker's missingness, solved: log odds = `intercept` + strengths @ standings."""

    column: str
    spec: GapSpec
    intercept: float
    tables: Mapping[str, tuple[Floats, Floats, float]]  # driver -> numbers, standings, strength

    def chance(self, numbers: Mapping[str, Floats]) -> Floats | float:
        """Return the probability that the value is missing, shape (n,), or one for all under mcar.

        Parameters
        ----------
        numbers : mapping of column to array, shape (n,)
            True values of the drivers, as numbers (`Margin.numbers`).
        """
        if not self.tables:
            return self.spec.share
        log_odds = np.full(len(next(iter(numbers.values()))), self.intercept)
        for column, (values, standings, strength) in self.tables.items():
            log_odds += strength * np.interp(numbers[column], values, standings)
        return np.asarray(expit(log_odds))

    def account(self) -> dict[str, Any]:
        """Return what was asked for and solved, ready for JSON."""
        solved = round(self.intercept, 5) if np.isfinite(self.intercept) else None
        return self.spec.model_dump(mode="json") | {"intercept": solved}


def standing(margin: Margin) -> tuple[Floats, Floats]:
    """Return a marker's possible numbers, ascending, and where each stands in the population.

    The standing of a number is the mean normal score of those who have it: a function of the value
    alone, of mean 0, whatever the marker's kind; its own score where no two patients share a number.
    """
    table = margin.tabulated()
    numbers, codes = np.unique(table, return_inverse=True)
    mass = np.maximum(GRID_MASS, LEAST_MASS)  # in the far upper tail the grid's mass rounds to none
    return numbers, np.bincount(codes, mass * GRID) / np.bincount(codes, mass)


def build_gaps(
    specs: Mapping[str, GapSpec], margins: Mapping[str, Margin], dependence: Dependence
) -> dict[str, Gap]:
    """Solve each marker's missingness so that its share is met in expectation.

    Parameters
    ----------
    specs : mapping of column to GapSpec
    margins : mapping of marker id to Margin
        All markers drawn, in the cohort's setting.
    dependence : Dependence

    Raises
    ------
    InputError
        Naming every column that is not drawn, or has one value only.
    """
    by_column = {m.simulation.column: (name, m) for name, m in margins.items() if m.constant is None}
    faults = [
        f"missing.{column}: column {wanted!r} is not drawn; columns drawn are {', '.join(by_column)}"
        for column, spec in specs.items()
        for wanted in (column, *spec.drivers)
        if wanted not in by_column
    ]
    faults += [
        f"missing.{column}: names itself among its drivers; use mnar and `strength`"
        for column, spec in specs.items()
        if column in spec.drivers
    ]
    if faults:
        raise InputError("\n".join(faults))
    return {column: _solved(column, spec, by_column, dependence) for column, spec in specs.items()}


def _solved(
    column: str, spec: GapSpec, by_column: Mapping[str, tuple[str, Margin]], dependence: Dependence
) -> Gap:
    strengths = {c: s for c, s in spec.drivers.items() if s}
    if spec.strength:
        strengths[column] = spec.strength
    if not strengths:
        return Gap(column, spec, float(logit(spec.share)), {})
    tables = {c: (*standing(by_column[c][1]), s) for c, s in strengths.items()}
    if len(tables) == 1:
        points, mass = GRID[None, :], GRID_MASS
    else:
        rows = [dependence.ids.index(by_column[c][0]) for c in tables]
        root = np.linalg.cholesky(dependence.correlation[np.ix_(rows, rows)])
        points, mass = root @ _normal_points(len(rows)), np.full(POINTS, 1 / POINTS)
    predictor = np.zeros(points.shape[1])
    for (values, standings, strength), scores, c in zip(tables.values(), points, tables, strict=True):
        predictor += strength * np.interp(by_column[c][1].numbers(scores), values, standings)

    def excess(intercept: float) -> float:
        return float(mass @ expit(intercept + predictor)) - spec.share

    return Gap(column, spec, float(brentq(excess, -80.0, 80.0, xtol=1e-12)), tables)


@cache
def _normal_points(dimensions: int) -> Floats:
    # fixed points: part of the rule, not of any draw
    sobol = qmc.Sobol(dimensions, scramble=True, rng=np.random.default_rng(0))
    return np.asarray(ndtri(sobol.random(POINTS)).T)
