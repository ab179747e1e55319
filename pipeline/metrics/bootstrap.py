"""Resamples of patients as case weights, and percentile intervals from what they give."""

from __future__ import annotations

import numpy as np

from pipeline.schema import Floats

LEAST_DEFINED = 0.9  # share of resamples in which a value must be defined for it to have an interval


def resamples(patients: int, replicates: int, rng: np.random.Generator) -> Floats:
    """Return how often each patient stands in the sample itself (row 0: once) and in each resample.

    Shape (replicates + 1, patients); every row sums to `patients`.
    """
    drawn = rng.multinomial(patients, np.full(patients, 1 / patients), size=replicates)
    return np.vstack([np.ones((1, patients)), drawn])


def interval(values: Floats, level: float) -> tuple[Floats, Floats]:
    """Return the percentile interval over the first axis; NaN where too few resamples define the value."""
    tail = (1 - level) / 2
    defined = np.isfinite(values)
    enough = defined.mean(axis=0) >= LEAST_DEFINED
    filled = np.where(enough, np.where(defined, values, np.nan), 0.0)
    low, high = np.nanquantile(filled, [tail, 1 - tail], axis=0)
    return np.where(enough, low, np.nan), np.where(enough, high, np.nan)


def estimate(values: Floats, level: float) -> tuple[float, float, float]:
    """Return the value of the sample itself, the first of `values`, and its interval over the others."""
    low, high = interval(values[1:], level)
    return float(values[0]), float(low), float(high)
