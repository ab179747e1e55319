"""Survival at the limits of a published median: held against samples whose curves are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from synthetic_data.evidence import TrialSpec
from synthetic_data.median_limits import FEWEST_AT_RISK, LEAST_STEP, median_limits
from synthetic_data.published_figures import choose_figures

ACCRUAL, FOLLOW_UP = 12.0, 18.0


def trial(median: float, interval: tuple[float, float], patients: int, rates=()) -> TrialSpec:
    arm = {
        "median": {"months": median, "interval": list(interval)},
        "landmarks": [{"months": m, "rate": s} for m, s in rates],
    }
    return TrialSpec.model_validate(
        {
            "id": "MADE-UP", "phase": "3", "setting": "metastatic_1L", "histology": "nsclc",
            "selection": "any", "main_population": "ITT",
            "arms": [{"id": "a", "role": "control", "regimen": "x", "classes": ["chemotherapy"],
                      "patients": patients}],
            "readouts": [{"endpoint": "OS", "population": "ITT", "follow_up": {"months": FOLLOW_UP},
                          "arms": {"a": arm}, "source": {"title": "A made-up paper", "year": 2020}}],
        }
    )  # fmt: skip


def limits_of(made: TrialSpec) -> list[tuple[float, float]]:
    return median_limits(made, choose_figures(made, "os", "a"), ACCRUAL)


def kaplan_meier(time, event):
    """Times of death, survival after each, and the standard error of log cumulative hazard."""
    deaths, counts = np.unique(time[event], return_counts=True)
    risk = np.array([(time >= t).sum() for t in deaths])
    survival = np.cumprod(1 - counts / risk)
    greenwood = np.cumsum(counts / (risk * np.maximum(risk - counts, 1)))
    return deaths, survival, np.sqrt(greenwood) / np.maximum(-np.log(survival), 1e-12)


def test_at_the_limits_the_samples_own_curve_is_where_it_is_said_to_be() -> None:
    rng = np.random.default_rng(5)
    n, off, twin = 300, [], []
    for _ in range(60):
        death = rng.exponential(12.0 / math.log(2), n)
        watched = rng.uniform(FOLLOW_UP - ACCRUAL / 2, FOLLOW_UP + ACCRUAL / 2, n)
        months, survival, error = kaplan_meier(np.minimum(death, watched), death <= watched)
        transformed = (np.log(-np.log(survival)) - math.log(math.log(2))) / error
        inside = np.abs(transformed) <= 1.96
        if survival[-1] > 0.5 or not (transformed > 1.96).any():
            continue
        median = months[survival <= 0.5][0]
        interval = (months[inside][0], months[transformed > 1.96][0])
        for at, said in limits_of(trial(median, interval, n)):
            own = survival[np.searchsorted(months, at, side="right") - 1]
            off.append(said - own)
            twin.append(0.5 ** (at / median) - own)  # a constant hazard, which knows nothing of the interval
    assert len(off) > 60
    assert abs(np.mean(off)) < 0.005
    assert np.abs(off).mean() < 0.008
    assert np.abs(twin).mean() > 2 * np.abs(off).mean()


def test_survival_is_above_one_half_before_the_median_and_below_after_it() -> None:
    (early, high), (late, low) = limits_of(trial(12.0, (10.0, 15.0), 300))
    assert (early, late) == (10.0, 15.0)
    assert high > 0.5 + LEAST_STEP > 0.5 - LEAST_STEP > low


def test_a_larger_arm_says_survival_is_nearer_to_one_half() -> None:
    few, many = (limits_of(trial(12.0, (10.0, 15.0), n)) for n in (150, 300))
    assert few[0][1] > many[0][1]
    assert few[1][1] < many[1][1]


@pytest.mark.parametrize(
    ("rates", "expected"),
    [((), [10.0, 15.0]), (((15.5, 0.44),), [10.0]), (((10.5, 0.545),), [15.0]), (((14.0, 0.42),), [10.0])],
)
def test_limits_that_a_rate_makes_needless_or_impossible_are_left_out(rates, expected) -> None:
    assert [m for m, _ in limits_of(trial(12.0, (10.0, 15.0), 300, rates))] == expected


def test_nothing_is_said_where_too_few_are_at_risk() -> None:
    assert [m for m, _ in limits_of(trial(12.0, (10.0, 23.0), 300))] == [10.0]
    assert limits_of(trial(12.0, (10.0, 15.0), FEWEST_AT_RISK)) == []
