"""What a forest is given, checked: outcomes, weights and options."""

from __future__ import annotations

import math
import multiprocessing
import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np
from joblib import effective_n_jobs
from numpy.typing import NDArray

from pipeline.schema import Floats
from pipeline.survival_forest.binning import MOST_BINS
from pipeline.survival_forest.growing import Growth
from pipeline.survival_forest.time_grid import MOST_KNOTS

MOST_ROWS = 2**31 - 1  # rows are counted in 32 bits
MOST_CAUSES = 255
MOST_DRAWS_OF_A_ROW = 2**16 - 1
UNLIMITED = 2**31 - 1
MOST_OF_THIRD = 16  # features tried in a node, when it is "auto" and their square root is less
EVENTS_OF_LEAF, MOST_IN_LEAF = 6, 30  # when it is "auto"


def check_survival(y: Any, rows: int) -> tuple[Floats, NDArray[np.intp]]:
    """Return times and causes (0 censored, else 1, 2, ...) of a structured array of event and time.

    Raises
    ------
    ValueError
        When it is no such array, of another length, a time is negative or not finite, or nobody has an event.
    """
    y = np.asarray(y)
    names = y.dtype.names
    if names is None or len(names) != 2 or y.ndim != 1:
        raise ValueError(
            "y must be a structured array of event and time, as sksurv.util.Surv.from_arrays makes. "
            f"Got an array of {y.dtype} and shape {y.shape} instead."
        )
    event, time = y[names[0]], np.asarray(y[names[1]], dtype=float)
    if event.dtype.kind not in "bui":
        raise ValueError(f"event must be bool, or a whole number for each cause. Got {event.dtype} instead.")
    if len(y) != rows:
        raise ValueError(f"X and y must have the same length. Got {rows} and {len(y)} instead.")
    faulty = np.flatnonzero(~(np.isfinite(time) & (time >= 0)))
    if len(faulty):
        raise ValueError(
            f"times must be finite and not negative. Got {time[faulty[0]]} in row {faulty[0]} "
            f"({len(faulty)} such rows) instead."
        )
    cause = event.astype(np.intp)
    if cause.min() < 0 or cause.max() > MOST_CAUSES:
        raise ValueError(f"causes must be 0 (censored) to {MOST_CAUSES}. Got {cause.min()} to {cause.max()}.")
    if not cause.any():
        raise ValueError(f"none of {len(y)} rows had an event: there is nothing to learn. Check the coding.")
    return time, cause


def check_weights(sample_weight: Any, cause: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return weights as float32, ones when left out; ValueError when one cannot be a weight."""
    if sample_weight is None:
        return np.ones(len(cause), dtype=np.float32)
    weight = np.asarray(sample_weight, dtype=np.float32)
    if weight.shape != cause.shape:
        raise ValueError(f"sample_weight must have shape {cause.shape}. Got {weight.shape} instead.")
    if not (np.isfinite(weight) & (weight >= 0)).all():
        raise ValueError("sample_weight must be finite and not negative.")
    if not (cause[weight > 0] > 0).any():
        raise ValueError("none of the rows with a positive sample_weight had an event.")
    return weight


def resolve_growth(forest: Any, features: int, cause: NDArray[np.intp]) -> Growth:
    """Return the options of `forest` as numbers, or a ValueError that names every faulty one."""
    faults: list[str] = []
    rows, causes = len(cause), int(cause.max())

    def within(name: str, low: float, high: float, whole: bool = True) -> Any:
        value: Any = getattr(forest, name)
        fits = isinstance(value, numbers.Integral if whole else numbers.Real) and not isinstance(value, bool)
        if not (fits and low <= float(value) <= high):
            number = "a whole number" if whole else "a number"
            faults.append(f"{name} must be {number} from {low:g} to {high:g}. Got {value!r} instead")
            return low
        return value

    def one_of(name: str, *allowed: Any) -> Any:
        value = getattr(forest, name)
        if value not in allowed:
            faults.append(f"{name} must be {' or '.join(map(repr, allowed))}. Got {value!r} instead")
        return value

    within("n_estimators", 1, 100_000)
    deepest = UNLIMITED if forest.max_depth is None else within("max_depth", 1, UNLIMITED)
    leaf = patients_of_leaf(cause)
    if forest.min_samples_leaf != "auto":
        leaf = within("min_samples_leaf", 1, UNLIMITED)
    bootstrap = one_of("bootstrap", True, False)
    draws = rows
    if forest.max_samples is not None:
        whole = isinstance(forest.max_samples, numbers.Integral)
        share = within("max_samples", 1 if whole else 0.0, rows if whole else 1.0, whole)
        draws = int(share) if whole else max(1, round(share * rows))
    monotone = _directions(forest.monotonic_cst, forest, features, faults)
    if len(monotone) and causes > 1:
        faults.append("monotonic_cst is for one cause of failure, and y has several")
    if rows > MOST_ROWS:
        faults.append(f"X has {rows} rows, and a forest takes at most {MOST_ROWS}")
    growth = Growth(
        draws=draws,
        replace=bool(bootstrap),
        features_tried=_tried(forest.max_features, features, faults),
        fewest_in_leaf=leaf,
        fewest_in_split=within("min_samples_split", 2, UNLIMITED),
        deepest=deepest,
        random_cuts=one_of("splitter", "best", "random") == "random",
        most_bins=within("max_bins", 2, MOST_BINS),
        most_knots=within("max_times", 1, MOST_KNOTS),
        monotone=monotone,
        prior_patients=np.inf if len(monotone) else float(within("prior_patients", 0.0, 1e6, whole=False)),
        n_jobs=threads_meant(forest.n_jobs),
    )
    if faults:
        raise ValueError("SurvivalForest: " + "; ".join(faults))
    return growth


def threads_meant(n_jobs: int | None) -> int:
    """Return the number of threads that scikit-learn's `n_jobs` means in this process.

    One among several at work, as joblib's own and Dask's workers are; joblib would say so of Dask's each
    time.
    """
    if n_jobs != 0 and multiprocessing.current_process().daemon:
        return 1
    return int(effective_n_jobs(n_jobs))


def patients_of_leaf(cause: NDArray[np.intp]) -> int:
    """Return how many patients hold six events on average, at most 30.

    A leaf's curve is as good as its events are many. Chosen by 5-fold cross-validation, repeated four times
    (once on the two largest), on ten data sets of lifelines and R's survival and two drawn ones, none of
    which is in the table of accuracy: 4, 6, 8 or 10 events, against 10 or 15 patients whatever the events.
    The gain over 15 patients, 0.001 in C, is almost all one data set's and so not established; and the table
    of accuracy had been seen for fixed leaves of 3 to 15 before events were thought of.
    """
    return min(MOST_IN_LEAF, math.ceil(EVENTS_OF_LEAF * len(cause) / int((cause > 0).sum())))


def _tried(max_features: Any, features: int, faults: list[str]) -> int:
    """Return how many features a node tries.

    Of a third of them or the square root of their number, "third" takes the larger; so does "auto" up to
    `MOST_OF_THIRD`, beyond which a third costs more time than it is worth. Chosen over the square root by
    5-fold cross-validation, repeated six times (once on the two largest), on ten data sets of lifelines,
    scikit-survival and R's survival and two drawn ones, none of which is in the table of accuracy: a third
    takes 0.0005 off the integrated Brier score and changes C by -0.0001; a half gives 0.0007 and -0.0016.
    """
    if max_features is None:
        return features
    if max_features == "auto":
        return max(math.isqrt(features), min(features // 3, MOST_OF_THIRD))
    if max_features == "third":
        return max(math.isqrt(features), features // 3)
    if max_features == "sqrt":
        return max(1, math.isqrt(features))
    if max_features == "log2":
        return max(1, int(math.log2(features)))
    if isinstance(max_features, numbers.Real) and not isinstance(max_features, bool):
        whole, value = isinstance(max_features, numbers.Integral), float(max_features)
        if whole and 1 <= value <= features:
            return int(value)
        if not whole and 0 < value <= 1:
            return max(1, int(value * features))
    faults.append(
        f"max_features must be 'auto', 'third', 'sqrt', 'log2', None, a whole number from 1 to {features}, "
        f"or a share above 0 and up to 1. Got {max_features!r} instead"
    )
    return 1


def _directions(given: Any, forest: Any, features: int, faults: list[str]) -> NDArray[np.int8]:
    if given is None:
        return np.empty(0, dtype=np.int8)
    if isinstance(given, Mapping):
        names = list(getattr(forest, "feature_names_in_", []))
        unknown = sorted(set(given) - set(names))
        if unknown:
            faults.append(f"monotonic_cst names {', '.join(map(repr, unknown))}, which X does not have")
        values = [given.get(name, 0) for name in names] or [0] * features
    else:
        values = list(given)
    if len(values) != features or any(v not in (-1, 0, 1) for v in values):
        faults.append(f"monotonic_cst must hold -1, 0 or 1 for each of {features} features. Got {given!r}")
        return np.empty(0, dtype=np.int8)
    return np.array(values if any(values) else [], dtype=np.int8)
