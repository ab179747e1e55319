"""Which markers go together: the copula's correlation matrix, built from the register and repaired."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri

from pipeline.schema import Floats, InputError
from synthetic_data.copula import (
    GRID_MASS,
    latent_correlation,
    latent_from_odds_ratio,
    lower_root,
    nearest_correlation,
)
from synthetic_data.evidence.marker_figures import Association, Part
from synthetic_data.evidence.markers import MarkerSpec
from synthetic_data.evidence.simulation import FOUNDING, Simulation
from synthetic_data.margins import Margin, margin_of, midranks
from synthetic_data.setting import REFERENCE


@dataclass(frozen=True)
class Dependence:
    """The correlations of the normal scores of a set of markers.

    Attributes
    ----------
    ids : tuple of str
        Markers in the order of the matrix.
    margins : mapping
        Marker -> its margin in the reference population, in which correlations and effects are read.
    correlation : array, shape (d, d)
        Positive definite.
    root : array, shape (d, d)
        Its lower triangular factor.
    report : dict
        How many pairs have a figure, and what the repair changed.
    """

    ids: tuple[str, ...]
    margins: Mapping[str, Margin]
    correlation: Floats
    root: Floats
    report: Mapping[str, Any]

    def between(self, first: str, second: str) -> float:
        """Return the correlation of two markers' scores."""
        return float(self.correlation[self.ids.index(first), self.ids.index(second)])


def simulations(markers: Mapping[str, MarkerSpec]) -> dict[str, Simulation]:
    """Return how each marker is drawn, in the order of the columns; markers that are not drawn left out.

    Raises
    ------
    InputError
        Two markers of one column.
    """
    drawn = {name: spec.simulate for name, spec in markers.items() if spec.simulate is not None}
    ordered = dict(sorted(drawn.items(), key=lambda item: (item[1].order, item[0])))
    owners: dict[str, str] = {}
    for name, simulation in ordered.items():
        if simulation.column in owners:
            raise InputError(
                f"markers {owners[simulation.column]!r} and {name!r} both fill the column "
                f"{simulation.column!r}; give one of them another `simulate.column`"
            )
        owners[simulation.column] = name
    return ordered


def dependence_of(markers: Mapping[str, MarkerSpec]) -> Dependence:
    """Build the correlation matrix of the markers' normal scores.

    A pair with a figure gets the latent correlation that reproduces it in the reference population. A
    pair without one gets what the shared factors imply: the product of the loadings. The founding
    markers are then repaired together to the nearest positive definite matrix; later ones are added
    one at a time, what stands being kept.
    """
    drawn = simulations(markers)
    ids = tuple(drawn)
    margins = {name: margin_of(simulation, REFERENCE) for name, simulation in drawn.items()}
    target = _implied(drawn)
    pairs = _stated(drawn, margins)
    for (first, second), (rho, _) in pairs.items():
        i, j = ids.index(first), ids.index(second)
        target[i, j] = target[j, i] = rho
    founding = sum(simulation.order < FOUNDING for simulation in drawn.values())
    repaired = target.copy()
    if founding:
        repaired[:founding, :founding] = nearest_correlation(target[:founding, :founding])
    for size in range(max(founding, 1) + 1, len(ids) + 1):
        repaired[:size, :size] = nearest_correlation(repaired[:size, :size], fixed=size - 1)
    return Dependence(ids, margins, repaired, lower_root(repaired), _report(ids, target, repaired, pairs))


def _implied(drawn: Mapping[str, Simulation]) -> Floats:
    factors = sorted({factor for simulation in drawn.values() for factor in simulation.loadings})
    loadings = np.array([[s.loadings.get(f, 0.0) for f in factors] for s in drawn.values()])
    implied = loadings @ loadings.T if factors else np.zeros((len(drawn), len(drawn)))
    np.fill_diagonal(implied, 1.0)
    return np.asarray(implied, dtype=float)


def _stated(
    drawn: Mapping[str, Simulation], margins: Mapping[str, Margin]
) -> dict[tuple[str, str], tuple[float, str]]:
    """Return the latent correlation and basis of each pair with a figure, both markers of which are drawn."""
    tables = {name: margin.tabulated() for name, margin in margins.items()}
    ranks = {name: midranks(table) for name, table in tables.items()}
    out: dict[tuple[str, str], tuple[float, str]] = {}
    for name, simulation in drawn.items():
        for pair in simulation.correlations:
            if pair.marker not in drawn:
                continue
            if (name, pair.marker) in out or (pair.marker, name) in out or name == pair.marker:
                raise InputError(
                    f"marker {name!r}: simulate.correlations states the pair with {pair.marker!r} twice; "
                    "keep one of the two"
                )
            out[name, pair.marker] = _latent(name, pair, margins, tables, ranks), pair.basis
    return out


def _latent(
    name: str,
    pair: Association,
    margins: Mapping[str, Margin],
    tables: Mapping[str, Floats],
    ranks: Mapping[str, Floats],
) -> float:
    if pair.measure == "latent":
        return pair.value
    if pair.measure == "odds_ratio":
        assert pair.self_part is not None  # noqa: S101 (an odds ratio has both parts)
        assert pair.other_part is not None  # noqa: S101
        first, flipped = _threshold(margins[name], tables[name], pair.self_part)
        second, other_flipped = _threshold(margins[pair.marker], tables[pair.marker], pair.other_part)
        return latent_from_odds_ratio(
            first, second, pair.value if flipped == other_flipped else 1 / pair.value
        )
    chosen = ranks if pair.measure == "spearman" else tables
    return latent_correlation(chosen[name], chosen[pair.marker], pair.value)


def _threshold(margin: Margin, table: Floats, part: Part) -> tuple[float, bool]:
    """Return the score at which a part of the range starts, or ends: then the second value is true."""
    inside = inside_part(margin, table, part)
    upper = bool(inside[-1])
    share = float(GRID_MASS @ inside)
    return float(ndtri(1 - share if upper else share)), not upper


def inside_part(margin: Margin, numbers: Floats, part: Part) -> Floats:
    """Return 1 where a marker's numbers lie in a part of its range and 0 elsewhere."""
    if part.levels:
        codes = [margin.labels.index(level) for level in part.levels]
        numeric = [float(margin.labels[c]) for c in codes] if margin.simulation.kind == "number" else codes
        return np.isin(numbers, numeric).astype(float)
    low = -np.inf if part.at_least is None else part.at_least
    high = np.inf if part.below is None else part.below
    return ((numbers >= low) & (numbers < high)).astype(float)


def _report(
    ids: tuple[str, ...],
    target: Floats,
    repaired: Floats,
    pairs: Mapping[tuple[str, str], tuple[float, str]],
) -> dict[str, Any]:
    change = np.abs(repaired - target)
    above = np.triu_indices(len(ids), 1)
    largest = sorted(zip(*above, strict=True), key=lambda at: -change[at])[:10]
    stated = {frozenset(pair) for pair in pairs}
    implied = [at for at in zip(*above, strict=True) if frozenset((ids[at[0]], ids[at[1]])) not in stated]
    return {
        "markers": len(ids),
        "pairs": len(above[0]),
        "pairs_by_basis": {
            basis: sum(b == basis for _, b in pairs.values()) for basis in ("published", "derived", "assumed")
        },
        "pairs_implied_by_factors": int(sum(target[at] != 0 for at in implied)),
        "pairs_independent": int(sum(target[at] == 0 for at in implied)),
        "least_eigenvalue_before": float(np.linalg.eigvalsh(target)[0]) if len(ids) else 1.0,
        "largest_change": float(change[above].max(initial=0.0)),
        "mean_change": float(change[above].mean()) if len(above[0]) else 0.0,
        "most_changed": [
            {
                "markers": [ids[i], ids[j]],
                "stated": round(float(target[i, j]), 4),
                "used": round(float(repaired[i, j]), 4),
            }
            for i, j in largest
            if change[i, j] > 0.005
        ],
    }
