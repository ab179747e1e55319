"""What an analysis hands on: tables, fitted models, checks and notes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from pipeline.config import Analysis

if TYPE_CHECKING:
    from pipeline.explain import Attribution
    from pipeline.models import SurvivalModel


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

    def check(self, name: str) -> Check:
        """Return the check called `name`."""
        return next(c for c in self.checks if c.name == name)
