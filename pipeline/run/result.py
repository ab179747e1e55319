"""What an analysis hands on: tables, fitted models, checks and notes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipeline.config import Analysis

if TYPE_CHECKING:
    from pipeline.explain import Attribution
    from pipeline.models import SurvivalModel
    from pipeline.response.classifiers import CalibratedClassifier


@dataclass(frozen=True)
class Check:
    """Something that must hold of every run, and whether it did in this one."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True)
class RunResult:
    """Everything an analysis found.

    Attributes
    ----------
    analysis : Analysis
        What was asked.
    tables : mapping of str to DataFrame
        Tidy tables by name; `pipeline.run.TABLES` says what each holds. Patients are rows counted from
        zero, never identifiers.
    models : mapping of str to SurvivalModel
        Fitted on the whole training cohort.
    classifiers : mapping of str to CalibratedClassifier
        Of objective response, where asked for; fitted on the whole training cohort.
    response_parameters : mapping
        What each classifier, and what stands beside them, rests on.
    attributions : mapping of str to Attribution
        Exact explanations of the models that have one.
    checks : tuple of Check
    notes : tuple of str
        What a reader must know: left-out horizons, univariable effects, small groups.
    """

    analysis: Analysis
    tables: Mapping[str, pd.DataFrame]
    models: Mapping[str, SurvivalModel]
    attributions: Mapping[str, Attribution] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    notes: tuple[str, ...] = ()
    classifiers: Mapping[str, CalibratedClassifier] = field(default_factory=dict)
    response_parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def check(self, name: str) -> Check:
        """Return the check called `name`."""
        return next(c for c in self.checks if c.name == name)
