"""The value of strategies: months event-free, treatment, toxicity, and who is better or worse off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from pipeline.decide.strategies import Outcome
from pipeline.metrics import estimate, interval, net_benefit, resamples
from pipeline.schema import Floats

QUANTITIES: Final = ("rmst", "event_free", "treated_months", "severe_events", "acted")


@dataclass(frozen=True)
class Judging:
    """How strategies are judged.

    Attributes
    ----------
    endpoint : str
    horizon_months : float
    harm_months : float
        Fewer months event-free, up to the horizon, than under the other strategy: that counts as harm.
    replicates, level
        Of the bootstrap over patients.
    """

    endpoint: str
    horizon_months: float
    harm_months: float = 1.0
    replicates: int = 500
    level: float = 0.95

    def per_patient(self, outcome: Outcome) -> dict[str, Floats]:
        """Return what is averaged, each of shape (n,)."""
        months = outcome.months[self.endpoint]
        return {
            "rmst": np.minimum(months, self.horizon_months),
            "event_free": (months > self.horizon_months).astype(float),
            "treated_months": outcome.treated_months,
            "severe_events": outcome.severe_events,
            "acted": outcome.acted.astype(float),
        }


def value_table(
    outcomes: Mapping[str, Outcome], judging: Judging, cohort: Sequence[int], rng: np.random.Generator
) -> pd.DataFrame:
    """Return the mean of each quantity under each strategy.

    Returns
    -------
    DataFrame
        `strategy`, `quantity`, `value`, `low`, `high` (bootstrap over patients) and `monte_carlo_error`:
        the standard error over the drawn cohorts, NaN with one.
    """
    weights = _weights(len(cohort), judging, rng)
    rows = []
    for name, outcome in outcomes.items():
        for quantity, values in judging.per_patient(outcome).items():
            rows.append((name, quantity, *_mean(values, weights, judging.level), _between(values, cohort)))
    return pd.DataFrame(rows, columns=["strategy", "quantity", "value", "low", "high", "monte_carlo_error"])


def difference_table(
    outcomes: Mapping[str, Outcome],
    references: Sequence[str],
    judging: Judging,
    cohort: Sequence[int],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return each strategy less each reference, in the same patients, and who is better or worse off.

    Returns
    -------
    DataFrame
        `strategy`, `reference`, `quantity`, `value`, `low`, `high`, `monte_carlo_error`; beside differences
        of means the quantities `harmed` and `helped`: the share of patients with at least `harm_months`
        fewer, or more, months event-free up to the horizon.
    """
    weights = _weights(len(cohort), judging, rng)
    rows = []
    for reference in references:
        other = judging.per_patient(outcomes[reference])
        for name, outcome in outcomes.items():
            if name == reference:
                continue
            mine = judging.per_patient(outcome)
            change = {q: mine[q] - other[q] for q in QUANTITIES if q != "acted"}
            gained = change["rmst"]
            change["harmed"] = (gained <= -judging.harm_months).astype(float)
            change["helped"] = (gained >= judging.harm_months).astype(float)
            for quantity, values in change.items():
                found = _mean(values, weights, judging.level)
                rows.append((name, reference, quantity, *found, _between(values, cohort)))
    names = ["strategy", "reference", "quantity", "value", "low", "high", "monte_carlo_error"]
    return pd.DataFrame(rows, columns=names)


def net_value_table(
    outcomes: Mapping[str, Outcome],
    reference: str,
    prices: Sequence[float],
    judging: Judging,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return months event-free less the price of treatment, each strategy against `reference`.

    `price` is how many months event-free somebody would give to be spared a month of treatment.

    Returns
    -------
    DataFrame
        `strategy`, `price`, `value`, `low`, `high`.
    """
    other = judging.per_patient(outcomes[reference])
    weights = _weights(len(other["rmst"]), judging, rng)
    rows = []
    for name, outcome in outcomes.items():
        mine = judging.per_patient(outcome)
        for price in prices:
            net = (mine["rmst"] - other["rmst"]) - price * (mine["treated_months"] - other["treated_months"])
            rows.append((name, price, *_mean(net, weights, judging.level)))
    return pd.DataFrame(rows, columns=["strategy", "price", "value", "low", "high"])


def net_benefit_table(
    chosen: Mapping[str, Floats],
    months: Floats,
    judging: Judging,
    thresholds: Sequence[float],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return the net benefit of acting on those whom each way of choosing picks out.

    Parameters
    ----------
    chosen : mapping of str to array of 0 and 1, shape (n,)
        Whom to act on.
    months : array, shape (n,)
        True months to the event without acting.
    thresholds : sequence of float
        Risks by the horizon from which somebody would act.

    Returns
    -------
    DataFrame
        `strategy`, `threshold`, `value`, `low`, `high`; acting on nobody is worth 0.
    """
    y = np.empty(len(months), dtype=[("event", bool), ("time", float)])
    y["time"] = np.minimum(months, judging.horizon_months + 1e-6)
    y["event"] = months <= judging.horizon_months
    weights = _weights(len(months), judging, rng)
    parts = []
    for name, yes in chosen.items():
        found = net_benefit(y, np.where(yes > 0, 1.0, -1.0), judging.horizon_months, thresholds, weights)
        low, high = interval(found[:, 1:].T, judging.level)
        parts.append(pd.DataFrame({
            "strategy": name, "threshold": thresholds, "value": found[:, 0], "low": low, "high": high,
        }))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def _weights(patients: int, judging: Judging, rng: np.random.Generator) -> Floats:
    return resamples(patients, judging.replicates, rng) / patients


def _mean(values: Floats, weights: Floats, level: float) -> tuple[float, float, float]:
    return estimate(weights @ values, level)


def _between(values: Floats, cohort: Sequence[int]) -> float:
    """Return the standard error over cohorts of the mean."""
    means = pd.Series(values).groupby(np.asarray(cohort)).mean()
    return float(means.std(ddof=1) / np.sqrt(len(means))) if len(means) > 1 else float("nan")
