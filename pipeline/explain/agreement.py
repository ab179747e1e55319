"""Whether explanations point to what truly acts, in a cohort that was drawn from known effects."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from pipeline.explain.attribution import Attribution
from pipeline.schema import Floats, Truth

TruePart = Literal["contribution", "modification"]


@dataclass(frozen=True)
class Agreement:
    """How explanations compare with the effects that a simulation was drawn from.

    Attributes
    ----------
    columns : DataFrame
        One row a column and horizon: `model`, `of`, `column`, `label`, `horizon_months`, `importance`,
        `true_importance` (mean absolute deviation of the true part of the log hazard), `rank_correlation`
        (Spearman over patients, of harm with true harm), `sign_agreement` (share of the true part, by size,
        whose direction is right).
    patients : DataFrame
        One row a patient, by position, and horizon: `rank_correlation` over columns of the patient's
        own contributions with the true ones.
    summary : DataFrame
        One row a horizon: `model`, `of`, `horizon_months`, `columns` that act, `patients`,
        `rank_correlation` (Spearman over all patients and acting columns together), `importance_correlation`
        (over columns), `patient_correlation` (median over patients), `sign_agreement`, `inert` columns, and
        `inert_above_median`: how many of those are more important than the median acting column.
    """

    columns: pd.DataFrame
    patients: pd.DataFrame
    summary: pd.DataFrame


def told(truth: Truth, endpoint: str, of: TruePart = "contribution") -> bool:
    """Whether a truth records the `of` of any marker to `endpoint`."""
    return any(str(name).startswith(f"{endpoint}_{of}[") for name in truth.patients)


def agreement_with_truth(
    attribution: Attribution,
    truth: Truth,
    endpoint: str = "os",
    of: TruePart = "contribution",
    candidates: Collection[str] = (),
) -> Agreement:
    """Compare contributions by column with the ``<endpoint>_<of>[<column>]`` of the truth.

    True contributions act on the log hazard and are centred at their mean over all simulated
    patients; contributions to a survival probability are turned round so that both mean harm. Correlated
    markers share credit in an explanation but not in the truth, so perfect agreement is not to be expected.

    Parameters
    ----------
    attribution : Attribution
        Of predictions, or of the effect of treatment (``pipeline.explain.explain_effect``).
    truth : Truth
    endpoint : str
    of : {"contribution", "modification"}
        What the attribution is of: the log hazard, or what the checkpoint inhibitor changes in it.
    candidates : collection of str, optional
        Measured columns; those of them that the truth gives nothing to are the inert ones. A column computed
        from others, such as a signature, is none: it stands for what it is made of.

    Raises
    ------
    ValueError
        If the truth records nothing of any of the explained columns.
    """
    parts = attribution.grouped("column")
    names = parts.sources["feature"].tolist()
    titles = {name: f"{endpoint}_{of}[{name}]" for name in names}
    drawn = truth.patients
    acting = [j for j, n in enumerate(names) if titles[n] in drawn and np.ptp(drawn[titles[n]]) > 0]
    if not acting:
        raise ValueError(
            f"the truth records no {of} to {endpoint!r} of {', '.join(names)}; "
            f"expected columns such as '{endpoint}_{of}[<column>]'"
        )
    every = drawn[[titles[names[j]] for j in acting]]
    true = (every.loc[parts.patients] - every.mean()).to_numpy(dtype=float)
    inert = [j for j, n in enumerate(names) if n in candidates and j not in acting]
    harm = parts.scale.risk_sign * parts.contributions[:, acting, :]
    sizes = np.abs(parts.contributions).mean(axis=0)
    weight = np.abs(true)
    right = np.sign(harm) == np.sign(true)[:, :, None]

    labels = parts.labels
    by_column, by_patient, summary = [], [], []
    for k, months in enumerate(parts.months):
        found, size = harm[:, :, k], sizes[acting, k]
        head = {"model": parts.model, "of": of}
        by_column.append(pd.DataFrame(head | {
            "column": [names[j] for j in acting],
            "label": [labels[j] for j in acting],
            "horizon_months": months,
            "importance": size,
            "true_importance": weight.mean(axis=0),
            "rank_correlation": rank_correlations(found.T, true.T),
            "sign_agreement": _share(weight * right[:, :, k], weight, axis=0),
        }))  # fmt: skip
        along_patients = rank_correlations(found, true)
        by_patient.append(pd.DataFrame(head | {
            "position": np.arange(len(parts)),
            "horizon_months": months,
            "rank_correlation": along_patients,
        }))  # fmt: skip
        known = along_patients[~np.isnan(along_patients)]
        summary.append(head | {
            "horizon_months": months,
            "columns": len(acting),
            "patients": len(parts),
            "rank_correlation": float(rank_correlations(found.reshape(1, -1), true.reshape(1, -1))[0]),
            "importance_correlation": float(rank_correlations(size[None], weight.mean(axis=0)[None])[0]),
            "patient_correlation": float(np.median(known)) if len(known) else np.nan,
            "sign_agreement": float(_share(weight * right[:, :, k], weight, axis=None)),
            "inert": len(inert),
            "inert_above_median": int((sizes[inert, k] > np.median(size)).sum()),
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
