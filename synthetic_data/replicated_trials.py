"""A trial drawn again and again at its real size: where its published hazard ratios lie among the drawn."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import NormalDist

import numpy as np
import pandas as pd

from pipeline.schema import InputError, Progress
from synthetic_data.cohort import population_of, simulate_cohort
from synthetic_data.cohort_spec import Plan
from synthetic_data.evidence import Register
from synthetic_data.fidelity import drawn_ratio

CENTRAL = 0.95  # of the drawn ratios, that the published one is to lie in
SIGNIFICANCE = 0.05  # two-sided, at which a drawn trial counts as positive
TOGETHER = 200_000  # patients drawn in one go, and cut into replicates


def trial_size(plan: Plan) -> int:
    """Return how many patients the drawn arms had together.

    Raises
    ------
    InputError
        An arm whose size nobody published.
    """
    sizes = {arm: plan.trial.arm(arm).patients for arm in plan.arms}
    unknown = [arm for arm, size in sizes.items() if not size]
    if unknown:
        raise InputError(
            f"trial {plan.trial.id}: the size of {', '.join(unknown)} is not in the register; say --n"
        )
    return sum(size for size in sizes.values() if size)


def replicated_ratios(
    plan: Plan,
    register: Register,
    replicates: int,
    rng: np.random.Generator,
    n: int | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Draw a trial `replicates` times and estimate each of its published hazard ratios in every one.

    Replicates are patients of one population, drawn together and cut apart: randomisation is balanced
    within each. Where the cohort asks for drawn evidence, each has a population of its own.

    Parameters
    ----------
    plan : Plan
    register : Register
    replicates : int
    rng : Generator
    n : int, optional
        Patients of each; the trial's own number when left out.

    Returns
    -------
    DataFrame, a row a ratio and replicate
        `replicate`, `ratio` (its place in ``plan.curves.ratios``), `hazard_ratio`, `standard_error` (of
        its log).

    Raises
    ------
    InputError
        No published hazard ratio between drawn arms, or an unknown size.
    """
    if not plan.curves.ratios:
        raise InputError(f"trial {plan.trial.id}: no hazard ratio between drawn arms was published")
    rows = []
    for done, patients in enumerate(_replicates(plan, register, replicates, n or trial_size(plan), rng), 1):
        for place, ratio in enumerate(plan.curves.ratios):
            estimate, error = drawn_ratio(patients, plan, ratio)
            rows.append((done - 1, place, estimate, error))
        if progress is not None:
            progress("draw replicates", done, replicates)
    return pd.DataFrame(rows, columns=["replicate", "ratio", "hazard_ratio", "standard_error"])


def _replicates(
    plan: Plan, register: Register, replicates: int, n: int, rng: np.random.Generator
) -> Iterator[pd.DataFrame]:
    """Yield the true patients of each replicate."""
    anew = plan.spec.evidence_draw == "sample"
    together = 1 if anew else max(1, TOGETHER // n)
    source = plan if anew else population_of(plan, register)
    for first in range(0, replicates, together):
        count = min(together, replicates - first)
        cohort = simulate_cohort(source, count * n, rng, register)
        assert cohort.truth is not None  # noqa: S101 - it was drawn a moment ago
        for start in range(0, count * n, n):
            yield cohort.truth.patients.iloc[start : start + n]


def summarised(plan: Plan, drawn: pd.DataFrame) -> pd.DataFrame:
    """Set each published ratio beside those of the replicates.

    Returns
    -------
    DataFrame, a row a ratio
        `trial`, `comparison`, `endpoint`, `months` (follow-up), `published`, `low`, `high`; `drawn_median`,
        `drawn_low`, `drawn_high` (the central 95 %); `inside`, whether the published one is in it;
        `percentile`, its place among them; `positive`, the share of replicates whose Wald test favours
        the experimental arm at 5 %.
    """
    tail = (1 - CENTRAL) / 2
    rows = []
    for place, ratio in enumerate(plan.curves.ratios):
        part = drawn[drawn["ratio"] == place]
        ratios = part["hazard_ratio"].to_numpy()
        low, middle, high = np.quantile(ratios, [tail, 0.5, 1 - tail])
        z = np.log(ratios) / part["standard_error"].to_numpy()
        rows.append(
            {
                "trial": plan.trial.id,
                "comparison": f"{ratio.experimental} v {ratio.control}",
                "endpoint": ratio.endpoint,
                "months": ratio.follow_up_months,
                "published": ratio.estimate,
                "low": np.nan if ratio.low is None else ratio.low,
                "high": np.nan if ratio.high is None else ratio.high,
                "drawn_median": middle,
                "drawn_low": low,
                "drawn_high": high,
                "inside": bool(low <= ratio.estimate <= high),
                "percentile": float((ratios < ratio.estimate).mean() * 100),
                "positive": float((z < NormalDist().inv_cdf(SIGNIFICANCE / 2)).mean()),
            }
        )
    return pd.DataFrame(rows)
