"""The questions a planned study asks of its patients, each answered by found or not found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.config import Analysis
from pipeline.models.partial_likelihood import RiskSets, ridge_fit
from pipeline.schema import Cohort, Floats, InputError, outcome

FAINT_PENALTY = 1e-6  # of the whole likelihood: keeps a fit of separated groups finite
REPLICATES = 100  # of the bootstrap behind the question of two models


def answer(cohort: Cohort, question: Mapping[str, Any], rng: np.random.Generator) -> bool:
    """Return whether the analysis of `cohort` finds what `question` looks for.

    "interaction": the product of treatment and marker in a Cox model has a two-sided p below `alpha`.
    "models": the 95 % interval of the difference in Uno's C between `model` and `against` lies above 0,
    cross-validated, patients resampled. "discrimination": Uno's C of `model` reaches `target`,
    cross-validated. "landmark_auc": among those at risk at `landmark_months`, the AUC of the dynamic
    `model` within `horizon_months` from there reaches `target`, cross-validated. "landmark_gain": the 95 %
    interval of its difference to baseline alone, there, lies above 0. What cannot be estimated is not found.

    Parameters
    ----------
    cohort : Cohort
    question : mapping
        `kind`, `endpoint` and what the kind needs.
    rng : Generator
    """
    if question["kind"] == "interaction":
        p = interaction_p(cohort, str(question["endpoint"]), str(question["marker"]))
        return p < float(question["alpha"])
    names = [question["model"]] + ([question["against"]] if question["kind"] == "models" else [])
    try:
        if str(question["kind"]).startswith("landmark"):
            return _at_landmark(cohort, question, rng)
        return _cross_validated(cohort, question, names, rng)
    except InputError:  # a draw with too few events to train on; faults of the plan were named before
        return False


def interaction_p(cohort: Cohort, endpoint: str, marker: str) -> float:
    """Return the two-sided Wald p of treatment by marker in a Cox model with both main effects.

    Numbers on a ratio scale enter as logarithms; patients without the marker are left out. Treatment is any
    arm but the control. Returns 1 where the effect cannot be estimated.
    """
    from scipy.stats import norm

    column = cohort.column(marker)
    values = cohort.observed[marker]
    known = values.notna().to_numpy()
    z = values.to_numpy(dtype=float, na_value=np.nan)[known]
    if column.positive:
        z = np.log(np.maximum(z, np.min(z[z > 0], initial=1.0)))
    spread = z.std()
    treated = (cohort.observed["arm"].astype(str) != cohort.control_arm).to_numpy(dtype=float)[known]
    y = outcome(cohort.observed, endpoint)[known]
    if spread == 0 or treated.std() == 0 or not y["event"].any():
        return 1.0
    z = (z - z.mean()) / spread
    x: Floats = np.column_stack([treated, z, treated * z])
    sets = RiskSets.of(x, np.ascontiguousarray(y["time"]), np.ascontiguousarray(y["event"]))
    beta = ridge_fit(sets, FAINT_PENALTY, np.zeros(3))
    covariance = np.linalg.inv(sets.information(beta) + FAINT_PENALTY * np.eye(3))
    return float(2 * norm.sf(abs(beta[2]) / np.sqrt(covariance[2, 2])))


def _cross_validated(
    cohort: Cohort, question: Mapping[str, Any], names: list[str], rng: np.random.Generator
) -> bool:
    from pipeline.evaluate import cross_validate, differences, judge, score

    analysis = Analysis(
        endpoint=question["endpoint"], horizons_months=(6,), models={n: {} for n in names},
        metrics=("uno_c",), subgroups=(), cross_validation={"folds": 5, "repeats": 1},
        bootstrap={"replicates": REPLICATES},
    )  # fmt: skip
    folds_rng, boot_rng = rng.spawn(2)
    judgement = judge([cross_validate(cohort, analysis, folds_rng)], analysis, boot_rng)
    if question["kind"] == "models":
        return bool((differences(judgement, names[1])["low"] > 0).all())
    return bool(score(judgement)["value"].iloc[0] >= question["target"])


def _at_landmark(cohort: Cohort, question: Mapping[str, Any], rng: np.random.Generator) -> bool:
    from pipeline.dynamic import BASELINE, DynamicAnalysis, cross_validate_landmarks, judging_analysis
    from pipeline.evaluate import differences, judge, score

    gain = question["kind"] == "landmark_gain"
    landmark, horizon = float(question["landmark_months"]), float(question["horizon_months"])
    analysis = DynamicAnalysis(
        endpoint=question["endpoint"], landmarks_months=(landmark,), horizons_months=(horizon,),
        window_months=horizon, models={n: {} for n in [question["model"], *[BASELINE] * gain]},
        metrics=("auc",), bootstrap={"replicates": REPLICATES},
    )  # fmt: skip
    folds_rng, boot_rng = rng.spawn(2)
    judged = cross_validate_landmarks(cohort, analysis, folds_rng)
    judgement = judge(judged, judging_analysis(analysis), boot_rng)
    table = differences(judgement, BASELINE) if gain else score(judgement)
    found = table["low"] > 0 if gain else table["value"] >= question["target"]
    return bool(len(found) and found.all())
