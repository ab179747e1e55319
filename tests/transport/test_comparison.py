"""Carried and cross-validated models side by side, on the same folds."""

import numpy as np
from made_cohort import made_cohort

from pipeline.config import Analysis, CrossValidation
from pipeline.evaluate import cross_validate
from pipeline.schema import Prediction
from pipeline.transport import compared


def test_a_carried_prediction_stands_in_every_repeat_beside_the_others():
    cohort = made_cohort(80, 1)
    analysis = Analysis(models={"cox": {}}, horizons_months=(6.0,), published="none",
                        cross_validation=CrossValidation(folds=2, repeats=3))  # fmt: skip
    inside = cross_validate(cohort, analysis, np.random.default_rng(0))
    months = inside.models["cox"][0].months
    carried = Prediction(np.arange(80.0), months, np.ones((80, len(months))))
    found = compared({"cox_synthetic": carried}, inside)
    assert set(found.models) == {"cox_synthetic", "cox_real"}
    assert len(found.models["cox_synthetic"]) == 3
    assert found.fold is inside.fold
    assert found.models["cox_real"] is inside.models["cox"]
