"""Published shares and eligibility, put into a margin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pipeline.schema import InputError
from synthetic_data.evidence.marker_figures import Part
from synthetic_data.evidence.simulation import Simulation
from synthetic_data.setting import Eligibility, Setting

# Of a set of parts that covers the range: what may be missing from 1 because the value of some
# patients was unknown, and what rounding may add.
LEAST_KNOWN: Final = 0.5
MOST_KNOWN: Final = 1.02


def cut_probabilities(simulation: Simulation, known: dict[str, float]) -> dict[float, float]:
    """Turn published shares of parts of the range into probabilities of lying below cut points."""
    parts = {key: simulation.trial.shares[key] for key in known}
    exhaustive = _partition(parts)
    if exhaustive:
        total = sum(known[key] for key in exhaustive)
        if not LEAST_KNOWN <= total <= MOST_KNOWN:
            raise InputError(f"shares of {simulation.column} sum to {total:.3f}; check the trial's baseline")
        reached, cuts = 0.0, {}
        for key in exhaustive[:-1]:
            reached += known[key] / total
            upper = parts[key].below
            assert upper is not None  # noqa: S101 (only the last part of a partition has no upper bound)
            cuts[upper] = min(reached, 1.0)
        return cuts
    cuts, above = {}, 0.0
    for key in reversed(_chain(parts)):
        above += known[key]
        start = parts[key].at_least
        assert start is not None  # noqa: S101 (a chain open below would be exhaustive)
        cuts[start] = max(1 - above, 0.0)
    for key, part in parts.items():
        if part.below is None and part.at_least is not None:
            cuts.setdefault(part.at_least, 1 - known[key])
        elif part.at_least is None and part.below is not None:
            cuts.setdefault(part.below, known[key])
    return dict(sorted(cuts.items()))


def _partition(parts: dict[str, Part]) -> list[str]:
    """Return the finest of the parts that together cover the whole range, in order; else nothing."""
    return _longest(parts, None) or []


def _chain(parts: dict[str, Part]) -> list[str]:
    """Return the longest run of adjoining parts that reaches the top of the range, in order."""
    starts = [part.at_least for part in parts.values() if part.at_least is not None]
    return max((_longest(parts, start) or [] for start in starts), key=len, default=[])


def _longest(parts: dict[str, Part], start: float | None) -> list[str] | None:
    found: list[list[str]] = []
    for key, part in parts.items():
        if part.at_least == start:
            rest = [] if part.below is None else _longest(parts, part.below)
            if rest is not None:
                found.append([key, *rest])
    return max(found, key=len) if found else None


def eligible_range(
    eligibility: Eligibility, below: Callable[[float], float], simulation: Simulation
) -> tuple[float, float]:
    """Return the probabilities of a continuous margin between which patients are let in."""
    if eligibility.equals is not None or eligibility.one_of:
        raise InputError(f"eligibility of the number {simulation.column} takes at_least and below only")
    low = 0.0 if eligibility.at_least is None else below(eligibility.at_least)
    return low, 1.0 if eligibility.below is None else below(eligibility.below)


def level_shares(
    shares: dict[str, float], simulation: Simulation, known: dict[str, float]
) -> dict[str, float]:
    """Put published shares of groups of levels in; levels not published keep their proportions."""
    given: dict[str, float] = {}
    for key in sorted(known, key=lambda k: -len(simulation.trial.shares[k].levels)):
        group = simulation.trial.shares[key].levels
        inside = sum(shares[level] for level in group)
        for level in group:
            weight = shares[level] / inside if inside else 1 / len(group)
            given[level] = known[key] * weight
    rest = [level for level in shares if level not in given]
    left = max(1 - sum(given.values()), 0.0)
    weight = sum(shares[level] for level in rest)
    out = {
        level: given[level]
        if level in given
        else left * (shares[level] / weight if weight else 1 / len(rest))
        for level in shares
    }
    total = sum(out.values())
    return {level: share / total for level, share in out.items()}


def eligible_levels(shares: dict[str, float], simulation: Simulation, setting: Setting) -> dict[str, float]:
    """Return the shares of a discrete margin's levels among patients let in."""
    eligibility = setting.eligibility.get(simulation.column)
    if eligibility is None:
        return shares
    kept = {level: share for level, share in shares.items() if _is_eligible(level, eligibility, simulation)}
    total = sum(kept.values())
    if total <= 0:
        raise InputError(
            f"nobody is eligible by {simulation.column}; its levels are {', '.join(shares)} with shares "
            f"{', '.join(f'{share:g}' for share in shares.values())}"
        )
    return {level: kept.get(level, 0.0) / total for level in shares}


def _is_eligible(level: str, eligibility: Eligibility, simulation: Simulation) -> bool:
    if eligibility.one_of:
        return level in eligibility.one_of
    if simulation.kind == "number":
        value = float(level)
        if eligibility.equals is not None:
            return value == float(eligibility.equals)
        return (eligibility.at_least is None or value >= eligibility.at_least) and (
            eligibility.below is None or value < eligibility.below
        )
    if eligibility.equals is None:
        raise InputError(f"eligibility of {simulation.column} takes equals or one_of")
    return level == str(eligibility.equals).lower() or level == str(eligibility.equals)
