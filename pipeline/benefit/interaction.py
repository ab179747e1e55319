"""Whether a score tells who gains from treatment or only who lives longer: interactions and groups."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from pipeline.metrics import interval, resamples
from pipeline.metrics.contract import Outcome
from pipeline.metrics.event_free import EventFree
from pipeline.models.partial_likelihood import RiskSets, penalised_fit
from pipeline.schema import Floats


def treatment_interaction(
    y: Outcome, treated: NDArray[np.bool_], score: Floats, level: float = 0.95
) -> dict[str, float]:
    """Return the hazard ratios of a score in either arm, and their ratio: the treatment-by-score interaction.

    A Cox model of treatment, the standardised score and their product, ties by Efron, Wald intervals.
    `prognostic` is the hazard ratio per standard deviation under control, `interaction` by what it is
    multiplied under treatment: 1 when the score is prognostic alone. Assumes proportional hazards. Patients
    without the score are left out.

    Returns
    -------
    dict
        `patients`, `events`; `prognostic`, `interaction` with `_low` and `_high`; its `z` and `p`.
    """
    rows = np.isfinite(score)
    y, treated, score = y[rows], treated[rows], score[rows]
    spread = float(score.std())
    if spread == 0 or not y["event"].any():
        return {"patients": len(y), "events": int(y["event"].sum())}
    z = (score - score.mean()) / spread
    columns = np.column_stack([treated, z, treated * z]).astype(float)
    estimate, errors = cox_fit(y, columns)
    out: dict[str, float] = {"patients": len(y), "events": int(y["event"].sum())}
    reach = float(norm.ppf((1 + level) / 2))
    for name, k in (("prognostic", 1), ("interaction", 2)):
        low, high = estimate[k] - reach * errors[k], estimate[k] + reach * errors[k]
        out |= {
            name: float(np.exp(estimate[k])),
            f"{name}_low": float(np.exp(low)),
            f"{name}_high": float(np.exp(high)),
        }
    out["z"] = float(estimate[2] / errors[2])
    out["p"] = float(2 * norm.sf(abs(out["z"])))
    return out


def cox_fit(y: Outcome, columns: Floats) -> tuple[Floats, Floats]:
    """Return unpenalised Cox coefficients (k,) and standard errors (k,), ties by Efron."""
    k = columns.shape[1]
    sets = RiskSets.of(columns, y["time"], y["event"])
    estimate = penalised_fit(sets, np.zeros((k, k)), np.zeros(k), np.zeros(k))
    return estimate, np.sqrt(np.diag(np.linalg.inv(sets.information(estimate))))


def benefit_by_score(
    y: Outcome,
    treated: NDArray[np.bool_],
    group: NDArray[np.intp],
    horizon_months: float,
    replicates: int,
    level: float,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return the effect of treatment in each group of patients, as three measures.

    Parameters
    ----------
    y, treated : arrays, shape (n,)
    group : array of int, shape (n,)
        Negative for patients in no group.
    horizon_months : float
    replicates, level
        Of the bootstrap over patients within group and arm.
    rng : Generator

    Returns
    -------
    DataFrame
        `group`, `patients`, `events`; `survival_difference`, `rmst_difference` at the horizon (treated less
        control, Kaplan-Meier, percentile intervals) and `hazard_ratio` (Cox, Wald), with `_low`, `_high`.
    """
    reach = float(norm.ppf((1 + level) / 2))
    lines = []
    for number in np.unique(group[group >= 0]):
        inside = group == number
        sides = []
        for side, child in zip((True, False), rng.spawn(2), strict=True):
            rows = inside & (treated == side)
            if not rows.any():
                break
            curve = EventFree.of(y[rows], resamples(int(rows.sum()), replicates, child))
            sides.append((curve.at(horizon_months), curve.restricted_mean(horizon_months)))
        line: dict[str, float] = {
            "group": int(number),
            "patients": int(inside.sum()),
            "events": int(y["event"][inside].sum()),
        }
        if len(sides) == 2:
            for k, name in enumerate(("survival_difference", "rmst_difference")):
                difference = sides[0][k] - sides[1][k]
                low, high = interval(difference[1:, None], level)
                line |= {name: difference[0], f"{name}_low": low[0], f"{name}_high": high[0]}
            mine = treated[inside]
            if y["event"][inside][mine].any() and y["event"][inside][~mine].any():
                estimate, errors = cox_fit(y[inside], mine[:, None].astype(float))
                ends = estimate[0] + np.array([0.0, -reach, reach]) * errors[0]
                names = ("hazard_ratio", "hazard_ratio_low", "hazard_ratio_high")
                line |= dict(zip(names, np.exp(ends).tolist(), strict=True))
        lines.append(line)
    return pd.DataFrame(lines)
