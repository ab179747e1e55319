"""How one column becomes features: learnt on training rows, applied to any."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.schema import Column, Floats

WINSOR: Final = (0.01, 0.99)  # an outlier of an assay must not steer a linear model
RARE_LEVEL: Final = 0.02
OTHER: Final = "other"


@dataclass(frozen=True)
class NumberRule:
    """Winsorise, take log2 on a ratio scale, standardise; a missing value becomes the median.

    Values outside `low` to `high` (the 1st and 99th percentile of training) are set to them. On a ratio
    scale the feature is ``log2(value + offset)``, where `offset` is half the smallest positive training
    value when training has zeros and 0 otherwise; None stands for no logarithm. `fill` is the training
    median, `centre` and `spread` are mean and standard deviation, all after these steps.
    """

    column: str
    low: float
    high: float
    offset: float | None
    fill: float
    centre: float
    spread: float

    def standardise(self, values: Floats) -> Floats:
        """Return the standardised values, NaN where missing."""
        return (_scaled(values, self.low, self.high, self.offset) - self.centre) / self.spread

    def apply(self, values: Floats) -> list[Floats]:
        """Return the one feature, without gaps."""
        z = self.standardise(values)
        return [np.where(np.isnan(z), (self.fill - self.centre) / self.spread, z)]

    def names(self) -> list[str]:
        """Return the feature's name."""
        return [self.column]


@dataclass(frozen=True)
class FactRule:
    """0 or 1; a missing value becomes the more frequent of the two (0 when they are as frequent)."""

    column: str
    mode: float

    def apply(self, values: Floats) -> list[Floats]:
        """Return the one feature, without gaps."""
        return [np.where(np.isnan(values), self.mode, values)]

    def names(self) -> list[str]:
        """Return the feature's name."""
        return [self.column]


@dataclass(frozen=True)
class LevelRule:
    """One indicator a level other than the reference, which is the most frequent one.

    Levels below 2 % of training rows are pooled as "other", and join the reference when even together
    they stay below. A level never seen counts as other, or as the reference when there is no other; a
    missing value as the reference.
    """

    column: str
    reference: str
    levels: tuple[str, ...]
    pooled: bool

    def apply(self, values: NDArray[Any]) -> list[Floats]:
        """Return the indicators; `values` is text, None where missing."""
        shown = [(values == level).astype(float) for level in self.levels]
        if self.pooled:
            known = pd.notna(values) & ~np.isin(values.astype(str), [self.reference, *self.levels])
            shown.append(known.astype(float))
        return shown

    def names(self) -> list[str]:
        """Return one name a level: ``column=level``."""
        return [f"{self.column}={level}" for level in (*self.levels, *([OTHER] if self.pooled else []))]


Rule = NumberRule | FactRule | LevelRule
RULES: Final[Mapping[str, Any]] = {kind.__name__: kind for kind in get_args(Rule)}


def learn_number(column: str, values: Floats, positive: bool) -> NumberRule | None:
    """Return how to treat a number, or None when training shows no two different values of it."""
    known = values[~np.isnan(values)]
    if not len(known):
        return None
    low, high = (float(q) for q in np.quantile(known, WINSOR))
    offset = None
    if positive:
        above = known[known > 0]
        if not len(above):
            return None
        offset = 0.0 if known.min() > 0 else float(above.min()) / 2
        low = max(low, 0.0)
    if low == high:
        return None
    scaled = _scaled(known, low, high, offset)
    spread = float(scaled.std())
    if spread <= 1e-12 * max(1.0, float(np.abs(scaled).max())):
        return None
    return NumberRule(column, low, high, offset, float(np.median(scaled)), float(scaled.mean()), spread)


def _scaled(values: Floats, low: float, high: float, offset: float | None) -> Floats:
    within = np.clip(values, low, high)
    return within if offset is None else np.log2(within + offset)


def learn_fact(column: str, values: Floats) -> FactRule | None:
    """Return how to treat a fact, or None when training shows only one side of it."""
    known = values[~np.isnan(values)]
    if not len(known) or known.min() == known.max():
        return None
    return FactRule(column, float(known.mean() > 0.5))


def learn_levels(column: str, values: NDArray[Any]) -> LevelRule | None:
    """Return how to treat a category, or None when training shows one level only."""
    counts = Counter(str(v) for v in values if v is not None)
    # Most frequent first; among equals by name, so that the order of rows has no say.
    ordered = sorted(counts, key=lambda level: (-counts[level], level))
    if len(ordered) < 2:
        return None
    total = counts.total()
    reference, rest = ordered[0], ordered[1:]
    common = [level for level in rest if counts[level] >= RARE_LEVEL * total and level != OTHER]
    pool = [level for level in rest if level not in common]
    pooled = sum(counts[level] for level in pool) >= RARE_LEVEL * total and bool(pool)
    if not common and not pooled:
        return None
    return LevelRule(column, reference, tuple(common), pooled)


def learn_arms(column: str, values: NDArray[Any], control: str | None) -> LevelRule | None:
    """Return one indicator for every arm but the control; None when training has one arm."""
    arms = sorted(set(values.tolist()))
    if len(arms) < 2:
        return None
    reference = control if control is not None and control in arms else arms[0]
    return LevelRule(column, reference, tuple(a for a in arms if a != reference), pooled=False)


def to_numbers(values: pd.Series[Any], column: Column) -> tuple[Floats, list[str]]:
    """Return a number or fact column as floats with NaN, and the faults that prevent it."""
    if values.dtype == object or pd.api.types.is_string_dtype(values.dtype):
        numeric = pd.to_numeric(values, errors="coerce")
        bad = int((numeric.isna() & values.notna()).sum())
        if bad:
            return np.empty(0), [f"column {column.name!r} holds {bad} values that are not {column.kind}s"]
        values = numeric
    out = values.to_numpy(dtype=float, na_value=np.nan)
    if np.isinf(out).any():
        return out, [f"column {column.name!r} holds {int(np.isinf(out).sum())} infinite values"]
    if column.kind == "boolean" and (n := int((~np.isnan(out) & (out != 0) & (out != 1)).sum())):
        return out, [f"column {column.name!r} holds {n} values that are neither true nor false"]
    return out, []


def to_levels(values: pd.Series[Any]) -> NDArray[Any]:
    """Return a category column as an array of text, None where missing."""
    text = values.astype(object).to_numpy()
    return np.array(
        [None if gone else str(v) for v, gone in zip(text, pd.isna(text), strict=True)], dtype=object
    )


def share_is_worth_an_indicator(missing: Sequence[bool] | NDArray[np.bool_]) -> bool:
    """Whether enough training values are missing (5 % and ten patients), and not all of them."""
    gone = int(np.sum(missing))
    return gone >= 10 and gone >= 0.05 * len(missing) and gone < len(missing)


def rule_to_dict(rule: Rule) -> dict[str, Any]:
    """Return a rule as JSON-ready values."""
    stored = {"rule": type(rule).__name__, **asdict(rule)}
    return {key: list(value) if isinstance(value, tuple) else value for key, value in stored.items()}


def rule_from_dict(stored: Mapping[str, Any]) -> Rule:
    """Return the rule that `rule_to_dict` described."""
    fields = {k: tuple(v) if isinstance(v, list) else v for k, v in stored.items() if k != "rule"}
    rule: Rule = RULES[stored["rule"]](**fields)
    return rule
