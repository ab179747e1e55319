"""A run on shuffled outcomes, which must find nothing."""

from __future__ import annotations

import numpy as np

from pipeline.config import Analysis
from pipeline.evaluate.predictions import model_context
from pipeline.features import FeatureBuilder
from pipeline.metrics import METRICS
from pipeline.models import null_prediction
from pipeline.models.partial_likelihood import RiskSets, ridge_fit, standardised
from pipeline.schema import Cohort, Prediction, outcome
from pipeline.split import folds

PENALTY = 0.1  # a patient; there is nothing to tune on noise


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
        features = FeatureBuilder(context.columns, context.control_arm).fit(train)
        x, deviations = standardised(features.transform(train).to_numpy())
        sets = RiskSets.of(x, dealt["time"], dealt["event"])
        beta = ridge_fit(sets, PENALTY * len(train), np.zeros(x.shape[1])) / deviations
        months = np.array([analysis.horizons_months[-1]])
        null = null_prediction(dealt["time"], dealt["event"], len(test), months)
        ranked = Prediction(features.transform(test).to_numpy() @ beta, months, null.survival)
        y = outcome(test, analysis.endpoint)
        found.append(float(METRICS["harrell_c"](y, ranked, null)[0]))
    return float(np.nanmean(found))
