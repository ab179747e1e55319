"""Which parts matter most, how sure that is, and whether they are the parts that truly matter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.explain.attribution import Attribution, Level
from pipeline.schema import Floats, Truth


def importance(
    attribution: Attribution,
    rng: np.random.Generator,
    level: Level = "column",
    replicates: int = 200,
    coverage: float = 0.95,
) -> pd.DataFrame:
    """Mean absolute contribution of every part, with percentile bootstrap intervals over patients.

    The interval says how far the ranking depends on which patients were explained; the model is held
    fixed, so it does not hold the uncertainty of the fit.

    Returns
    -------
    DataFrame
        One row a part and horizon, most important first: `model`, `scale`, `level`, `name`, `label`,
        `modality`, `horizon_months`, `importance`, `low`, `high`, `share` (of the sum over parts).
    """
    parts = attribution.grouped(level)
    sizes = np.abs(parts.contributions)
    n, p, m = sizes.shape
    counts = rng.multinomial(n, np.full(n, 1 / n), size=replicates) / n
    resampled = (counts @ sizes.reshape(n, p * m)).reshape(replicates, p, m)
    tail = (1 - coverage) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail], axis=0)
    mean = sizes.mean(axis=0)
    part, horizon = (axis.ravel() for axis in np.indices((p, m)))
    table = pd.DataFrame({
        "model": parts.model,
        "scale": parts.scale.name,
        "level": level,
        "name": parts.sources["feature"].to_numpy()[part],
        "label": np.array(parts.labels, dtype=object)[part],
        "modality": parts.sources["modality"].to_numpy()[part],
        "horizon_months": parts.months[horizon],
        "importance": mean.ravel(),
        "low": low.ravel(),
        "high": high.ravel(),
        "share": (mean / np.maximum(mean.sum(axis=0), np.finfo(float).tiny)).ravel(),
    })  # fmt: skip
    order = np.lexsort((part, -table["importance"].to_numpy(), horizon))
    return table.iloc[order].reset_index(drop=True)


@dataclass(frozen=True)
class Agreement:
    """How explanations compare with the contributions a simulation was drawn from.

    Attributes
    ----------
    columns : DataFrame
        One row a column and horizon: `model`, `column`, `label`, `horizon_months`, `importance`,
        `true_importance` (mean absolute deviation of the true contribution to the log hazard),
        `rank_correlation` (Spearman over patients, of harm with true harm), `sign_agreement` (share of
        the true contribution, by size, whose direction is right).
    patients : DataFrame
        One row a patient, by position, and horizon: `rank_correlation` over columns of the patient's
        own contributions with the true ones.
    summary : DataFrame
        One row a horizon: `model`, `horizon_months`, `columns`, `patients`, `importance_correlation`
        (Spearman over columns), `patient_correlation` (median over patients), `sign_agreement`.
    """

    columns: pd.DataFrame
    patients: pd.DataFrame
    summary: pd.DataFrame


def agreement_with_truth(attribution: Attribution, truth: Truth, endpoint: str = "os") -> Agreement:
    """Compare contributions by column with the ``<endpoint>_contribution[<column>]`` of the truth.

    True contributions act on the log hazard and are centred at their mean over all simulated
    patients; contributions to a survival probability are turned round so that both mean harm. Columns
    whose contribution the truth does not record are left out. Correlated markers share credit in an
    explanation but not in the truth, so perfect agreement is not to be expected.

    Raises
    ------
    ValueError
        If the truth records the contribution of none of the explained columns.
    """
    parts = attribution.grouped("column")
    names = parts.sources["feature"].tolist()
    recorded = [j for j, name in enumerate(names) if f"{endpoint}_contribution[{name}]" in truth.patients]
    if not recorded:
        raise ValueError(
            f"the truth records no contribution to {endpoint!r} of {', '.join(names)}; "
            f"expected columns such as '{endpoint}_contribution[<column>]'"
        )
    every = truth.patients[[f"{endpoint}_contribution[{names[j]}]" for j in recorded]]
    true = (every.loc[parts.patients] - every.mean()).to_numpy(dtype=float)
    harm = parts.scale.risk_sign * parts.contributions[:, recorded, :]
    weight = np.abs(true)
    right = np.sign(harm) == np.sign(true)[:, :, None]

    labels = parts.labels
    by_column, by_patient, summary = [], [], []
    for k, months in enumerate(parts.months):
        found = harm[:, :, k]
        sizes = np.abs(found).mean(axis=0)
        along_columns = rank_correlations(found.T, true.T)
        by_column.append(pd.DataFrame({
            "model": parts.model,
            "column": [names[j] for j in recorded],
            "label": [labels[j] for j in recorded],
            "horizon_months": months,
            "importance": sizes,
            "true_importance": weight.mean(axis=0),
            "rank_correlation": along_columns,
            "sign_agreement": _share(weight * right[:, :, k], weight, axis=0),
        }))  # fmt: skip
        along_patients = rank_correlations(found, true)
        by_patient.append(pd.DataFrame({
            "model": parts.model,
            "position": np.arange(len(parts)),
            "horizon_months": months,
            "rank_correlation": along_patients,
        }))  # fmt: skip
        known = along_patients[~np.isnan(along_patients)]
        summary.append({
            "model": parts.model,
            "horizon_months": months,
            "columns": len(recorded),
            "patients": len(parts),
            "importance_correlation": float(rank_correlations(sizes[None], weight.mean(axis=0)[None])[0]),
            "patient_correlation": float(np.median(known)) if len(known) else np.nan,
            "sign_agreement": float(_share(weight * right[:, :, k], weight, axis=None)),
        })  # fmt: skip
    return Agreement(
        pd.concat(by_column, ignore_index=True),
        pd.concat(by_patient, ignore_index=True),
        pd.DataFrame(summary),
    )


def rank_correlations(a: Floats, b: Floats) -> Floats:
    """Spearman correlation of each row of `a` with the same row of `b`; NaN where a row is constant.

    >>> rank_correlations(np.array([[1.0, 2.0, 5.0]]), np.array([[3.0, 2.0, 1.0]]))
    array([-1.])
    """
    ranks = [pd.DataFrame(x).rank(axis=1).to_numpy() for x in (a, b)]
    centred = [r - r.mean(axis=1, keepdims=True) for r in ranks]
    spread = np.sqrt((centred[0] ** 2).sum(axis=1) * (centred[1] ** 2).sum(axis=1))
    covariance = (centred[0] * centred[1]).sum(axis=1)
    return np.asarray(np.divide(covariance, spread, out=np.full(len(spread), np.nan), where=spread > 0))


def _share(part: Floats, whole: Floats, axis: int | None) -> Floats:
    total = np.asarray(whole.sum(axis=axis))
    shares = np.divide(part.sum(axis=axis), total, out=np.full(total.shape, np.nan), where=total > 0)
    return np.asarray(shares)
