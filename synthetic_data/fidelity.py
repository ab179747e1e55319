"""How far a drawn cohort is from every published figure of its trial: built on, or predicted."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.schema import ENDPOINTS, Cohort, Floats, InputError, Truth
from synthetic_data.cohort_spec import Plan
from synthetic_data.conduct_fidelity import conduct_rows
from synthetic_data.follow_up import observe
from synthetic_data.published_figures import Figure, PublishedRatio
from synthetic_data.survival_curves import LEAST_SURVIVAL
from synthetic_data.toxicity_fidelity import adverse_event_rows
from synthetic_data.trial_curves import expected_ratio

MEDIAN_TOLERANCE: Final = 0.02  # of the published median
RATE_TOLERANCE: Final = 0.005  # of survival, or of responders
FEWEST_RESPONDERS: Final = 10  # for a median duration of response to be shown
CHANCE: Final = 2.6  # standard errors of the draw that are put down to chance (1 in 100)
COLUMNS: Final = (
    "arm", "endpoint", "kind", "months", "published", "low", "high", "expected", "reproduced", "gap",
    "standard_error", "built_on", "within", "population", "reason", "source",
)  # fmt: skip


def fidelity(cohort: Cohort, plan: Plan) -> pd.DataFrame:
    """Hold a cohort against the figures its trial published.

    Parameters
    ----------
    cohort : Cohort
        With truth.
    plan : Plan
        The plan it was drawn from.

    Returns
    -------
    DataFrame
        A row a figure. `expected` is what the true population curve gives, without the chance of a
        draw; `reproduced` what the drawn patients show: Kaplan-Meier medians and rates of their
        uncensored times, and Cox's hazard ratio after a cut at the readout's own follow-up. `gap` is
        relative for medians, a difference for rates, a difference of logs for hazard ratios;
        `standard_error` is that of `gap` for a draw of this size. `within` says whether the figure is
        met: medians within 2 %, rates within half a point (or within CHANCE standard errors of that,
        which matters for small cohorts only), hazard ratios and figures that were left out inside
        their published intervals.
    """
    rows = [_figure_row(cohort, f) for f in plan.curves.figures]
    rows += [_ratio_row(cohort, plan, r) for r in plan.curves.ratios]
    rows += [_response_row(cohort, plan, arm) for arm in plan.arms]
    rows += [row for arm in plan.arms for row in _surgery_rows(cohort, arm)]
    rows += [row for arm in plan.arms for row in _duration_rows(cohort, plan, arm)]
    rows += adverse_event_rows(cohort, plan)
    rows += conduct_rows(cohort, plan)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _figure_row(cohort: Cohort, figure: Figure) -> dict[str, object]:
    patients = _truth(cohort).patients
    drawn = patients.loc[patients["arm"] == figure.arm, f"{figure.endpoint}_event_months"].to_numpy()
    by_chance = np.sqrt(figure.survival * (1 - figure.survival) / max(len(drawn), 1))
    if figure.kind == "median":
        published = figure.months
        grid = published * np.linspace(0.7, 1.4, 71)
        average = _average_survival(_truth(cohort), figure, grid)
        expected = float(np.interp(0.5, average[::-1], grid[::-1]))
        reproduced = float(np.median(drawn))
        gap, tolerance = reproduced / published - 1, MEDIAN_TOLERANCE
        density = abs(float(np.interp(expected, grid, np.gradient(average, grid))))
        by_chance /= density * published
    else:
        published = figure.survival
        expected = float(_average_survival(_truth(cohort), figure, np.array([figure.months]))[0])
        reproduced = float((drawn > figure.months).mean())
        gap, tolerance = reproduced - published, RATE_TOLERANCE
    inside = figure.low is not None and figure.high is not None and figure.low <= reproduced <= figure.high
    return {
        "arm": figure.arm,
        "endpoint": figure.endpoint,
        "kind": figure.kind,
        "months": figure.months,
        "published": published,
        "low": figure.low,
        "high": figure.high,
        "expected": expected,
        "reproduced": reproduced,
        "gap": gap,
        "standard_error": by_chance,
        "built_on": figure.built_on,
        "within": abs(gap) <= max(tolerance, CHANCE * by_chance) or (not figure.built_on and inside),
        "population": figure.population,
        "reason": figure.reason,
        "source": figure.source,
    }


def _truth(cohort: Cohort) -> Truth:
    if cohort.truth is None:
        raise InputError(f"cohort {cohort.name!r} has no truth; fidelity is for simulated cohorts")
    return cohort.truth


def _average_survival(truth: Truth, figure: Figure, months: Floats) -> Floats:
    """Average true survival, under the figure's arm, of the population the patients come from."""
    rows = truth.hazards[truth.hazards["arm"] == figure.arm]
    hazard = -np.log(np.maximum(rows[f"population_{figure.endpoint}"].to_numpy(), LEAST_SURVIVAL))
    return np.asarray(np.exp(-np.interp(months, rows["months"].to_numpy(), hazard)))


def drawn_ratio(patients: pd.DataFrame, plan: Plan, ratio: PublishedRatio) -> tuple[float, float]:
    """Return Cox's hazard ratio of drawn patients at a readout's cut, and the standard error of its log.

    Parameters
    ----------
    patients : DataFrame
        As in `Truth.patients`.
    """
    pair = patients[patients["arm"].isin([ratio.experimental, ratio.control])]
    accrual = plan.spec.accrual
    month = accrual.cut_month(ratio.follow_up_months)
    if ratio.follow_up[0] >= ratio.follow_up_months:  # a minimum follow-up: the last patient's
        month = ratio.follow_up_months + accrual.months
    shown = observe(pair, month, plan.schedule)
    treated = (pair.loc[shown.index, "arm"] == ratio.experimental).to_numpy()
    e = ENDPOINTS[ratio.endpoint]
    months, event = shown[e.months].to_numpy(), shown[e.event].to_numpy()
    error = float(1 / np.sqrt(event.sum() * treated.mean() * (1 - treated.mean())))
    return two_arm_hazard_ratio(months, event, treated), error


def _ratio_row(cohort: Cohort, plan: Plan, ratio: PublishedRatio) -> dict[str, object]:
    reproduced, error = drawn_ratio(_truth(cohort).patients, plan, ratio)
    low, high = ratio.low or 0.0, ratio.high or np.inf
    treated_curve, control_curve = (
        plan.curves.curves[arm, ratio.endpoint] for arm in (ratio.experimental, ratio.control)
    )
    sizes = {arm.id: arm.patients or 1 for arm in plan.trial.arms}
    return {
        "arm": f"{ratio.experimental} v {ratio.control}",
        "endpoint": ratio.endpoint,
        "kind": "hazard_ratio",
        "months": ratio.follow_up_months,
        "published": ratio.estimate,
        "low": ratio.low,
        "high": ratio.high,
        "expected": expected_ratio(ratio, treated_curve, control_curve, sizes),
        "reproduced": reproduced,
        "gap": float(np.log(reproduced / ratio.estimate)),
        "standard_error": error,
        "built_on": True,
        "within": low <= reproduced <= high,
        "population": ratio.population,
        "reason": "",
        "source": ratio.source,
    }


def _response_row(cohort: Cohort, plan: Plan, arm: str) -> dict[str, object]:
    rows = cohort.observed["arm"] == arm
    rate = plan.responses[arm]
    reproduced = float(cohort.observed.loc[rows, "best_response"].isin(["CR", "PR"]).mean())
    by_chance = np.sqrt(rate.rate * (1 - rate.rate) / max(int(rows.sum()), 1))
    return {
        "arm": arm,
        "endpoint": "response",
        "kind": "objective_response",
        "months": np.nan,
        "published": rate.rate,
        "low": np.nan,
        "high": np.nan,
        "expected": cohort.manifest["responses"][arm]["expected"],
        "reproduced": reproduced,
        "gap": reproduced - rate.rate,
        "standard_error": by_chance,
        "built_on": not rate.assumed,
        "within": abs(reproduced - rate.rate) <= max(RATE_TOLERANCE, CHANCE * by_chance),
        "population": plan.trial.main_population,
        "reason": "borrowed from arms like it" if rate.assumed else "",
        "source": rate.source,
    }


def _surgery_rows(cohort: Cohort, arm: str) -> list[dict[str, object]]:
    """Shares of pathological response and ctDNA clearance, among patients enrolled by the cut."""
    rows = []
    patients = cohort.observed[cohort.observed["arm"] == arm]
    for outcome, by_arm in cohort.manifest.get("surgery", {}).items():
        rate, reproduced = by_arm[arm]["rate"], float(patients[outcome].mean())
        by_chance = np.sqrt(rate * (1 - rate) / max(len(patients), 1))
        rows.append(
            {
                "arm": arm,
                "endpoint": "surgery",
                "kind": outcome,
                "published": rate,
                "expected": rate,
                "reproduced": reproduced,
                "gap": reproduced - rate,
                "standard_error": by_chance,
                "built_on": True,
                "within": abs(reproduced - rate) <= max(RATE_TOLERANCE, CHANCE * by_chance),
                "reason": "",
                "source": by_arm[arm]["source"],
            }
        )
    return rows


def _duration_rows(cohort: Cohort, plan: Plan, arm: str) -> list[dict[str, object]]:
    """Median duration of response: as near as the arm's progression-free survival lets it come."""
    rate, patients = plan.responses[arm], _truth(cohort).patients
    months = patients.loc[patients["arm"] == arm, "duration_of_response_months"].dropna()
    if rate.median_duration is None or len(months) < FEWEST_RESPONDERS:
        return []
    reproduced = float(months.median())
    # of the log of a median, as if the durations were exponential
    by_chance = float(1 / np.sqrt(len(months)) / np.log(2))
    return [
        {
            "arm": arm,
            "endpoint": "response",
            "kind": "duration_of_response",
            "months": rate.median_duration,
            "published": rate.median_duration,
            "expected": np.nan,
            "reproduced": reproduced,
            "gap": reproduced / rate.median_duration - 1,
            "standard_error": by_chance,
            "built_on": False,
            "within": abs(reproduced / rate.median_duration - 1) <= max(MEDIAN_TOLERANCE, CHANCE * by_chance),
            "population": plan.trial.main_population,
            "reason": "sets how steeply response rises with time to progression",
            "source": rate.source,
        }
    ]


def two_arm_hazard_ratio(months: Floats, event: NDArray[np.bool_], treated: NDArray[np.bool_]) -> float:
    """Cox's hazard ratio of two arms, ties by Efron's method, from counts alone.

    The same estimate as a general Cox program's, for any number of patients in a moment: with one
    indicator, only how many of each arm have the event and are at risk at each time matters.

    Parameters
    ----------
    months, event, treated : array, shape (n,)
    """
    times, position = np.unique(months, return_inverse=True)
    events, at_risk = (
        np.array([np.bincount(position[rows & arm], minlength=len(times)) for arm in (~treated, treated)])
        for rows in (event, np.ones_like(event))
    )
    at_risk = at_risk[:, ::-1].cumsum(axis=1)[:, ::-1]
    tied = events.sum(axis=0)
    moment = np.repeat(np.arange(len(times)), tied)  # one entry an event, tied ones in turn
    turn = np.arange(len(moment)) - np.repeat(np.cumsum(tied) - tied, tied)
    gone = turn / tied[moment]
    control, experimental = at_risk[:, moment] - gone * events[:, moment]
    log_ratio = 0.0
    for _ in range(50):
        share = experimental * np.exp(log_ratio)
        share = share / (share + control)
        step = (events[1].sum() - share.sum()) / (share * (1 - share)).sum()
        log_ratio += float(step)
        if abs(step) < 1e-10:
            break
    return float(np.exp(log_ratio))
