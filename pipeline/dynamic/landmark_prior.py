"""What published evidence says of a landmark supermodel: a prior learnt from drawn cohorts with visits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import pandas as pd

from pipeline.dynamic.contract import DynamicAnalysis
from pipeline.dynamic.design import LandmarkDesign
from pipeline.dynamic.stack import Stack, stack_landmarks
from pipeline.features import FeatureBuilder
from pipeline.landmark import LandmarkFeatures
from pipeline.models.coefficient_prior import CoefficientPrior, Sample, check_cohorts, read_prior
from pipeline.schema import Cohort, Column, InputError

LANDMARK_KIND: Final = "landmark"
# a row: features of one series nearly repeat each other, and what no cohort can tell apart is to stay small
LANDMARK_PENALTY: Final = 1e-3


def stack_drawn(cohorts: Iterable[Cohort], analysis: DynamicAnalysis) -> list[Stack]:
    """Stack drawn cohorts at the landmarks of `analysis`, with the features that the first one has.

    Raises
    ------
    InputError
        When nothing is measured again after the start of treatment.
    """
    features: LandmarkFeatures | None = None
    stacks = []
    for cohort in cohorts:
        if cohort.visits is None:
            raise InputError(
                f"cohort {cohort.name!r} has no serial measurements; give its file a `visits:` block"
            )
        features = features or LandmarkFeatures().fit(cohort.visits, cohort.observed.index)
        stacks.append(
            stack_landmarks(
                cohort, analysis.endpoint, analysis.landmarks_months, analysis.window_months, features
            )
        )
    return stacks


def landmark_prior(stacks: Sequence[Stack], columns: Sequence[Column], source: str) -> CoefficientPrior:
    """Learn the prior from stacked cohorts that each were drawn from another sample of the evidence.

    Parameters
    ----------
    stacks : sequence of Stack
        At least five, of simulated cohorts at the same landmarks.
    columns : sequence of Column
        Columns of the stacks that become features.
    source : str
        Which cohort was drawn, how often and from which evidence.
    """
    check_cohorts(len(stacks))
    first = stacks[0]
    features = FeatureBuilder(tuple(columns), first.control_arm)
    features.fit(pd.concat([s.table for s in stacks], ignore_index=True))
    design = LandmarkDesign.of(first, features, interactions=True)
    samples = [Sample(s.table, s.y, s.patient) for s in stacks]
    return CoefficientPrior.learnt(design, samples, first.endpoint, source, LANDMARK_KIND, LANDMARK_PENALTY)


def read_landmark_prior(path: Path) -> tuple[CoefficientPrior, LandmarkDesign]:
    """Return the prior in a JSON file and the form of its model; InputError when it is no such prior."""
    prior = read_prior(path, LANDMARK_KIND, LandmarkDesign.from_dict)
    assert isinstance(prior.features, LandmarkDesign)  # noqa: S101 - made by its from_dict
    return prior, prior.features
