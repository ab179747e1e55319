"""A planned trial: its power by formula against closed forms and against trials drawn."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from pipeline.enrich import Plan, enrolled, positive

RATIO, EVENT_SHARE, PATIENTS = 0.7, 0.75, 300


def test_events_for_a_power_are_schoenfeld_s():
    plan = Plan(math.log(RATIO), EVENT_SHARE)
    events = plan.patients_for(0.8) * EVENT_SHARE
    assert events == pytest.approx(4 * (1.959964 + 0.841621) ** 2 / math.log(RATIO) ** 2, rel=1e-5)  # 246.8
    assert plan.power(plan.patients_for(0.8)) == pytest.approx(0.8)
    assert Plan(0.1, EVENT_SHARE).patients_for(0.8) == math.inf


def test_assurance_is_power_averaged_over_the_interval():
    plan, error = Plan(math.log(0.87), EVENT_SHARE), 0.115
    averaged, _ = quad(
        lambda b: Plan(b, EVENT_SHARE).power(643) * norm.pdf(b, plan.log_hazard_ratio, error), -2, 2
    )
    assert plan.assurance(643, error) == pytest.approx(averaged, abs=1e-8)
    assert plan.assurance(643, error) != pytest.approx(plan.power(643), abs=0.02)


def drawn(ratio: float, rng: np.random.Generator) -> pd.DataFrame:
    """Exponential survival, everybody followed until EVENT_SHARE of the patients have died on average."""
    treated = np.arange(PATIENTS) % 2 == 0
    months = rng.exponential(size=PATIENTS) / np.where(treated, ratio, 1.0)
    end = 1.62  # 1 - (exp(-1.62) + exp(-0.7 * 1.62)) / 2 = 0.74
    return pd.DataFrame(
        {"arm": np.where(treated, "hypothetical_new", "old"), "os_months": np.minimum(months, end),
         "died": months <= end}
    )  # fmt: skip


def share_positive(ratio: float, trials: int, seed: int) -> float:
    rngs = np.random.default_rng(seed).spawn(trials)
    return float(np.mean([positive(drawn(ratio, r), "hypothetical_new", "os", 0.05) for r in rngs]))


def test_drawn_trials_are_positive_as_often_as_the_formula_says():
    trials = 600
    end = 1.62
    share = 1 - (math.exp(-end) + math.exp(-RATIO * end)) / 2
    formula = Plan(math.log(RATIO), share).power(PATIENTS)
    error = math.sqrt(formula * (1 - formula) / trials)
    assert abs(share_positive(RATIO, trials, 1) - formula) < 4 * error + 0.01  # normal approximation: 0.01
    assert abs(share_positive(0.85, trials, 2) - formula) > 4 * error + 0.01  # the twin: another effect


def test_harm_and_nothing_are_not_positive():
    assert share_positive(1.0, 300, 3) < 0.025 + 4 * math.sqrt(0.025 * 0.975 / 300)
    assert share_positive(1.6, 40, 4) == 0
    nobody_dies = drawn(RATIO, np.random.default_rng(0)).assign(died=False)
    assert not positive(nobody_dies, "hypothetical_new", "os", 0.05)


def test_the_first_eligible_are_enrolled():
    scores = np.array([0.1, np.nan, 2.0, 1.0, -1.0, 1.5])
    assert enrolled(scores, 1.0, 2).tolist() == [2, 3]
    assert enrolled(scores, -np.inf, 9).tolist() == [0, 2, 3, 4, 5]
