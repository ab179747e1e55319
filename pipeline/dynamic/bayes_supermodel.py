"""A landmark supermodel that starts from published evidence and is updated by the patients at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from pydantic import Field

from pipeline.dynamic.composite import Rows, composite_likelihood
from pipeline.dynamic.contract import DynamicAnalysis
from pipeline.dynamic.landmark_prior import LANDMARK_KIND, read_landmark_prior
from pipeline.dynamic.stack import Stack
from pipeline.models.contract import read_options
from pipeline.models.posterior import CoxPosterior, Heterogeneity
from pipeline.schema import Floats, InputError, Prediction


class BayesSupermodelOptions(Heterogeneity):
    """Where the prior stands, and how far the patients at hand may differ from published ones.

    How soon patients have the event at all differs between a trial and a clinic as well.
    """

    prior: Path | None = Field(
        None, description="JSON file made by `lungio prior COHORT --study`; must be given"
    )
    hazard_heterogeneity: float = Field(
        0.5, ge=0, description="standard deviation of the log baseline hazard between populations"
    )


class BayesSupermodel:
    """The landmark supermodel under a Normal prior, updated by what its rows are worth together.

    Form and prior are those of `LandmarkSupermodel` and `CoxPosterior`; the likelihood is that of
    `pipeline.dynamic.composite`, which allows for rows of one patient repeating each other.

    Values of serial measurements below the limit of detection stand for half the smallest positive value
    among the patients at hand, as in every dynamic model; in the prior, among drawn ones.

    Attributes
    ----------
    posterior : CoxPosterior
    likelihood : QuadraticLikelihood
    """

    def __init__(self, name: str = "bayes_supermodel", **options: Any) -> None:
        self.name = name
        self.options = read_options(BayesSupermodelOptions, name, options)
        if self.options.prior is None:
            raise InputError(
                f"models: {name}: prior is missing; name a file that `lungio prior COHORT --study` made"
            )
        self.prior, self.form = read_landmark_prior(self.options.prior)

    def fit(self, stack: Stack, rng: np.random.Generator) -> Self:
        """Update the prior by stacked rows; `rng` is not used.

        Raises
        ------
        InputError
            When the prior answers another question, or uses columns that the stack lacks.
        """
        faults = self._faults(stack.endpoint, stack.window_months, np.unique(stack.landmarks).tolist())
        lacking = {c.name for c in self.form.columns} - {c.name for c in stack.columns}
        if lacking:
            faults.append(
                f"the cohort lacks {', '.join(sorted(lacking))}, which the prior uses; make one with "
                "`lungio prior --columns` and `--series`"
            )
        if faults:
            raise InputError("; ".join(faults))
        rows = Rows(
            self.prior.centred(stack.table),
            np.asarray(stack.y["time"], dtype=float),
            np.asarray(stack.y["event"], dtype=bool),
            stack.patient,
            stack.landmarks,
        ).in_own_order()
        self.likelihood = composite_likelihood(self.prior, self.options, rows)
        self.posterior = CoxPosterior.of_quadratic(
            self.prior, self.options, self.likelihood, rows.x, rows.months, rows.event
        )
        self.patients = int(rows.patient.max()) + 1
        self.events = len(np.unique(rows.patient[rows.event]))
        return self

    def refusals(self, analysis: DynamicAnalysis) -> list[str]:
        """Return how the question of the prior differs from that of the analysis."""
        return self._faults(analysis.endpoint, analysis.window_months, analysis.landmarks_months)

    def _faults(self, endpoint: str, window_months: float, landmarks_months: Sequence[float]) -> list[str]:
        where, prior, form = f"models: {self.name}: {self.options.prior}", self.prior, self.form
        faults = []
        if endpoint != prior.endpoint:
            faults.append(f"the prior is of endpoint {prior.endpoint!r}, the analysis of {endpoint!r}")
        if abs(window_months - form.window_months) > 1e-9:
            faults.append(
                f"the prior is of a window of {form.window_months:g} months, the analysis of "
                f"{window_months:g}; make one with `lungio prior --study`"
            )
        strange = [s for s in landmarks_months if s > form.landmarks_months[-1] + 1e-9]
        if strange:
            faults.append(
                f"the prior's last landmark is at {form.landmarks_months[-1]:g} months; "
                f"{', '.join(f'{s:g}' for s in strange)} lie beyond it"
            )
        return [f"{where}: {fault}" for fault in faults]

    def predict(self, table: pd.DataFrame, months: Floats) -> Prediction:
        """Return the posterior mean of the log relative hazard as risk, and of survival.

        Raises
        ------
        InputError
            When a horizon lies beyond the window learnt from.
        """
        months = np.asarray(months, dtype=float)
        self.form.check_within(months)
        return self.posterior.predict(self.prior.centred(table), months)

    def intervals(self, level: float = 0.9) -> pd.DataFrame:
        """Return what was learnt of each coefficient; see `CoxPosterior.intervals`."""
        return self.posterior.intervals(self.prior, level)

    def table(self) -> pd.DataFrame:
        """Return `term`, `log_hazard_ratio` and its `standard_error`: posterior means and deviations."""
        known = self.intervals().rename(
            columns={"feature": "term", "mean": "log_hazard_ratio", "sd": "standard_error"}
        )
        return known[["term", "log_hazard_ratio", "standard_error"]]

    def parameters(self) -> Mapping[str, Any]:
        """Return the prior's origin, what a row was worth and the posterior of the heterogeneity."""
        return {
            "prior": self.prior.source,
            "kind": LANDMARK_KIND,
            "patients": self.patients,
            "patients_with_event": self.events,
            "worth_of_a_row": round(self.likelihood.worth, 4),
            **self.posterior.probabilities(),
        }
