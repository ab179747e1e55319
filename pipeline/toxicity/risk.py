"""Who will have an adverse event: models with progression and death as competing causes, judged as such."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.features import FeatureBuilder
from pipeline.metrics import interval, resamples
from pipeline.metrics.censoring import Censoring
from pipeline.metrics.probability import weighted_auc
from pipeline.models import ModelContext, build_model
from pipeline.models.contract import Outcome, steps_at
from pipeline.schema import Cohort, Column, Floats, Progress, silent
from pipeline.toxicity.incidence import COMPETING, EVENT

FOREST: Final[dict[str, Any]] = {"n_estimators": 200, "min_samples_leaf": 15}


class CauseModel(Protocol):
    """A model of the first of several causes."""

    def fit(
        self, frame: pd.DataFrame, months: Floats, cause: NDArray[np.intp], rng: np.random.Generator
    ) -> Self:
        """Learn from training patients."""

    def incidence(self, frame: pd.DataFrame, months: Floats) -> Floats:
        """Return the probability of the adverse event first and by `months`, shape (n, m)."""


class CauseSpecificCox:
    """A ridge Cox model for each cause; incidence by putting the two together (Benichou and Gail 1990)."""

    def __init__(self, context: ModelContext) -> None:
        self.context = context

    def fit(
        self, frame: pd.DataFrame, months: Floats, cause: NDArray[np.intp], rng: np.random.Generator
    ) -> Self:
        """Fit one model a cause, the other cause censored."""
        self.models = {}
        for k, child in zip((EVENT, COMPETING), rng.spawn(2), strict=True):
            if (cause == k).any():
                model: Any = build_model("cox", self.context)
                self.models[k] = model.fit(frame, _outcome(months, cause == k), child)
        return self

    def incidence(self, frame: pd.DataFrame, months: Floats) -> Floats:
        """Return ``Σ S(u-) dΛ1(u)`` over event times u up to each month, with S of both causes."""
        grid = np.unique(np.concatenate([m.baseline_months for m in self.models.values()]))
        hazards = {
            k: np.outer(
                np.exp(m.log_relative_hazard(frame)),
                steps_at(grid, m.baseline_months, m.baseline_cumulative_hazard, before=0.0),
            )
            for k, m in self.models.items()
        }
        if EVENT not in hazards:
            return np.zeros((len(frame), len(months)))
        total = np.sum(list(hazards.values()), axis=0)
        free = np.exp(-np.concatenate([np.zeros((len(frame), 1)), total[:, :-1]], axis=1))
        rises = np.diff(hazards[EVENT], axis=1, prepend=0.0)
        return steps_at(months, grid, np.cumsum(free * rises, axis=1), before=0.0)


class CompetingForest:
    """A survival forest that splits on both causes, with Aalen-Johansen leaves."""

    def __init__(self, context: ModelContext) -> None:
        self.context = context

    def fit(
        self, frame: pd.DataFrame, months: Floats, cause: NDArray[np.intp], rng: np.random.Generator
    ) -> Self:
        """Grow the forest."""
        from pipeline.survival_forest import SurvivalForest

        self.features = FeatureBuilder(self.context.columns, self.context.control_arm).fit(frame)
        y = np.empty(len(months), dtype=[("cause", int), ("time", float)])
        y["cause"], y["time"] = cause, months
        self.forest = SurvivalForest(**FOREST, random_state=int(rng.integers(2**31 - 1)))
        self.forest.fit(self.features.transform(frame).to_numpy(), y)
        return self

    def incidence(self, frame: pd.DataFrame, months: Floats) -> Floats:
        """Return the mean of the leaves' incidence."""
        found = self.forest.predict_cumulative_incidence(
            self.features.transform(frame).to_numpy(), times=months
        )
        return np.asarray(found)[:, EVENT - 1]


CAUSE_MODELS: Final[Mapping[str, Any]] = {
    "cause_specific_cox": CauseSpecificCox,
    "competing_forest": CompetingForest,
}


def _outcome(months: Floats, event: NDArray[np.bool_]) -> Outcome:
    y = np.empty(len(months), dtype=[("event", bool), ("time", float)])
    y["event"], y["time"] = event, months
    return y


@dataclass(frozen=True)
class Weighted:
    """Patients at a horizon: inverse censoring weights of cases and of controls, shape (b, n) each."""

    cases: Floats
    controls: Floats


def weigh(months: Floats, cause: NDArray[np.intp], horizon: float, weights: Floats) -> Weighted:
    """Weigh cases (event by the horizon) and controls (event-free then, or the other cause before).

    Those censored before the horizon weigh nothing, and the others the more for it (Blanche, Dartigues and
    Jacqmin-Gadda, Stat Med 2013;32:5381-5397, second definition of controls).
    """
    censoring = Censoring.of(_outcome(months, cause > 0), weights)
    by_then = months <= horizon
    own = weights / np.maximum(censoring.before(), 1e-12)
    later = weights * (~by_then) / np.maximum(censoring.at(horizon), 1e-12)
    return Weighted(own * (by_then & (cause == EVENT)), later + own * (by_then & (cause == COMPETING)))


def competing_auc(predicted: Floats, weighted: Weighted, fold: NDArray[np.intp] | None = None) -> Floats:
    """Return the chance that a case was predicted higher than a control, within `fold`, shape (b,)."""
    return weighted_auc(predicted, weighted.cases, weighted.controls, fold)


def competing_brier(predicted: Floats, weighted: Weighted, weights: Floats) -> Floats:
    """Return the weighted mean squared error of the predicted probability, shape (b,)."""
    error = weighted.cases @ (1 - predicted) ** 2 + weighted.controls @ predicted**2
    return np.asarray(error / weights.sum(axis=1))


def cross_validated_risk(
    cohort: Cohort,
    months: Floats,
    cause: NDArray[np.intp],
    columns: Sequence[Column],
    horizons_months: Sequence[float],
    folds: int,
    rng: np.random.Generator,
    replicates: int = 200,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Judge each of CAUSE_MODELS by cross-validation beside what is known of nobody (Aalen-Johansen).

    Returns
    -------
    DataFrame
        `model`, `metric` ("auc", "brier", "scaled_brier"), `horizon_months`, `value`, `low`, `high`,
        `patients`, `events`. Intervals are percentiles over resampled patients, the models held fixed.
    """
    context = ModelContext(
        columns=tuple(columns), endpoint="os", horizons_months=tuple(horizons_months),
        max_months=float(months.max()), control_arm=cohort.control_arm,
    )  # fmt: skip
    at = np.asarray(horizons_months, dtype=float)
    deal_rng, models_rng, boot_rng = rng.spawn(3)
    fold = _dealt(cause, folds, deal_rng)
    predicted = {name: np.full((len(months), len(at)), np.nan) for name in [*CAUSE_MODELS, ""]}
    for k, child in enumerate(models_rng.spawn(folds)):
        inside, frame = fold != k, cohort.observed
        for (name, kind), draws in zip(CAUSE_MODELS.items(), child.spawn(len(CAUSE_MODELS)), strict=True):
            model: CauseModel = kind(context).fit(frame[inside], months[inside], cause[inside], draws)
            predicted[name][~inside] = model.incidence(frame[~inside], at)
        predicted[""][~inside] = _null(months[inside], cause[inside], at)
        progress("toxicity models", k + 1, folds)
    weights = np.vstack([np.ones((1, len(months))), resamples(len(months), replicates, boot_rng)])
    rows = []
    for j, horizon in enumerate(at):
        weighted = weigh(months, cause, float(horizon), weights)
        null = competing_brier(predicted[""][:, j], weighted, weights)
        events = int(((months <= horizon) & (cause == EVENT)).sum())
        for name in CAUSE_MODELS:
            brier = competing_brier(predicted[name][:, j], weighted, weights)
            for metric, values in (
                ("auc", competing_auc(predicted[name][:, j], weighted, fold)),
                ("brier", brier),
                ("scaled_brier", 1 - brier / null),
            ):
                low, high = interval(values[1:, None], 0.95)
                rows.append((name, metric, float(horizon), values[0], low[0], high[0], len(months), events))
    names = ["model", "metric", "horizon_months", "value", "low", "high", "patients", "events"]
    return pd.DataFrame(rows, columns=names)


def _dealt(cause: NDArray[np.intp], folds: int, rng: np.random.Generator) -> NDArray[np.intp]:
    fold = np.empty(len(cause), dtype=np.intp)
    for k in np.unique(cause):
        rows = np.flatnonzero(cause == k)
        fold[rng.permutation(rows)] = np.arange(len(rows)) % folds
    return fold


def _null(months: Floats, cause: NDArray[np.intp], at: Floats) -> Floats:
    from sksurv.nonparametric import cumulative_incidence_competing_risks

    knots, share = cumulative_incidence_competing_risks(cause, months)
    return steps_at(at, knots, share[EVENT], before=0.0)
