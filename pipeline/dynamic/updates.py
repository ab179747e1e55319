"""What moved a patient's risk from one landmark to the next: exact for the supermodel, series by series."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from pipeline.dynamic.contract import DynamicAnalysis
from pipeline.dynamic.judging import FittedDynamic, reached
from pipeline.dynamic.stack import LANDMARK, stack_landmarks
from pipeline.dynamic.supermodel import LandmarkSupermodel
from pipeline.landmark.cohort import PROGRESSED
from pipeline.landmark.series import NEW_LESION, series_of
from pipeline.schema import Cohort

BEFORE: Final = "Before treatment"
TIME: Final = "Time since start"


def contributions_over_time(
    fitted: FittedDynamic, model: LandmarkSupermodel, cohort: Cohort, analysis: DynamicAnalysis
) -> pd.DataFrame:
    """Return how much each group of features adds to each patient's log hazard at each landmark.

    A model linear in its features gives each exactly ``(x - mean)(β + γs)``, with the mean over all rows
    it was trained on; terms of one feature and of its product with the landmark stand together, and
    features of one series too. Their sum is the log hazard relative to the average training row.

    Returns
    -------
    DataFrame
        `patient`, `landmark_months`, `group`, `contribution`.
    """
    group = [_group(term, model, cohort) for term in model.names]
    rows = []
    for landmark in reached(cohort, analysis):
        table = stack_landmarks(
            cohort, analysis.endpoint, (landmark,), analysis.window_months, fitted.features
        ).table
        parts = (model.design(table) - model.centre) / model.scale * model.beta
        by_group = pd.DataFrame(parts.T).groupby(np.array(group), sort=False).sum().T
        by_group.index = table.index
        long = by_group.reset_index(names="patient").melt(
            "patient", var_name="group", value_name="contribution"
        )
        rows.append(long.assign(landmark_months=landmark))
    return pd.concat(rows, ignore_index=True)[["patient", "landmark_months", "group", "contribution"]]


def _group(term: str, model: LandmarkSupermodel, cohort: Cohort) -> str:
    feature = term.removesuffix(" × landmark")
    if feature.rstrip("²") == LANDMARK.name:
        return TIME
    column = model.source_of[feature]
    series, _, kind = column.partition("__")
    if column == PROGRESSED.name or series == NEW_LESION:
        return "Progression or new lesion"
    return series_of(series).label if kind else BEFORE


def what_moved(contributions: pd.DataFrame) -> pd.DataFrame:
    """Return each group's change since the landmark before, largest first within patient and landmark.

    Returns
    -------
    DataFrame
        `patient`, `landmark_months`, `group`, `contribution`, `change`; the first landmark has none.
    """
    table = contributions.sort_values(["patient", "group", "landmark_months"], kind="stable")
    before = table.groupby(["patient", "group"], sort=False)["contribution"].shift()
    table = table.assign(change=table["contribution"] - before).dropna(subset="change")
    size = -table["change"].abs()
    return table.assign(size=size).sort_values(["patient", "landmark_months", "size"]).drop(columns="size")
