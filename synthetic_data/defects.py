"""Missing values and detection limits, put into a cohort's markers after the truth is fixed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit

from pipeline.schema import Floats, InputError
from synthetic_data.copula import GRID, GRID_MASS
from synthetic_data.evidence.markers import MarkerSpec
from synthetic_data.evidence.simulation import Missing, Simulation
from synthetic_data.markers import MarkerDraw
from synthetic_data.streams import draw_key, stream


def add_defects(
    markers: Mapping[str, MarkerSpec],
    draw: MarkerDraw,
    rng: np.random.Generator,
    measured: pd.DataFrame | None = None,
    chances: Mapping[str, Floats | float] | None = None,
    untested: Mapping[str, NDArray[np.bool_]] | None = None,
) -> pd.DataFrame:
    """Return the markers as a database would hold them.

    Values under a marker's detection limit become that limit or half of it, as the marker declares;
    then values go missing, completely at random or depending on another column's true value. A
    boolean column whose values can be missing holds 0.0, 1.0 and NaN. Each marker has a stream of its
    own, or that of the one it is tested with.

    Parameters
    ----------
    markers : mapping of id to MarkerSpec
        The ones drawn.
    draw : MarkerDraw
    rng : Generator
    measured : DataFrame, optional
        What the laboratories report; the true values when left out.
    chances : mapping of column to float or array, shape (n,), optional
        Probabilities of a missing value, in place of those that the marker declares.
    untested : mapping of column to array of bool, shape (n,), optional
        Whose site cannot tell.
    """
    key, chances, untested = draw_key(rng), chances or {}, untested or {}
    values = draw.values if measured is None else measured
    observed: dict[str, pd.Series[Any]] = {str(c): column for c, column in values.items()}
    for name in draw.dependence.ids:
        simulation = markers[name].simulate
        if simulation is None or simulation.column not in observed:
            continue
        column = simulation.column
        limited = _limited(observed[column], simulation)
        missing = draw.margins[name].missing
        if column in chances or missing.fraction > 0:
            chance = chances[column] if column in chances else _chance(missing, column, draw)
            together = None if column in chances else missing.tested_with
            limited = _blanked(limited, stream(key, together or name).random(len(limited)) < chance)
        if column in untested:
            limited = _blanked(limited, untested[column])
        observed[column] = limited
    return pd.DataFrame(observed, index=draw.values.index, copy=False)


def _limited(values: pd.Series[Any], simulation: Simulation) -> pd.Series[Any]:
    limit = simulation.detection_limit
    if limit is None:
        return values
    return values.mask(values < limit, limit if simulation.below_limit == "limit" else limit / 2)


def _blanked(values: pd.Series[Any], absent: NDArray[np.bool_]) -> pd.Series[Any]:
    values = values.astype(float) if values.dtype == bool else values  # whether or not one is missing here
    return values.mask(absent) if absent.any() else values


def _chance(missing: Missing, column: str, draw: MarkerDraw) -> float | Floats:
    if missing.mechanism == "mcar":
        return missing.fraction
    if missing.depends_on not in draw.scores:
        raise InputError(
            f"column {column!r}: missing.depends_on names {missing.depends_on!r}, which is not "
            f"drawn; draw its marker too, or make the values missing completely at random"
        )
    scores = draw.scores[missing.depends_on].to_numpy()
    return np.asarray(expit(log_odds_of_missing(missing) + missing.strength * scores))


def log_odds_of_missing(missing: Missing) -> float:
    """Return the log odds at an average patient that make `missing.fraction` missing overall."""

    def excess(intercept: float) -> float:
        return float(GRID_MASS @ expit(intercept + missing.strength * GRID)) - missing.fraction

    return float(brentq(excess, -60.0, 60.0))
