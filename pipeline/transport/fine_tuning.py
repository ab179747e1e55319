"""Models that start from patients of elsewhere and are moved by the few at hand."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.features import FeatureBuilder
from pipeline.models import ModelContext
from pipeline.models.contract import Outcome, check_outcome
from pipeline.models.cox import RidgeCox
from pipeline.models.partial_likelihood import RiskSets, penalised_fit
from pipeline.schema import Floats

# Prior patients: what the coefficients of elsewhere are worth, per standard deviation of a feature.
STRENGTHS: Final = (10.0, 30.0, 100.0, 300.0, 1000.0, 1e6)
INNER_FOLDS: Final = 5


class FineTunedCox:
    """Cox regression whose ridge penalty pulls towards the coefficients of a model fitted elsewhere.

    Coefficients maximise the log partial likelihood of the patients at hand less
    ``strength / 2 * |beta - beta0|^2``, features being those of the other model; the strength is chosen by
    cross-validated partial likelihood (Verweij and van Houwelingen, Stat Med 1993;12:2305) among
    `STRENGTHS`, of which the last leaves the other model as it is. With no more than `INNER_FOLDS` events
    that one is taken.

    Attributes
    ----------
    strength : float
    coefficients : array, shape (p,)
    """

    def __init__(self, start: RidgeCox) -> None:
        self.start = start

    def fit(self, frame: pd.DataFrame, y: Outcome, rng: np.random.Generator) -> FineTunedCox:
        """Move the coefficients by the patients at hand."""
        x, start = self._inputs(frame), self.start.coefficients
        months, event = np.ascontiguousarray(y["time"]), np.ascontiguousarray(y["event"])
        self.strength, self.coefficients = STRENGTHS[-1], start
        if event.sum() <= INNER_FOLDS:
            return self
        fold = np.empty(len(y), dtype=int)
        for kind in (True, False):
            members = np.flatnonzero(event == kind)
            fold[rng.permutation(members)] = np.arange(len(members)) % INNER_FOLDS
        everyone = RiskSets.of(x, months, event)
        scores = np.zeros(len(STRENGTHS))
        for k in range(INNER_FOLDS):
            inside = fold != k
            training = RiskSets.of(x[inside], months[inside], event[inside])
            for j, strength in enumerate(STRENGTHS):
                beta = self._solve(training, strength, start)
                scores[j] += everyone.log_likelihood(beta) - training.log_likelihood(beta)
        self.strength = STRENGTHS[int(np.argmax(scores))]
        self.coefficients = self._solve(everyone, self.strength, start)
        return self

    def risk(self, frame: pd.DataFrame) -> Floats:
        """Return the log relative hazard, shape (n,)."""
        return np.asarray(self._inputs(frame) @ self.coefficients, dtype=float)

    def _inputs(self, frame: pd.DataFrame) -> Floats:
        return np.ascontiguousarray(self.start.inputs(frame) - self.start.feature_means)

    @staticmethod
    def _solve(sets: RiskSets, strength: float, start: Floats) -> Floats:
        return penalised_fit(sets, strength * np.eye(len(start)), start, start)


class MixtureForest:
    """A survival forest grown on patients of elsewhere and on those at hand together.

    Everybody at hand has weight one; those of elsewhere have together the weight of `prior_patients`.

    Parameters
    ----------
    elsewhere : DataFrame
    y_elsewhere : structured array
    context : ModelContext
    prior_patients : float
    trees : int
    """

    def __init__(
        self,
        elsewhere: pd.DataFrame,
        y_elsewhere: Outcome,
        context: ModelContext,
        prior_patients: float,
        trees: int,
    ) -> None:
        self.elsewhere, self.y_elsewhere = elsewhere, y_elsewhere
        self.prior_patients, self.trees = prior_patients, trees
        check_outcome("mixture_forest", elsewhere, y_elsewhere)
        self.features = FeatureBuilder(context.columns, context.control_arm).fit(elsewhere)
        self.x_elsewhere = self._inputs(elsewhere)

    def fit(self, frame: pd.DataFrame, y: Outcome, rng: np.random.Generator) -> MixtureForest:
        """Grow the forest on the mixture; the features are those of elsewhere."""
        from pipeline.survival_forest import SurvivalForest

        x = np.concatenate([self.x_elsewhere, self._inputs(frame)])
        each = self.prior_patients / len(self.x_elsewhere)
        weight = np.concatenate([np.full(len(self.x_elsewhere), each), np.ones(len(frame))])
        forest = SurvivalForest(
            n_estimators=self.trees, min_samples_leaf=15, n_jobs=2, random_state=int(rng.integers(2**31 - 1))
        )
        self.nodes = forest.fit(x, np.concatenate([self.y_elsewhere, y]), sample_weight=weight).nodes_
        return self

    def risk(self, frame: pd.DataFrame) -> Floats:
        """Return ensemble mortality, shape (n,)."""
        return np.asarray(self.nodes.risk(self._inputs(frame), 2), dtype=float)

    def _inputs(self, frame: pd.DataFrame) -> NDArray[np.float32]:
        return self.features.transform(frame).to_numpy(dtype=np.float32)
