"""A run on shuffled outcomes, which must find nothing."""

from __future__ import annotations

import numpy as np

from pipeline.config import Analysis
from pipeline.evaluate.predictions import model_context
from pipeline.metrics import METRICS
from pipeline.models import build_model, null_prediction
from pipeline.schema import Cohort, outcome
from pipeline.split import folds

ONE_PENALTY = {"penalties": (0.1,)}  # nothing to tune on noise


def shuffled_control(
    cohort: Cohort, analysis: Analysis, rng: np.random.Generator, repeats: int = 10
) -> float:
    """Return the mean C of Cox models trained on shuffled outcomes and judged on the real ones.

    Patients are halved `repeats` times; in each half outcomes are dealt anew among its patients, a model is
    trained, and it ranks the other half by their real outcomes. A single such model can rank by chance in
    the right direction, so their mean is returned; far from 0.5 it means that outcomes leak into features.
    """
    folds_rng, models_rng = rng.spawn(2)
    halves = folds(cohort, analysis.endpoint, 2, repeats, folds_rng)
    context = model_context(cohort, analysis)
    found = []
    for half, child in zip(halves, models_rng.spawn(len(halves)), strict=True):
        train, test = cohort.observed.loc[half.train], cohort.observed.loc[half.test]
        dealt = child.permutation(outcome(train, analysis.endpoint))
        model = build_model("cox", context, ONE_PENALTY).fit(train, dealt, child)
        months = np.array([analysis.horizons_months[-1]])
        y = outcome(test, analysis.endpoint)
        null = null_prediction(dealt["time"], dealt["event"], len(test), months)
        found.append(float(METRICS["harrell_c"](y, model.predict(test, months), null)[0]))
    return float(np.nanmean(found))
