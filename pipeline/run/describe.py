"""Tables about the patients, before any model: curves, arms, gaps, correlations, a typical patient."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from pipeline.schema import ENDPOINTS, Cohort, Column

TYPICAL_QUANTILES = (0.25, 0.5, 0.75)


def arm_table(cohort: Cohort, endpoint: str, level: float = 0.95) -> pd.DataFrame:
    """Return each arm's patients, events, median and, against the control arm, Cox's hazard ratio.

    Returns
    -------
    DataFrame
        `arm`, `patients`, `events`, `median_months`, `median_low`, `median_high`, `hazard_ratio`, `low`,
        `high`. The hazard ratio is unadjusted, with Efron's ties and a Wald interval, both arms alone in
        the model; NaN for the control arm and where a cohort has no control.
    """
    from pipeline.figures import kaplan_meier_curves, medians

    arms = arms_in_order(cohort)
    summary = medians(kaplan_meier_curves(cohort.observed, endpoint, arms=arms, level=level)).rename(
        columns={"median": "median_months", "low": "median_low", "high": "median_high"}
    )
    ratios = [hazard_ratio(cohort, endpoint, str(arm), level) for arm in summary["arm"]]
    return pd.concat([summary, pd.DataFrame(ratios, columns=["hazard_ratio", "low", "high"])], axis=1)


def arms_in_order(cohort: Cohort) -> list[str] | None:
    """Return the arms with the control last; None for a cohort without arms."""
    if "arm" not in cohort.observed:
        return None
    present = set(cohort.observed["arm"].dropna().astype(str))
    declared = [a for a in cohort.column("arm").categories if a in present] or sorted(present)
    return sorted(declared, key=lambda arm: arm == cohort.control_arm)


def flow_of(cohorts: Mapping[str, Cohort], endpoint: str) -> pd.DataFrame:
    """Return who stands where: each cohort's arms, their events, and how long they were followed.

    Returns
    -------
    DataFrame
        `role` (a key of `cohorts`), `cohort`, `arm`, `patients`, `events`, `censored`, `all_measured` (no
        baseline value missing), `follow_up_months` (median, reverse Kaplan-Meier; NaN where not reached).
    """
    from pipeline.cohort_check import median_follow_up
    from pipeline.figures import flow_table

    e, parts = ENDPOINTS[endpoint], []
    for role, cohort in cohorts.items():
        table = flow_table(cohort, endpoint)
        frame = cohort.observed
        arms = frame["arm"].astype(str) if "arm" in frame else pd.Series("All patients", frame.index)
        followed = [median_follow_up(frame.loc[arms == arm, e.months], frame.loc[arms == arm, e.event])
                    for arm in table["arm"]]  # fmt: skip
        parts.append(table.assign(role=role, cohort=cohort.name, follow_up_months=followed))
    return pd.concat(parts, ignore_index=True)


def hazard_ratio(cohort: Cohort, endpoint: str, arm: str, level: float) -> tuple[float, float, float]:
    """Return the hazard ratio of `arm` against the control arm, with its interval."""
    from lifelines import CoxPHFitter

    nothing = (float("nan"),) * 3
    control, e = cohort.control_arm, ENDPOINTS[endpoint]
    if control is None or arm == control or "arm" not in cohort.observed:
        return nothing
    pair = cohort.observed[cohort.observed["arm"].isin([arm, control])]
    frame = pd.DataFrame({
        "treated": (pair["arm"].astype(str) == arm).astype(float),
        "months": pair[e.months].to_numpy(dtype=float),
        "event": pair[e.event].to_numpy(dtype=bool),
    })  # fmt: skip
    if frame.groupby("treated")["event"].sum().reindex([0.0, 1.0], fill_value=0).min() == 0:
        return nothing
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of lifelines, about pandas
        fitted = CoxPHFitter(alpha=1 - level).fit(frame, "months", "event")
    low, high = np.exp(fitted.confidence_intervals_.to_numpy()[0])
    return float(np.exp(fitted.params_["treated"])), float(low), float(high)


def correlation_table(cohort: Cohort) -> pd.DataFrame:
    """Return Spearman's correlations of the numeric baseline columns: `label`, then one column each."""
    from pipeline.figures import marker_correlations

    square = marker_correlations(cohort)
    return square.rename_axis("label").reset_index()


def typical_patients(cohort: Cohort) -> pd.DataFrame:
    """Return three made-up patients in the cohort's units, for examples that show nobody.

    Numbers stand at the lower quartile, the median and the upper quartile; booleans (as 0 and 1) and
    categories at their most frequent level.
    """
    columns = [c for c in cohort.columns if c.role in ("baseline", "arm")]
    made = {c.name: _typical(cohort.observed[c.name], c) for c in columns}
    return pd.DataFrame(made, index=pd.RangeIndex(len(TYPICAL_QUANTILES), name="patient"))


def _typical(values: pd.Series[Any], column: Column) -> Any:
    present = values.dropna()
    if column.kind == "number":
        if not len(present):
            return np.nan
        return np.quantile(present.to_numpy(dtype=float), TYPICAL_QUANTILES)
    if column.kind == "boolean":
        return float(present.astype(float).mean() >= 0.5) if len(present) else np.nan
    return str(present.astype(str).mode().iloc[0]) if len(present) else None
