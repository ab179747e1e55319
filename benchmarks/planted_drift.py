"""Cohorts that differ from a model's in a known way, and the verdict each of them deserves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from pipeline.config import Analysis
from pipeline.drift import Drift, DriftRules, comparable, judge_drift, marker_shift, outcome_drift
from pipeline.evaluate import cross_validate, external, fit_models
from pipeline.evaluate.predictions import Predictions
from pipeline.models import SurvivalModel
from pipeline.realism import separate
from pipeline.schema import Cohort, Prediction
from synthetic_data.cohort import simulate_cohort
from synthetic_data.cohort_spec import CohortSpec

SPEC: Final = CohortSpec(
    name="keynote_189", trial="KEYNOTE-189",
    markers=("age", "sex", "smoking", "ecog_ps", "albumin", "ldh", "nlr", "pdl1_tps", "liver_mets"),
)  # fmt: skip
HORIZON: Final = 12.0
ANALYSIS: Final = Analysis.model_validate({
    "horizons_months": [HORIZON], "tau_months": HORIZON, "published": "none",
    "models": {"cox": {"penalties": [0.3]}}, "cross_validation": {"folds": 5, "repeats": 1},
    "bootstrap": {"replicates": 20},
})  # fmt: skip
Plant = Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]


@dataclass(frozen=True)
class Trained:
    """Patients, the models that learnt from them, and what these said of them out of fold."""

    cohort: Cohort
    models: Mapping[str, SurvivalModel]
    kept: Predictions


def trained(patients: int, rng: np.random.Generator) -> Trained:
    """Draw patients, cross-validate and fit."""
    draw, folds, fit = rng.spawn(3)
    cohort = simulate_cohort(SPEC, patients, draw)
    return Trained(cohort, fit_models(cohort, ANALYSIS, fit), cross_validate(cohort, ANALYSIS, folds))


def verdict_of(
    known: Trained, new: Cohort, rng: np.random.Generator, rules: DriftRules | None = None
) -> Drift:
    """Judge new patients as `lungio drift` does."""
    columns = comparable(known.cohort.columns, new.columns)
    markers = [c for c in columns if c.role == "baseline"]
    apart, outcomes = rng.spawn(2)
    old, now = _until(known.kept), _until(external(known.models, known.cohort, new, ANALYSIS))
    return judge_drift(
        marker_shift(known.cohort.observed, new.observed, columns),
        separate(known.cohort.observed, new.observed, markers, apart, with_drops=False),
        outcome_drift(old, now, ANALYSIS, HORIZON, outcomes),
        rules or DriftRules(),
    )


def _until(predictions: Predictions) -> Predictions:
    """Predictions at the horizon alone, as a run keeps them."""

    def cut(p: Prediction) -> Prediction:
        return Prediction(p.risk, np.array([HORIZON]), p.at(HORIZON)[:, None])

    models = {name: tuple(cut(p) for p in repeats) for name, repeats in predictions.models.items()}
    return replace(predictions, models=models, null=tuple(cut(p) for p in predictions.null))


def planted(cohort: Cohort, plant: Plant, rng: np.random.Generator) -> Cohort:
    """Return the cohort with a difference planted among its patients."""
    frame = plant(cohort.observed.copy(), rng)
    columns = tuple(c for c in cohort.columns if c.name in frame)
    return replace(cohort, observed=frame, columns=columns, truth=None)


def _nothing(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return frame


def _trifle(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    frame["nlr"] *= 1.05
    return frame


def _laboratory(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    frame["nlr"] = (frame["nlr"] * 1.42).round(2)  # another laboratory's counter
    return frame


def _method(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    frame["ldh_u_per_l"] = (frame["ldh_u_per_l"] * 1.6).round()  # another reaction is measured
    return frame


def _some_tests_less(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    frame.loc[rng.random(len(frame)) < 0.2, "pdl1_tps_percent"] = np.nan
    return frame


def _most_tests_less(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    frame.loc[rng.random(len(frame)) < 0.6, "pdl1_tps_percent"] = np.nan
    return frame


def _others(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Another mix of patients: most of those of at least 66 years were not enrolled."""
    kept = (frame["age_years"] < 66) | (rng.random(len(frame)) < 0.15)
    return frame[kept]


def _never_smokers(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    moved = (frame["smoking"] == "former") & (rng.random(len(frame)) < 0.35)
    frame.loc[moved, "smoking"] = "never"
    return frame


def _unlinked(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Every marker as before, none going with another: seen by the classifier alone, and by predictions."""
    for name in ("nlr", "albumin_g_per_dl", "ldh_u_per_l", "ecog_ps"):
        frame[name] = rng.permutation(frame[name].to_numpy())
    return frame


def _worse_survival(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    frame["os_months"] /= 1.8  # of deaths and follow-up alike: the hazard is 1.8 times what it was
    return frame.drop(columns=["pfs_months", "progressed_or_died"])


def _effects_gone(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    order = rng.permutation(len(frame))
    frame[["os_months", "died"]] = frame[["os_months", "died"]].to_numpy()[order]
    return frame.astype({"died": bool, "os_months": float}).drop(columns=["pfs_months", "progressed_or_died"])


# name -> what is done, and the verdicts that are right
PLANTS: Final[Mapping[str, tuple[Plant, tuple[str, ...]]]] = {
    "nothing": (_nothing, ("none",)),
    "NLR 5 % higher": (_trifle, ("none",)),
    "NLR 42 % higher": (_laboratory, ("look",)),
    "LDH by another method, 1.6 times": (_method, ("do not use",)),
    "PD-L1 missing in 20 % more": (_some_tests_less, ("look",)),
    "PD-L1 missing in 60 % more": (_most_tests_less, ("do not use",)),
    "few patients of 66 years and more": (_others, ("do not use",)),
    "a third of former smokers never smoked": (_never_smokers, ("look", "do not use")),
    "markers no longer go together": (_unlinked, ("look", "do not use")),
    "hazard of death 1.8 times": (_worse_survival, ("do not use",)),
    "markers no longer tell outcome": (_effects_gone, ("do not use",)),
}
