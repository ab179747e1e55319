"""The analysis of one small run, and cohorts that tell what each marker contributed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from made_cohort import EFFECTS

from pipeline.schema import Cohort

SMALL = {
    "horizons_months": [6, 12],
    "models": {
        "cox": {"penalties": [0.1]},
        "rsf": {"n_estimators": 10},
        "pdl1": {},
        "oracle": {},
    },
    "published": "none",
    "cross_validation": {"folds": 2, "repeats": 1},
    "bootstrap": {"replicates": 20},
    "explanation": {"patients": 12, "waterfalls": 3, "horizon_months": 12},
}


def told(cohort: Cohort) -> Cohort:
    """The same cohort with what each marker contributed on record, as the generator leaves it."""
    assert cohort.truth is not None
    frame = cohort.observed
    patients = cohort.truth.patients.assign(**{
        "os_contribution[age_years]": EFFECTS["age_years"] * (frame["age_years"] - 64) / 9,
        "os_contribution[nlr]": EFFECTS["nlr"] * (np.log(frame["nlr"]) - 1.2) / 0.5,
        "os_contribution[noise]": 0.0,
    })  # fmt: skip
    return replace(cohort, truth=replace(cohort.truth, patients=patients))
