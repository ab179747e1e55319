"""Control patients who progress and switch treatment: hazards that meet the published curves, and times."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.schema import Floats, InputError, Switch
from synthetic_data.conduct.crossover import PublishedShare
from synthetic_data.evidence.crossover import CrossoverShare
from synthetic_data.outcomes import ArmHazards
from synthetic_data.survival_curves import (
    LEAST_SURVIVAL,
    Atoms,
    SurvivalCurve,
    extend,
    follow_up_distribution,
    inverse,
)


@dataclass(frozen=True)
class SwitchHazards:
    """An arm's cumulative baseline hazards without the switch, and the switch that meets its curves."""

    months: Floats
    os: Floats
    progression: Floats
    population_os: Floats
    population_pfs: Floats
    switch: Switch
    largest_gap: float
    share: PublishedShare
    refused: tuple[str, ...] = ()  # wider shares that the curves do not allow

    @property
    def arm_hazards(self) -> ArmHazards:
        """The same hazards as those of an arm nobody switches in; progression and death independent."""
        return ArmHazards(
            self.months, self.os, self.progression, 1.0, self.largest_gap, self.population_os,
            self.population_pfs,
        )  # fmt: skip


def solve_switch(
    os: SurvivalCurve,
    pfs: SurvivalCurve,
    death: Floats,
    progression: Floats,
    shares: Sequence[PublishedShare],
    hazard_ratio: float,
    delay_months: float,
    accrual_months: float,
    dropout_per_month: float,
    until_months: float = np.inf,
) -> SwitchHazards:
    """Baseline hazards and a probability of switching that meet OS, PFS and the published share.

    The published OS curve is of patients some of whom switched; so the baseline hazard of death
    without a switch is solved knot by knot such that the population's survival with it
    (`pipeline.truth`) is the curve. The share seen at a cut with uniform accrual and exponential
    drop-out fixes the probability; the two are solved in turn.

    Parameters
    ----------
    os, pfs : SurvivalCurve
        With the same knots, no further apart than `delay_months`.
    death, progression : array, shape (n,)
        Relative hazards of the population under this arm.
    shares : sequence of PublishedShare
        The first that the curves allow is met; who has no time left to switch cannot.
    hazard_ratio : float
        Of death after the switch.
    delay_months, accrual_months, dropout_per_month : float
    until_months : float
        How far the curves are to be met.

    Raises
    ------
    InputError
        When for none of the shares enough progress in time.
    """
    population = Atoms.of(death, progression)
    refusals: list[str] = []
    for share in shares:
        follow_up = follow_up_distribution(share.follow_up_months, accrual_months)
        probability = min(share.value, 0.5)
        for _ in range(12):
            switch = Switch(min(probability, 1.0), hazard_ratio, delay_months)
            found = _solve_curves(os, pfs, population, switch)
            able, base = _shares_by_cut(found, population, follow_up, dropout_per_month, share.name)
            before, probability = probability, share.value * base / able
            if abs(probability - before) < 1e-5 or min(before, probability) > 1:
                break
        if probability <= 1:
            missed = pfs.survival(pfs.months) - found.reached
            gap = max(float(np.max(missed[pfs.months <= until_months])), 0.0)
            return SwitchHazards(
                os.months, found.to_death, found.to_progression, found.alive, found.reached, switch, gap,
                share, tuple(refusals),
            )  # fmt: skip
        refusals.append(
            f"crossover of {share.value:.1%} ({share.name.replace('_', ' ')}) by "
            f"{share.follow_up_months:g} months of follow-up cannot be drawn, as only "
            f"{share.value / probability:.1%} live {delay_months:g} months beyond their progression by then"
        )
    raise InputError("; ".join(refusals) + "; lower `share` or `delay_months`")


def switched_months(
    hazards: SwitchHazards, death: Floats, progression: Floats, draws: tuple[Floats, Floats], would: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Months to death, to progression or death, to death without crossover, and to the switch.

    Parameters
    ----------
    death, progression : array, shape (n,)
        Relative hazards.
    draws : two arrays, shape (n,)
        Unit exponentials: the cumulative hazards at which the patient dies and progresses. The same
        ones decide both fates, with and without crossover.
    would : array, shape (n,)
        Uniform numbers: who would switch.

    Returns
    -------
    four arrays, shape (n,)
        The last is infinite for who never switches.
    """
    switch, limit = hazards.switch, draws[0] / death
    without = inverse(hazards.months, hazards.os, limit)
    progressed = inverse(hazards.months, hazards.progression, draws[1] / progression)
    turn = np.where(would < switch.probability, progressed + switch.delay_months, np.inf)
    turn = np.where(turn < without, turn, np.inf)
    reached = extend(hazards.months, hazards.os, np.where(np.isfinite(turn), turn, 0.0))
    later = inverse(hazards.months, hazards.os, reached + (limit - reached) / switch.hazard_ratio)
    os = np.where(np.isfinite(turn), later, without)
    return os, np.minimum(os, progressed), without, turn


@dataclass(frozen=True)
class _Solved:
    months: Floats
    to_death: Floats
    to_progression: Floats
    alive: Floats  # the population's survival, and below its progression-free survival
    reached: Floats
    delay: float


def _solve_curves(os: SurvivalCurve, pfs: SurvivalCurve, population: Atoms, switch: Switch) -> _Solved:
    """March forward along the knots: progression acts on death only a delay later."""
    w, v, weight = population.death, population.progression, population.weight
    theta, p, months = switch.hazard_ratio, switch.probability, os.months
    alive = np.maximum(os.survival(months), LEAST_SURVIVAL)
    free = np.maximum(pfs.survival(months), LEAST_SURVIVAL)
    to_death, to_progression, lives, reached = np.zeros((4, len(months)))
    lives[0] = reached[0] = 1.0
    by_then, switched = np.zeros_like(w), np.zeros_like(w)
    for k in range(1, len(months)):
        lagged = np.interp(months[k] - switch.delay_months, months[:k], to_progression[:k], left=0.0)
        following = -np.expm1(-v * lagged)
        new, by_then = following - by_then, following
        start = to_death[k - 1]
        half = np.exp(-w * (1 - theta) * start / 2) * new

        def with_switch(
            x: float, by_then: Floats = by_then, half: Floats = half, switched: Floats = switched
        ) -> tuple[float, float]:
            waiting = weight * np.exp(-w * x) * (1 - p * by_then)
            before = weight * p * np.exp(-w * theta * x) * switched
            lately = weight * p * np.exp(-w * (1 + theta) / 2 * x) * half
            slope = w @ waiting + theta * (w @ before) + (1 + theta) / 2 * (w @ lately)
            return float(waiting.sum() + before.sum() + lately.sum()), float(slope)

        to_death[k] = _root(with_switch, float(alive[k]), start)
        lives[k] = with_switch(to_death[k])[0]
        switched = switched + half * np.exp(-w * (1 - theta) * to_death[k] / 2)
        surviving = weight * np.exp(-w * to_death[k])

        def without(x: float, surviving: Floats = surviving) -> tuple[float, float]:
            terms = surviving * np.exp(-v * x)
            return float(terms.sum()), float(v @ terms)

        to_progression[k] = _root(without, float(free[k]), to_progression[k - 1])
        reached[k] = without(to_progression[k])[0]
    return _Solved(months, to_death, to_progression, lives, reached, switch.delay_months)


def _root(mean: Callable[[float], tuple[float, float]], wanted: float, start: float) -> float:
    """Solve mean(x) = wanted for x not below `start`; minus the log of a mean of exponentials is concave."""
    x = start
    for _ in range(100):
        value, slope = mean(x)
        if value <= wanted * (1 + 1e-12):
            return x
        x += math.log(value / wanted) * value / slope
    return x


def _shares_by_cut(
    found: _Solved,
    population: Atoms,
    follow_up: tuple[float, float],
    dropout_per_month: float,
    share: CrossoverShare,
) -> tuple[float, float]:
    """Return the share seen to switch by the cut if all would, and the share it is a share of."""
    to_death, to_progression, months, delay = found.to_death, found.to_progression, found.months, found.delay
    w, v = population.death[:, None], population.progression[:, None]
    middle = (to_death[1:] + to_death[:-1]) / 2
    staying = np.exp(-dropout_per_month * (months[1:] + months[:-1]) / 2)
    lagged = np.interp(months - delay, months, to_progression, left=0.0)

    def by_cut(before: Floats) -> float:
        """Share of those whose `before` (shape (p, k)) falls while they live and are watched."""
        seen = population.weight @ (np.diff(before, axis=1) * np.exp(-w * middle)) * staying
        reached = np.concatenate([[0.0], np.cumsum(seen)])
        return float(np.interp(np.linspace(*follow_up, 401), months, reached).mean())

    switching = by_cut(-np.expm1(-v * lagged))
    if share in {"in_any_way", "on_study"}:
        return switching, 1.0
    progressing = by_cut(-np.expm1(-v * to_progression))
    if share == "of_those_progressed":
        return switching, progressing
    events = -np.diff(found.reached) * staying
    reached = np.concatenate([[0.0], np.cumsum(events)])
    return switching, float(np.interp(np.linspace(*follow_up, 401), months, reached).mean())
