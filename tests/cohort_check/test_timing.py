"""Columns filled in later: an exposure that takes time to have, and gaps that follow the outcome."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.cohort_check.timing import timing_findings
from pipeline.schema import OUTCOMES, Cohort, Column


def cohort_of(values: pd.Series, months: np.ndarray, died: np.ndarray, kind: str) -> Cohort:
    frame = pd.DataFrame({"marker": values.to_numpy(), "os_months": months, "died": died})
    columns = (Column("marker", "baseline", kind, "Marker"), OUTCOMES[0], OUTCOMES[1])
    return Cohort("made", frame.rename_axis("patient"), columns, simulated=False)


def checks(cohort: Cohort) -> list[str]:
    return [f.check for f in timing_findings(cohort)]


def drawn(seed: int, n: int = 400) -> tuple[np.random.Generator, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    death, cut = rng.exponential(12, n), rng.uniform(8, 30, n)
    return rng, np.maximum(np.minimum(death, cut), 0.01), death <= cut


def test_what_takes_time_to_have_is_found_and_what_was_known_is_not():
    found = {"later": 0, "known": 0}
    for seed in range(200):
        rng, months, died = drawn(seed)
        onset = rng.exponential(15, len(months))
        found["later"] += "immortal_time" in checks(
            cohort_of(pd.Series(onset < months), months, died, "boolean")
        )
        known = pd.Series(rng.random(len(months)) < 0.3)
        found["known"] += "immortal_time" in checks(cohort_of(known, months, died, "boolean"))
    assert found["later"] > 140
    assert found["known"] <= 8  # 200 x 1/80, and three standard deviations


def test_a_strong_marker_with_a_constant_effect_is_no_immortal_time():
    flagged = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        good = rng.random(400) < 0.4
        death, cut = rng.exponential(np.where(good, 30, 8)), rng.uniform(8, 30, 400)
        months, died = np.maximum(np.minimum(death, cut), 0.01), death <= cut
        flagged += bool(checks(cohort_of(pd.Series(good), months, died, "boolean")))
    assert flagged <= 6


def test_gaps_that_follow_the_outcome_are_found_and_random_ones_are_not():
    _, months, died = drawn(3)
    values = pd.Series(np.linspace(0, 1, 400))
    early = values.mask(died & (months < 5))
    assert "informative_missing" in checks(cohort_of(early, months, died, "number"))
    random = values.mask(np.random.default_rng(0).random(400) < 0.3)
    assert checks(cohort_of(random, months, died, "number")) == []
