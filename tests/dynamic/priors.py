"""Priors of landmark supermodels, learnt from made cohorts that no test fits or judges."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from pipeline.artifacts import write_json
from pipeline.dynamic import DynamicAnalysis
from pipeline.dynamic.landmark_prior import landmark_prior, stack_drawn
from pipeline.models.coefficient_prior import CoefficientPrior
from pipeline.schema import Cohort


def learnt(cohorts: Sequence[Cohort], analysis: DynamicAnalysis) -> CoefficientPrior:
    """The prior of every column there is."""
    stacks = stack_drawn(cohorts, analysis)
    return landmark_prior(stacks, stacks[0].columns_used(serial=True), "made for a test")


def kept(prior: CoefficientPrior) -> str:
    """A file of the prior."""
    path = Path(tempfile.mkdtemp(prefix="lungio-prior-")) / "prior.json"
    write_json(path, prior.to_dict())
    return str(path)
