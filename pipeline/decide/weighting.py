"""The value of choosing an arm by baseline markers, in real patients who were randomised between the arms.

Whoever happened to be randomised to the arm that the rule would have chosen followed it. Weighted by one
over the known probability of that arm, they stand for all patients (Zhao et al., J Am Stat Assoc
2012;107:1106, doi 10.1080/01621459.2012.695674), so the value of the rule is that of their weighted
Kaplan-Meier curve. Assumes randomisation that does not depend on the markers, and censoring independent
among those who followed the rule.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.decide.strategies import Guided
from pipeline.metrics import estimate, resamples
from pipeline.metrics.event_free import EventFree
from pipeline.schema import Cohort, Floats, InputError, outcome

Mask = NDArray[np.bool_]
BOTH_WORLDS = ("rmst", "event_free")


def weighted_values(
    cohort: Cohort,
    rules: Mapping[str, Guided],
    probabilities: Mapping[str, float],
    endpoint: str,
    horizon_months: float,
    replicates: int,
    level: float,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return the value of each rule, and less that of giving everybody one of the arms.

    Parameters
    ----------
    cohort : Cohort
        Real or simulated, randomised.
    rules : mapping of str to Guided
        Patients without a value that a rule needs are left out of all of its comparisons.
    probabilities : mapping of str to float
        Arm -> known probability of being randomised to it; summing to 1.

    Returns
    -------
    DataFrame
        `strategy`, `reference` ("" for the value itself), `quantity` ("rmst": months to the horizon;
        "event_free": share past it), `value`, `low`, `high`, `patients` who can be judged, `followed`: those
        who happened to get what the rule chooses.

    Raises
    ------
    InputError
        Naming all that does not fit.
    """
    _check(cohort, rules, probabilities)
    rows = []
    for (name, rule), child in zip(rules.items(), rng.spawn(len(rules)), strict=True):
        used = complete(cohort.observed, rule)
        part = cohort.observed[used & cohort.observed["arm"].astype(str).isin(list(probabilities)).to_numpy()]
        chosen = np.where(rule.choose(part), rule.arm, rule.otherwise)
        y, arm = outcome(part, endpoint), part["arm"].astype(str).to_numpy(dtype=object)
        drawn = resamples(len(part), replicates, child)
        found = {name: _values(y, arm == chosen, arm, probabilities, horizon_months, drawn)}
        for other in probabilities:
            found[f"everybody {other}"] = _values(y, arm == other, arm, probabilities, horizon_months, drawn)
        for quantity in BOTH_WORLDS:
            mine = found[name][quantity]
            size = {"patients": len(part), "followed": int((arm == chosen).sum())}
            rows.append(
                {"strategy": name, "reference": "", "quantity": quantity} | _estimate(mine, level) | size
            )
            for other, values in found.items():
                if other == name:
                    continue
                rows.append(
                    {"strategy": name, "reference": other, "quantity": quantity}
                    | _estimate(mine - values[quantity], level)
                    | size
                )
    return pd.DataFrame(rows)


def complete(frame: pd.DataFrame, rule: Guided) -> Mask:
    """Return which patients have every value that the rule needs, shape (n,)."""
    return frame[[t.column for t in rule.when]].notna().all(axis=1).to_numpy(dtype=bool)


def _values(
    y: NDArray[np.void],
    followed: Mask,
    arm: NDArray[np.object_],
    probabilities: Mapping[str, float],
    horizon_months: float,
    drawn: Floats,
) -> dict[str, Floats]:
    weight = np.array([1 / probabilities[a] for a in arm[followed]])
    curve = EventFree.of(y[followed], np.ascontiguousarray(drawn[:, followed] * weight))
    return {"rmst": curve.restricted_mean(horizon_months), "event_free": curve.at(horizon_months)}


def _estimate(values: Floats, level: float) -> dict[str, float]:
    return dict(zip(("value", "low", "high"), estimate(values, level), strict=True))


def _check(cohort: Cohort, rules: Mapping[str, Guided], probabilities: Mapping[str, float]) -> None:
    faults = []
    arms = set(cohort.observed["arm"].astype(str)) if "arm" in cohort.observed else set()
    faults += [f"no patient of arm {a!r}" for a in probabilities if a not in arms]
    if abs(sum(probabilities.values()) - 1) > 1e-6 or min(probabilities.values(), default=0) <= 0:
        faults.append(f"probabilities of the arms must be positive and sum to 1. Got {dict(probabilities)}")
    baseline = set(cohort.names("baseline"))
    for name, rule in rules.items():
        faults += [f"rule {name!r}: no baseline column {t.column!r}" for t in rule.when
                   if t.column not in baseline]  # fmt: skip
        faults += [f"rule {name!r}: arm {a!r} has no probability" for a in (rule.arm, rule.otherwise)
                   if a not in probabilities]  # fmt: skip
    if faults:
        raise InputError(f"cohort {cohort.name!r}: " + "; ".join(faults))
