"""Published values as short text: ratios, medians, shares and whatever else a spec holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthetic_data.evidence import Count, Median, Rate, Ratio


def _interval(interval: tuple[float | None, float | None] | None, scale: float = 1) -> str:
    if interval is None:
        return ""
    low, high = ("–" if bound is None else f"{bound * scale:.4g}" for bound in interval)
    return f" ({low} to {high})"


def ratio_text(ratio: Ratio | None) -> str:
    """Return a ratio with its interval, and the interval's level where that is not 95 %."""
    if ratio is None:
        return ""
    level = "" if ratio.level == 0.95 or ratio.interval is None else _level(ratio.level)
    return f"{ratio.estimate:g}{_interval(ratio.interval)}{level}"


def _level(level: float | None) -> str:
    return " level not stated" if level is None else f" {100 * level:g} %"


def median_text(median: Median | None) -> str:
    """Return a median in months, or that it was not reached, with its interval."""
    if median is None:
        return ""
    months = "not reached" if median.months is None else f"{median.months:g}"
    return months + _interval(median.interval)


def share_text(rate: Rate | float) -> str:
    """Return a share in per cent, with its interval."""
    if not isinstance(rate, Rate):
        return f"{100 * rate:.4g} %"
    return f"{100 * rate.rate:.4g} %{_interval(rate.interval, 100)}"


def plain_text(value: Any) -> str:
    """Return any value of a spec as short text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Count):
        return f"{value.patients} of {value.of}" if value.of else str(value.patients)
    if isinstance(value, Mapping):
        return ", ".join(f"{str(k).replace('_', ' ')} {plain_text(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return f"[{', '.join(plain_text(v) for v in value)}]"
    return str(value)
