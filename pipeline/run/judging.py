"""Models trained and judged under a plan: what a run goes on from, and all that a sweep needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipeline.run.plan import RunPlan
from pipeline.run.streams import stage_generator
from pipeline.schema import Progress, silent

if TYPE_CHECKING:
    from pipeline.evaluate import Judgement, Predictions, Settled
    from pipeline.models import SurvivalModel
    from pipeline.split import Fold


@dataclass(frozen=True)
class Judged:
    """Models and how they did.

    Attributes
    ----------
    planned : RunPlan
        With tau and the horizons fixed, and what was dropped among its notes.
    settled : Settled
    models : mapping of str to SurvivalModel
        Fitted on the whole training cohort.
    predictions : list of Predictions
        Cross-validation and, where there are external patients, theirs.
    judgement : Judgement
    """

    planned: RunPlan
    settled: Settled
    models: Mapping[str, SurvivalModel]
    predictions: list[Predictions]
    judgement: Judgement

    def scores(self) -> pd.DataFrame:
        """Return every metric of every model in every group, with intervals."""
        from pipeline.evaluate import score

        return score(self.judgement)


def judge_models(planned: RunPlan, rng: np.random.Generator, progress: Progress = silent) -> Judged:
    """Train and judge the models of a plan.

    Parameters
    ----------
    planned : RunPlan
    rng : Generator
        That of the analysis: each stage uses a child found by its name, so that the scores are those of
        `pipeline.run.analyse` with the same generator.
    progress : Progress, optional
    """
    from pipeline.evaluate import cross_validate, external, fit_models, judge

    settled = settle(planned, rng)
    planned = replace(planned, analysis=settled.analysis, notes=planned.notes + settled.notes)
    analysis, train = planned.analysis, planned.train
    predictions = [cross_validate(train, analysis, stage_generator(rng, "cross-validation"), progress)]
    models = fit_models(train, analysis, stage_generator(rng, "fit"), progress)
    if planned.external is not None:
        predictions.append(external(models, train, planned.external, analysis))
    judgement = judge(predictions, analysis, stage_generator(rng, "bootstrap"), progress)
    return Judged(planned, settled, models, predictions, judgement)


def folds_of(planned: RunPlan, rng: np.random.Generator) -> list[Fold]:
    """Return the very folds of the cross-validation: the same stream, spawned the same way."""
    from pipeline.evaluate import validation_folds

    folds_rng, _ = stage_generator(rng, "cross-validation").spawn(2)
    return validation_folds(planned.train, planned.analysis, folds_rng)


def settle(planned: RunPlan, rng: np.random.Generator) -> Settled:
    """Fix tau and the horizons for every cohort and every fold, before anything is fitted."""
    from pipeline.evaluate import fold_sets, settle_horizons, whole_sets

    analysis, train = planned.analysis, planned.train
    cohorts = [train] if planned.external is None else [train, planned.external]
    sets = whole_sets(analysis, cohorts)
    sets += fold_sets(analysis, train, folds_of(planned, rng))
    return settle_horizons(analysis, sets)
