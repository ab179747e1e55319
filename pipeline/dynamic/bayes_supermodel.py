"""A landmark supermodel that starts from published evidence and is updated by the patients at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from pipeline.dynamic.contract import DynamicAnalysis
from pipeline.dynamic.landmark_prior import LANDMARK_KIND, read_landmark_prior
from pipeline.dynamic.stack import Stack
from pipeline.models.coefficient_prior import CoefficientPrior
from pipeline.models.contract import read_options
from pipeline.models.partial_likelihood import RiskSets, penalised_fit
from pipeline.models.posterior import CoxPosterior, Heterogeneity
from pipeline.models.robust import clustered_covariance, score_residuals
from pipeline.schema import Floats, InputError, Prediction


class BayesSupermodelOptions(Heterogeneity):
    """Where the prior stands, and how far the patients at hand may differ from published ones.

    A landmark model has many more coefficients than one of baseline columns, so each may differ by less.
    """

    prior: Path | None = Field(
        None, description="JSON file made by `lungio prior COHORT --study`; must be given"
    )
    heterogeneity: tuple[float, ...] = Field((0.0, 0.02, 0.05, 0.1, 0.2), min_length=1)
    heterogeneity_scale: float = Field(0.05, gt=0)


class BayesSupermodel:
    """The landmark supermodel under a Normal prior, its likelihood weighed by what its rows are worth.

    Form and prior are those of `LandmarkSupermodel` and `CoxPosterior`. The rows of one patient repeat each
    other: an event within the window of three landmarks is counted three times, so the stacked partial
    likelihood is a composite one, and its curvature H promises more than there is. It is raised to the power
    k, the magnitude adjustment of Pauli, Racugno and Ventura (Stat Sinica 2011;21:149-164) and of Ribatet,
    Cooley and Davison (Stat Sinica 2012;22:813-845), who take k = p / tr(H⁻¹J) with J the variance of the
    score, here clustered by patient. With more coefficients than patients H has no inverse; the prior's
    precision P takes its place:

        k = tr((H + P)⁻¹ H) / tr((H + P)⁻¹ J),

    the number of coefficients that the patients would tell if rows were independent, by the number that they
    do tell (Takeuchi's); it tends to the published k as the prior widens. H and J are taken at the mode
    without a weight, with P at the mean heterogeneity. k is at most 1: rows are never worth more than
    independent ones. One power cannot make every direction right: how well single coefficients are covered
    is for `python -m benchmarks bayes_landmark` to show.

    Values of serial measurements below the limit of detection stand for half the smallest positive value
    among the patients at hand, as in every dynamic model; in the prior, among drawn ones.

    Attributes
    ----------
    posterior : CoxPosterior
    worth : float
        The power k.
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
        x = self.prior.centred(stack.table)
        months, event = np.asarray(stack.y["time"], dtype=float), np.asarray(stack.y["event"], dtype=bool)
        # in an order of their own, so that sums are the same bits however rows are given
        order = np.lexsort((*x.T, event, months))
        x, months, event = x[order], months[order], event[order]
        patient = pd.factorize(stack.patient[order])[0]
        self.worth = _worth(self.prior, self.options, x, months, event, patient) if event.any() else 1.0
        self.posterior = CoxPosterior.of(self.prior, self.options, x, months, event, self.worth)
        self.patients = int(patient.max()) + 1
        self.events = len(np.unique(patient[event]))
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
            "worth_of_a_row": round(self.worth, 4),
            **self.posterior.probabilities(),
        }


def _worth(
    prior: CoefficientPrior,
    allowed: Heterogeneity,
    x: Floats,
    months: Floats,
    event: NDArray[np.bool_],
    patient: NDArray[np.intp],
) -> float:
    """Return the power k of the stacked likelihood, as `BayesSupermodel` has it."""
    taus, log_weight = allowed.log_prior()
    weight = np.exp(log_weight - log_weight.max())
    variance = float(weight @ taus**2 / weight.sum())
    precision = np.linalg.inv(prior.covariance + variance * np.eye(len(prior.mean)))
    sets = RiskSets.of(x, months, event)
    mode = penalised_fit(sets, precision, prior.mean, prior.mean)
    information = sets.information(mode)
    curvature = information + precision
    sandwich = clustered_covariance(score_residuals(x, months, event, mode), curvature, patient)
    independent = float(np.trace(np.linalg.solve(curvature, information)))
    told = float(np.trace(curvature @ sandwich))
    return 1.0 if told <= independent else independent / told
