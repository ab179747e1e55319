"""Classifiers of objective response, calibrated on training patients that their fits had not seen."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from itertools import product
from typing import Any, Final, Protocol, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from pipeline.config import Spec
from pipeline.metrics.probability import log_odds, recalibration
from pipeline.models.boosted_trees import BoostedTrees, Boosting
from pipeline.models.boosting import BoostingOptions, tune_trees
from pipeline.models.contract import Arrays
from pipeline.models.on_features import FeatureModel
from pipeline.models.partial_likelihood import SPARED_SHARE, standardised, stratified_folds
from pipeline.models.tuning import Search
from pipeline.schema import Cohort, Floats, InputError

LOGISTIC: Final = Boosting("binary:logistic", "logloss")
Responded = NDArray[np.bool_]
Parts = list[tuple[Responded, Responded]]  # rows to learn from, rows held out


class ResponseModel(Protocol):
    """What gives patients a probability of objective response."""

    def fit(self, cohort: Cohort, responded: Responded, rng: np.random.Generator) -> Self:
        """Learn from training patients."""

    def probability(self, cohort: Cohort) -> Floats:
        """Return each patient's probability, shape (n,)."""

    def parameters(self) -> dict[str, Any]:
        """Return options and what was chosen, flat and JSON-ready."""


class CalibratedClassifier(FeatureModel):
    """Log odds of response from features, made a probability by a line learnt on held-out log odds.

    The training patients are dealt into folds, responders evenly; settings are those of the lowest held-out
    log loss. The held-out log odds of that choice are regressed on what happened (Platt's method; Cox,
    Biometrika 1958;45:562), a slope below zero taken as zero, and the line is laid through the log odds of
    the fit on all training patients. So no patient who is predicted has a say in the calibration.

    Attributes
    ----------
    intercept, slope : float
        Of the line.
    """

    intercept: float
    slope: float
    tuning: Search | None = None

    def fit(self, cohort: Cohort, responded: Responded, rng: np.random.Generator) -> Self:
        """Choose settings, calibrate, and fit on all training patients."""
        counts = int(responded.sum()), int((~responded).sum())
        if min(counts) < 2:
            raise InputError(
                f"response: {self.name}: {counts[0]} of {len(responded)} training patients responded; two "
                "with and two without a response are needed"
            )
        x = self.learn_columns(cohort.observed).to_numpy()
        fold_rng, fit_rng = rng.spawn(2)
        folds = min(self.options.inner_folds, *counts)
        fold = stratified_folds(responded, folds, fold_rng)
        parts = [(fold != k, fold == k) for k in range(folds)]
        held_out = self.learn(x, responded, parts, fit_rng)
        line = recalibration(responded, held_out, np.ones((1, len(responded))))[0]
        if np.isfinite(line).all() and line[1] > 0:
            self.intercept, self.slope = float(line[0]), float(line[1])
        else:  # what was learnt tells nothing, or the wrong way round
            self.intercept, self.slope = float(log_odds(np.asarray(responded.mean()))), 0.0
        return self

    @abstractmethod
    def learn(self, x: Floats, responded: Responded, parts: Parts, rng: np.random.Generator) -> Floats:
        """Choose settings by held-out log loss, fit on all rows; return the choice's held-out log odds."""

    @abstractmethod
    def raw_log_odds(self, x: Floats) -> Floats:
        """Return the log odds of the fit on all rows, before calibration."""

    @abstractmethod
    def parameters(self) -> dict[str, Any]:
        """Return options, what was chosen and the calibration, flat and JSON-ready."""

    def probability(self, cohort: Cohort) -> Floats:
        """Return calibrated probabilities, shape (n,)."""
        return self.probability_of(cohort.observed)

    def probability_of(self, frame: pd.DataFrame) -> Floats:
        """Return calibrated probabilities of the rows of a table with the declared columns, shape (n,)."""
        from scipy.special import expit

        return np.asarray(expit(self.intercept + self.slope * self.raw_log_odds(self.inputs(frame))))

    def calibration(self) -> dict[str, Any]:
        """Return the line."""
        return {"calibration_intercept": self.intercept, "calibration_slope": self.slope}


class LogisticOptions(Spec):
    """Penalties tried, per patient and for standardised features, and the folds that choose between them."""

    penalties: tuple[float, ...] = Field((0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0), min_length=1)
    inner_folds: int = Field(5, ge=2, le=20)


class RidgeLogistic(CalibratedClassifier):
    """Logistic regression with a ridge penalty, by scikit-learn.

    Held-out log loss chooses the penalty, and whether the arm bears it with the markers or in effect not at
    all: shrunk with a hundred markers that may be noise, an arm that matters is lost; an arm that does not is
    noise itself.

    Attributes
    ----------
    penalty, arm_share : float
        What was chosen, and how much of it the arm bears.
    constant : float
    coefficients : array, shape (p,)
        Log odds ratios per unit of each feature.
    """

    name = "logistic"
    Options = LogisticOptions

    def __init__(self, context: Any, **options: Any) -> None:
        super().__init__(context, **options)
        self.check_penalties()

    def learn(self, x: Floats, responded: Responded, parts: Parts, rng: np.random.Generator) -> Floats:
        """Choose the penalty, and how much of it the arm bears, and fit."""
        best: tuple[float, float, float, Floats] | None = None
        shares = (SPARED_SHARE, 1.0) if self.of_arm.any() else (1.0,)
        for share, penalty in product(shares, self.options.penalties):
            held_out, borne = np.empty(len(x)), penalty * self.penalty_shares(share)
            for inside, outside in parts:
                constant, coefficients = _ridge(x[inside], responded[inside], borne)
                held_out[outside] = constant + x[outside] @ coefficients
            loss = _log_loss(responded, held_out)
            if best is None or loss < best[0]:
                best = loss, share, penalty, held_out
        assert best is not None  # noqa: S101 - the options name at least one penalty
        _, self.arm_share, self.penalty, held_out = best
        borne = self.penalty * self.penalty_shares(self.arm_share)
        self.constant, self.coefficients = _ridge(x, responded, borne)
        return held_out

    def raw_log_odds(self, x: Floats) -> Floats:
        """Return the linear predictor."""
        return np.asarray(self.constant + x @ self.coefficients)

    def parameters(self) -> dict[str, Any]:
        """Return the penalty chosen and the calibration."""
        chosen = {"penalty": self.penalty, "arm_share": self.arm_share}
        said = {"inner_folds": self.options.inner_folds, "features": len(self.feature_names)}
        return chosen | said | self.calibration()

    def learnt(self) -> tuple[dict[str, Any], Arrays]:
        """Return the penalty, the calibration and the coefficients."""
        chosen = {"penalty": self.penalty, "arm_share": self.arm_share, "constant": self.constant}
        return chosen | self.calibration(), {"coefficients": self.coefficients}

    def take(self, document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Set what `learnt` returned."""
        self.penalty, self.arm_share = float(document["penalty"]), float(document["arm_share"])
        self.constant = float(document["constant"])
        self.intercept = float(document["calibration_intercept"])
        self.slope = float(document["calibration_slope"])
        self.coefficients = arrays["coefficients"]


def _ridge(x: Floats, responded: Responded, penalties: Floats) -> tuple[float, Floats]:
    """Constant and coefficients per unit of `x`; `penalties` are per patient, on standardised columns."""
    from sklearn.linear_model import LogisticRegression

    scaled, spread = standardised(x)
    size = spread * np.sqrt(penalties)  # scikit-learn's penalty is one for all
    model = LogisticRegression(C=1 / len(x), solver="newton-cholesky", max_iter=1000, tol=1e-7)
    model.fit(scaled / np.sqrt(penalties), responded)
    coefficients = model.coef_[0] / size
    return float(model.intercept_[0] - x.mean(axis=0) @ coefficients), np.asarray(coefficients)


def _log_loss(responded: Responded, odds: Floats) -> float:
    return float(np.logaddexp(0.0, np.where(responded, -odds, odds)).mean())


class BoostedClassifier(CalibratedClassifier):
    """Boosted trees on the logistic loss, by xgboost; settings by Optuna, as those of ``gbm``.

    Trees start from the response rate of each arm: they need not find it first.

    Attributes
    ----------
    constant : float
    coefficients : array, shape (p,)
        Log odds from which the trees start, of a regression on the arm alone.
    trees : BoostedTrees
    settings : dict
    """

    name = "boosted"
    Options = BoostingOptions

    def learn(self, x: Floats, responded: Responded, parts: Parts, rng: np.random.Generator) -> Floats:
        """Search settings and the number of trees, and grow them."""
        grown_on, label = x.astype(np.float32), responded.astype(float)
        search_rng, seed_rng = rng.spawn(2)
        by_arm = [self._arm_odds(x[inside], responded[inside]) for inside, _ in parts]
        starts = [constant + x @ coefficients for constant, coefficients in by_arm]
        tuned = tune_trees(
            LOGISTIC, grown_on, label, np.ones(len(x)), parts, self.options, (search_rng, seed_rng),
            f"tune response {self.name}", self.context.progress, starts,
        )  # fmt: skip
        self.tuning, self.settings, self.searched = tuned.search, tuned.settings, tuned.searched
        held_out = np.empty(len(x))
        for (inside, outside), start in zip(parts, starts, strict=True):
            trees = LOGISTIC.grow(grown_on[inside], label[inside], self.settings, tuned.seed, start[inside])
            held_out[outside] = start[outside] + trees.total(grown_on[outside])
        self.constant, self.coefficients = self._arm_odds(x, responded)
        start = self.constant + x @ self.coefficients
        self.trees = LOGISTIC.grow(grown_on, label, self.settings, tuned.seed, start)
        return held_out

    def _arm_odds(self, x: Floats, responded: Responded) -> tuple[float, Floats]:
        coefficients = np.zeros(x.shape[1])
        if not self.of_arm.any():
            return float(log_odds(responded.mean())), coefficients
        arm = x[:, self.of_arm]
        constant, coefficients[self.of_arm] = _ridge(arm, responded, np.full(arm.shape[1], SPARED_SHARE))
        return constant, coefficients

    def raw_log_odds(self, x: Floats) -> Floats:
        """Return the arm's log odds and the trees' sum."""
        return np.asarray(self.constant + x @ self.coefficients + self.trees.total(x.astype(np.float32)))

    def parameters(self) -> dict[str, Any]:
        """Return the settings chosen, the budget and the calibration."""
        options: dict[str, Any] = self.options.model_dump(mode="json")
        return options | self.settings | self.searched | self.calibration()

    def learnt(self) -> tuple[dict[str, Any], Arrays]:
        """Return settings, calibration and the trees."""
        document = {"settings": self.settings, "searched": self.searched, "constant": self.constant}
        return document | self.calibration(), self.trees.to_arrays() | {"coefficients": self.coefficients}

    def take(self, document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Set what `learnt` returned."""
        self.settings, self.searched = dict(document["settings"]), dict(document["searched"])
        self.constant, self.coefficients = float(document["constant"]), arrays["coefficients"]
        self.intercept = float(document["calibration_intercept"])
        self.slope = float(document["calibration_slope"])
        self.trees = BoostedTrees.from_arrays(arrays)
